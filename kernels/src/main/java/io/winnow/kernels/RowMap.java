// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

/**
 * Which token of which sequence each row of a step is. Rows of one sequence stand side by side in ascending position.
 *
 * @param count rows in use; the arrays may be longer
 * @param position position of each row in its sequence, from 0
 * @param pages page table of each row's sequence: page of positions 64·i … 64·i+63 at index i
 */
public record RowMap(int count, int[] position, int[][] pages) {}
