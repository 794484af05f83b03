// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

import io.winnow.kernels.internal.JavaKernels;
import java.util.List;

/** Picks the best implementation that this machine can run, and says why the better ones were not taken. */
public final class KernelsLadder {
  private KernelsLadder() {}

  /**
   * One rung.
   *
   * @param name implementation
   * @param unusableReason why it is not taken, null when it is
   */
  public record Rung(String name, String unusableReason) {}

  /** The rungs, best first; the first without a reason is what {@link #open} gives. */
  public static List<Rung> rungs() {
    return List.of(
        new Rung("native", "this build has no native library"), new Rung("java", null));
  }

  /** Bytes that a matrix [rows][cols] takes once {@link Kernels#pack} of what {@link #open} gives has packed it. */
  public static long packedBytes(int rows, int cols, WeightFormat format) {
    return JavaKernels.packedBytes(rows, cols, format);
  }

  /**
   * Opens the best usable implementation.
   *
   * @param threads size of its team, at least 1
   */
  public static Kernels open(int threads) {
    return new JavaKernels(threads);
  }
}
