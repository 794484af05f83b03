// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.AttentionArgs;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.PreparedStep;
import io.winnow.kernels.QuantFormat;
import io.winnow.kernels.QuantSource;
import io.winnow.kernels.RowMap;
import io.winnow.kernels.SampleArgs;
import io.winnow.kernels.ScoreArgs;
import io.winnow.kernels.StepPlan;
import io.winnow.kernels.Weight;
import io.winnow.kernels.WeightFormat;
import io.winnow.kernels.WeightSource;

/** The reference: each operation as readable Java. */
public final class JavaKernels implements Kernels {
  private final ThreadTeam team;
  private final Matmul matmul;
  private final GroupedMatmul groupedMatmul;
  private final NativeProduct nativeProduct;
  private final Attention attention;
  private final SiluMul siluMul;
  private final Sample sample;
  private final Score score;

  public JavaKernels(int threads) {
    team = new ThreadTeam(threads);
    matmul = new Matmul(team);
    groupedMatmul = new GroupedMatmul(team);
    nativeProduct = new NativeProduct(team);
    attention = new Attention(team);
    siluMul = new SiluMul(team);
    sample = new Sample(team);
    score = new Score(team);
  }

  @Override
  public String name() {
    return "java";
  }

  @Override
  public int threads() {
    return team.size();
  }

  @Override
  public Weight pack(int rows, int cols, WeightFormat format, WeightSource source) {
    QuantFormat quantized = format.quantized();
    return quantized == null
        ? new PackedWeight(rows, cols, format, source)
        : pack(rows, cols, quantized, WeightQuantizer.of(quantized, cols, source));
  }

  @Override
  public Weight pack(int rows, int cols, QuantFormat format, QuantSource source) {
    return new GroupedWeight(rows, cols, format, source);
  }

  /** Size of the weight that {@link #pack} makes. */
  public static long packedBytes(int rows, int cols, WeightFormat format) {
    QuantFormat quantized = format.quantized();
    return quantized == null ? PackedWeight.sizeBytes(rows, cols, format) : packedBytes(rows, cols, quantized);
  }

  /** Size of the weight that {@link #pack} makes. */
  public static long packedBytes(int rows, int cols, QuantFormat format) {
    return GroupedWeight.sizeBytes(rows, cols, format);
  }

  @Override
  public void embed(Weight w, int[] ids, int rows, NativeBuffer out) {
    Embed.run(w, ids, rows, out);
  }

  @Override
  public void matmul(NativeBuffer x, int rows, Weight w, NativeBuffer bias, NativeBuffer residual, NativeBuffer out) {
    if (w instanceof GroupedWeight grouped) {
      groupedMatmul.run(x, rows, grouped, bias, residual, out);
    } else if (w.format() == WeightFormat.BF16_TILES) {
      nativeProduct.run(x, rows, (PackedWeight) w, bias, residual, out);
    } else {
      matmul.run(x, rows, (PackedWeight) w, bias, residual, out);
    }
  }

  @Override
  public void rmsNorm(NativeBuffer x, int rows, int cols, NativeBuffer weight, float eps, NativeBuffer out) {
    RmsNorm.run(x, rows, cols, weight, eps, out);
  }

  @Override
  public void rope(
      NativeBuffer x, int stride, int heads, int headDim, RowMap rows, NativeBuffer cos, NativeBuffer sin) {
    Rope.run(x, stride, heads, headDim, rows, cos, sin);
  }

  @Override
  public void storeKv(AttentionArgs args) {
    KvPage.store(args);
  }

  @Override
  public void attention(AttentionArgs args) {
    attention.run(args);
  }

  @Override
  public void siluMul(NativeBuffer gateUp, int rows, int cols, NativeBuffer out) {
    siluMul.run(gateUp, rows, cols, out);
  }

  @Override
  public void sample(SampleArgs args) {
    sample.run(args);
  }

  @Override
  public void score(ScoreArgs args) {
    score.run(args);
  }

  @Override
  public PreparedStep prepare(StepPlan plan) {
    return new StepInterpreter(this, plan);
  }

  @Override
  public void close() {
    team.close();
  }
}
