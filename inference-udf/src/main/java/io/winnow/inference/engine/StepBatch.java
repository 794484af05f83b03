// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.kernels.RowMap;

/** What one step computes. Filled anew by {@link Scheduler#next} for every step. */
final class StepBatch {
  final int[] tokens;
  final int[] positions;
  final int[][] pages;
  int rows;
  /** The first of the rows: one for each running sequence and its guesses. The others are prompts in prefill. */
  int decodeRows;
  /** Rows whose logits are wanted, and the sequences that draw from them. */
  final int[] logitRows;
  final Sequence[] drawing;
  /** For each draw how many guesses of its sequence stand before it: it counts only if all of them came true. */
  final int[] ahead;
  int draws;
  /** Sequences that end with this step, because they draw nothing. */
  final Sequence[] ending;
  int ends;
  /** Rows of prefills whose logits say how likely the next token of the prompt is. */
  final int[] scoreRows;
  final int[] scoreTokens;
  /** Places of these tokens in their prompts. */
  final int[] scorePlaces;
  final Prefill[] scoring;
  /** Receives their log-probabilities; NaN where a logit is not finite. */
  final float[] scored;
  int scores;

  StepBatch(int maxRows, int maxDraws) {
    tokens = new int[maxRows];
    positions = new int[maxRows];
    pages = new int[maxRows][];
    logitRows = new int[maxDraws];
    drawing = new Sequence[maxDraws];
    ahead = new int[maxDraws];
    ending = new Sequence[maxDraws];
    scoreRows = new int[maxRows];
    scoreTokens = new int[maxRows];
    scorePlaces = new int[maxRows];
    scoring = new Prefill[maxRows];
    scored = new float[maxRows];
  }

  void clear() {
    rows = 0;
    draws = 0;
    ends = 0;
    scores = 0;
  }

  int add(int token, int position, int[] pageTable) {
    tokens[rows] = token;
    positions[rows] = position;
    pages[rows] = pageTable;
    return rows++;
  }

  void draw(int row, Sequence sequence) {
    draw(row, sequence, 0);
  }

  void draw(int row, Sequence sequence, int guesses) {
    logitRows[draws] = row;
    ahead[draws] = guesses;
    drawing[draws++] = sequence;
  }

  /**
   * Whether a draw is of the sequence as it is now: the guesses before it, if there are any, have been drawn, and they
   * have not opened thinking that is over its budget, whose next token is no draw among all.
   */
  boolean counts(int draw) {
    Sequence s = drawing[draw];
    return s.finish == null
        && s.drawn == ahead[draw]
        && (ahead[draw] == 0 || s.generated[s.count - 1] == tokens[logitRows[draw]] && !s.forced());
  }

  /** The sequence draws from the row, or ends. */
  void drawOrEnd(int row, Sequence sequence) {
    if (sequence.drawsNothing()) {
      ending[ends++] = sequence;
    } else {
      draw(row, sequence);
    }
  }

  /** Asks how likely the prompt's token behind a row is, where that is wanted. */
  void score(int row, Prefill prefill) {
    PromptScores wanted = prefill.scores();
    if (wanted.wants(positions[row])) {
      scoreRows[scores] = row;
      scorePlaces[scores] = positions[row] + 1;
      scoreTokens[scores] = wanted.token(positions[row] + 1);
      scoring[scores++] = prefill;
    }
  }

  RowMap rowMap() {
    return new RowMap(rows, positions, pages);
  }
}
