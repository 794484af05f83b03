// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

import java.util.List;

/**
 * The operations of a step in their order, built once for a model and run for each batch by {@link Kernels#prepare}.
 * Buffers stay open as long as the plan is used. Each record means what the method of {@link Kernels} of its name does.
 */
public record StepPlan(List<Op> ops) {
  public StepPlan {
    ops = List.copyOf(ops);
  }

  /** Which rows an operation works on. */
  public enum RowSet {
    /** All rows of the step. */
    ALL,
    /** The rows that {@link Gather} has picked, in its order. */
    PICKED
  }

  /** One operation. */
  public sealed interface Op {}

  /** out[r] = row tokens[r] of the weight. */
  public record Embed(Weight weight, NativeBuffer out) implements Op {}

  /** {@link Kernels#rmsNorm}. */
  public record RmsNorm(RowSet rows, NativeBuffer x, int cols, NativeBuffer weight, float eps, NativeBuffer out)
      implements Op {}

  /** {@link Kernels#matmul}; bias and residual may be null. */
  public record Matmul(
      RowSet rows, NativeBuffer x, Weight weight, NativeBuffer bias, NativeBuffer residual, NativeBuffer out)
      implements Op {}

  /** {@link Kernels#rope}. */
  public record Rope(NativeBuffer x, int stride, int heads, int headDim, NativeBuffer cos, NativeBuffer sin)
      implements Op {}

  /** {@link Kernels#storeKv}. */
  public record StoreKv(NativeBuffer qkv, KvCache cache, int layer, int heads) implements Op {}

  /** {@link Kernels#attention}. */
  public record Attention(
      NativeBuffer qkv, NativeBuffer out, KvCache cache, int layer, int heads, float scale, int window)
      implements Op {}

  /** {@link Kernels#siluMul}. */
  public record SiluMul(NativeBuffer gateUp, int cols, NativeBuffer out) implements Op {}

  /** out[i] = x[picked[i]]; rows of {@code cols} elements. */
  public record Gather(NativeBuffer x, int cols, NativeBuffer out) implements Op {}
}
