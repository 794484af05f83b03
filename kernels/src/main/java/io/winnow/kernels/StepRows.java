// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

/**
 * What one step computes.
 *
 * @param tokens token of each row; read by {@link StepPlan.Embed}
 * @param map sequences and positions of the rows; its count is the number of rows
 * @param picked rows that {@link StepPlan.Gather} picks; one may occur several times
 * @param pickedCount how many of them
 */
public record StepRows(int[] tokens, RowMap map, int[] picked, int pickedCount) {}
