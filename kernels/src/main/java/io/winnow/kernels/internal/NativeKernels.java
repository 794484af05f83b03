// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.AttentionArgs;
import io.winnow.kernels.KernelException;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.OpNanos;
import io.winnow.kernels.Place;
import io.winnow.kernels.PreparedStep;
import io.winnow.kernels.QuantFormat;
import io.winnow.kernels.QuantSource;
import io.winnow.kernels.RowMap;
import io.winnow.kernels.SampleArgs;
import io.winnow.kernels.ScoreArgs;
import io.winnow.kernels.StepPlan;
import io.winnow.kernels.StepRows;
import io.winnow.kernels.Weight;
import io.winnow.kernels.WeightFormat;
import io.winnow.kernels.WeightSource;
import java.util.List;

/** The native library with one instruction set: the same bits as {@link JavaKernels}, faster. */
public final class NativeKernels implements Kernels {
  private final Isa isa;
  private final int threads;
  private final NativeRows rows = new NativeRows();
  private final NativeSample sample = new NativeSample();
  private final NativeScore score = new NativeScore();
  private long context;

  NativeKernels(Isa isa, int threads) {
    this.isa = isa;
    this.threads = threads;
    this.context = NativeLibrary.open(threads, isa.bit);
    if (context < 0) {
      throw new KernelException(
          "Cannot start " + threads + " kernel threads (status " + -context + "): use fewer --threads.");
    }
  }

  @Override
  public String name() {
    return "native " + isa.label();
  }

  @Override
  public int threads() {
    return threads;
  }

  @Override
  public String lacks(WeightFormat format) {
    return format != WeightFormat.BF16_TILES || isa == Isa.AMX && Isa.multiplyBf16()
        ? null : name() + " has no products of bfloat16 in tiles";
  }

  @Override
  public Weight pack(int rows, int cols, WeightFormat format, WeightSource source) {
    return pack(rows, cols, format, source, null);
  }

  @Override
  public Weight pack(int rows, int cols, QuantFormat format, QuantSource source) {
    return pack(rows, cols, format, source, null);
  }

  @Override
  public String layout() {
    // The same panels for all instruction sets.
    return "panels16-" + SystemMemory.layoutVersion();
  }

  @Override
  public Weight pack(int rows, int cols, WeightFormat format, WeightSource source, Place place) {
    QuantFormat quantized = format.quantized();
    return quantized == null
        ? NativeWeight.of(rows, cols, format, source, place, threads)
        : pack(rows, cols, quantized, WeightQuantizer.of(quantized, cols, source), place);
  }

  @Override
  public Weight pack(int rows, int cols, QuantFormat format, QuantSource source, Place place) {
    return NativeWeight.of(rows, cols, format, source, place, threads);
  }

  @Override
  public long placedBytes(int rows, int cols, WeightFormat format) {
    return NativeWeight.sizeBytes(rows, cols, format) - NativeWeight.STRUCT_BYTES;
  }

  @Override
  public long placedBytes(int rows, int cols, QuantFormat format) {
    return NativeWeight.sizeBytes(rows, cols, format) - NativeWeight.STRUCT_BYTES;
  }

  @Override
  public void embed(Weight w, int[] ids, int count, NativeBuffer out) {
    run(new StepPlan.Embed(w, out), new StepRows(ids, new RowMap(count, null, null), null, 0));
  }

  @Override
  public void matmul(NativeBuffer x, int count, Weight w, NativeBuffer bias, NativeBuffer residual, NativeBuffer out) {
    run(new StepPlan.Matmul(StepPlan.RowSet.ALL, x, w, bias, residual, out), count);
  }

  @Override
  public void rmsNorm(NativeBuffer x, int count, int cols, NativeBuffer weight, float eps, NativeBuffer out) {
    run(new StepPlan.RmsNorm(StepPlan.RowSet.ALL, x, cols, weight, eps, out), count);
  }

  @Override
  public void rope(
      NativeBuffer x, int stride, int heads, int headDim, RowMap map, NativeBuffer cos, NativeBuffer sin) {
    run(new StepPlan.Rope(x, stride, heads, headDim, cos, sin), new StepRows(null, map, null, 0));
  }

  @Override
  public void storeKv(AttentionArgs args) {
    run(
        new StepPlan.StoreKv(args.qkv(), args.cache(), args.layer(), args.heads()),
        new StepRows(null, args.rows(), null, 0));
  }

  @Override
  public void attention(AttentionArgs args) {
    run(
        new StepPlan.Attention(
            args.qkv(), args.out(), args.cache(), args.layer(), args.heads(), args.scale(), args.window()),
        new StepRows(null, args.rows(), null, 0));
  }

  @Override
  public void siluMul(NativeBuffer gateUp, int count, int cols, NativeBuffer out) {
    run(new StepPlan.SiluMul(gateUp, cols, out), count);
  }

  @Override
  public void sample(SampleArgs args) {
    requireOpen();
    int status = NativeLibrary.sample(context, sample.fill(args));
    requireOk(status, "sample");
    sample.take(args);
  }

  @Override
  public void score(ScoreArgs args) {
    requireOpen();
    requireOk(NativeLibrary.score(context, score.fill(args)), "score");
    score.take(args);
  }

  @Override
  public OpNanos opNanos() {
    requireOpen();
    // No memory of the kernels' own: what a step needs is counted to the byte.
    long[] nanos = new long[9];
    long times = Raw.allocate(nanos.length * (long) Long.BYTES);
    try {
      NativeLibrary.times(context, times);
      for (int kind = 0; kind < nanos.length; kind++) {
        nanos[kind] = Raw.longAt(times + kind * (long) Long.BYTES);
      }
    } finally {
      Raw.free(times);
    }
    return new OpNanos(
        nanos[1], nanos[2], nanos[3], nanos[4], nanos[5], nanos[6], nanos[7], nanos[8], nanos[0]);
  }

  @Override
  public PreparedStep prepare(StepPlan plan) {
    NativeOps ops = new NativeOps(plan.ops());
    return new PreparedStep() {
      @Override
      public void run(StepRows step) {
        NativeKernels.this.run(ops, step);
      }

      @Override
      public void close() {
        ops.close();
      }
    };
  }

  private void run(StepPlan.Op op, int count) {
    run(op, new StepRows(null, new RowMap(count, null, null), null, 0));
  }

  private void run(StepPlan.Op op, StepRows step) {
    if (step.map().count() == 0) {
      return;
    }
    try (NativeOps ops = new NativeOps(List.of(op))) {
      run(ops, step);
    }
  }

  private void run(NativeOps ops, StepRows step) {
    requireOpen();
    ops.check(step);
    int status = NativeLibrary.run(context, ops.address(), ops.count(), rows.fill(step, ops));
    requireOk(status, "run a step");
  }

  private void requireOpen() {
    if (context <= 0) {
      throw new IllegalStateException("the kernels are closed");
    }
  }

  private static void requireOk(int status, String what) {
    if (status == 3) {
      throw new KernelException(
          "Cannot " + what + ": no memory is left for its scratch. Use fewer --max-sequences.");
    }
    if (status == 4) {
      throw new KernelException(
          "Cannot " + what + ": native products need AMX with bfloat16. Use --numerics portable.");
    }
    if (status != 0) {
      // Everything was checked before.
      throw new IllegalStateException("the native kernels refuse to " + what + " with status " + status);
    }
  }

  @Override
  public void close() {
    if (context > 0) {
      NativeLibrary.close(context);
      context = 0;
      rows.close();
      sample.close();
      score.close();
    }
  }
}
