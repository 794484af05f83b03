// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

/** A {@link StepPlan} as its {@link Kernels} runs it. One caller at a time. */
public interface PreparedStep extends AutoCloseable {
  /**
   * Runs all operations on these rows.
   *
   * @throws KernelException for a token that the embedding does not have
   * @throws IndexOutOfBoundsException for more rows than a buffer holds, a position beyond the tables, an unknown page
   */
  void run(StepRows rows);

  @Override
  void close();
}
