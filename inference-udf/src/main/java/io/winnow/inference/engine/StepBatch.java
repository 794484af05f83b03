// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.kernels.RowMap;

/** What one step computes. Filled anew by {@link Scheduler#next} for every step. */
final class StepBatch {
  final int[] tokens;
  final int[] positions;
  final int[][] pages;
  int rows;
  /** The first of the rows: one for each running sequence. The others are prompts in prefill. */
  int decodeRows;
  /** Rows whose logits are wanted, and the sequences that draw from them. */
  final int[] logitRows;
  final Sequence[] drawing;
  int draws;

  StepBatch(int maxRows, int maxDraws) {
    tokens = new int[maxRows];
    positions = new int[maxRows];
    pages = new int[maxRows][];
    logitRows = new int[maxDraws];
    drawing = new Sequence[maxDraws];
  }

  void clear() {
    rows = 0;
    draws = 0;
  }

  int add(int token, int position, int[] pageTable) {
    tokens[rows] = token;
    positions[rows] = position;
    pages[rows] = pageTable;
    return rows++;
  }

  void draw(int row, Sequence sequence) {
    logitRows[draws] = row;
    drawing[draws++] = sequence;
  }

  RowMap rowMap() {
    return new RowMap(rows, positions, pages);
  }
}
