// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

/**
 * The operations of a decoder step. All activations are float32, row-major, in {@link NativeBuffer}s. One caller at a
 * time; the work is spread over the implementation's own team of threads. {@code kernels/NUMERICS.md} fixes the order
 * of arithmetic of each operation; the summaries here name it.
 */
public interface Kernels extends AutoCloseable {
  /** Name of the implementation: java, native … */
  String name();

  /** Threads that work on one operation. */
  int threads();

  /**
   * Packs a matrix [rows][cols]. Values that BF16 cannot hold exactly are rounded to nearest even; INT8 and INT4 quantize
   * ({@link QuantFormat#INT8}, {@link QuantFormat#INT4}).
   */
  Weight pack(int rows, int cols, WeightFormat format, WeightSource source);

  /** Packs a matrix [rows][cols] whose weights are integers already, as quantized files have them. */
  Weight pack(int rows, int cols, QuantFormat format, QuantSource source);

  /**
   * Why products with weights of a format cannot be computed here; null if they can. Such weights can be packed all the
   * same.
   */
  default String lacks(WeightFormat format) {
    return null;
  }

  /** What operations have taken since the kernels were opened; zeros where that is not counted. */
  default OpNanos opNanos() {
    return OpNanos.ZERO;
  }

  /**
   * Name and version of the layout of packed matrices, for those who keep them in files: the same name means the same
   * bytes for the same matrix. Null where packed matrices cannot lie in a {@link Place}.
   */
  default String layout() {
    return null;
  }

  /** As {@link #pack(int, int, WeightFormat, WeightSource)}, in a mapped file; needs a {@link #layout}. */
  default Weight pack(int rows, int cols, WeightFormat format, WeightSource source, Place place) {
    throw new UnsupportedOperationException(name() + " keeps matrices in its own memory only");
  }

  /** As {@link #pack(int, int, QuantFormat, QuantSource)}, in a mapped file; needs a {@link #layout}. */
  default Weight pack(int rows, int cols, QuantFormat format, QuantSource source, Place place) {
    throw new UnsupportedOperationException(name() + " keeps matrices in its own memory only");
  }

  /** Bytes that {@code pack} fills of its {@link Place}. */
  default long placedBytes(int rows, int cols, WeightFormat format) {
    throw new UnsupportedOperationException(name() + " keeps matrices in its own memory only");
  }

  /** The same for integer weights. */
  default long placedBytes(int rows, int cols, QuantFormat format) {
    throw new UnsupportedOperationException(name() + " keeps matrices in its own memory only");
  }

  /**
   * out[r][c] = w[ids[r]][c]; w is [vocab][cols].
   *
   * @throws KernelException for an id outside the vocabulary
   */
  void embed(Weight w, int[] ids, int rows, NativeBuffer out);

  /**
   * out[r][n] = acc + bias[n], or residual[r][n] + acc, where acc is the chain fma(x[r][k], w[n][k], acc) over
   * ascending k from +0. With integer weights the input is quantized too, and the chain runs over groups of columns.
   * With {@link WeightFormat#BF16_TILES} it is rounded, and sums are those of native products.
   *
   * @param x [rows][w.cols]
   * @param bias [w.rows] or null
   * @param residual [rows][w.rows] or null; may be {@code out} itself
   * @param out [rows][w.rows]; must not be {@code x}
   * @throws KernelException for weights of a format that these kernels {@link #lacks lack}
   */
  void matmul(NativeBuffer x, int rows, Weight w, NativeBuffer bias, NativeBuffer residual, NativeBuffer out);

  /**
   * Root mean square norm (Zhang and Sennrich 2019, arXiv:1910.07467): out = (x · 1/sqrt(mean(x²) + eps)) · weight. The
   * sum of squares runs in 16 virtual lanes, element i in lane i mod 16, lanes then added 8+8, 4+4, 2+2, 1+1.
   *
   * @param x [rows][cols], may be {@code out}
   * @param weight [cols]
   */
  void rmsNorm(NativeBuffer x, int rows, int cols, NativeBuffer weight, float eps, NativeBuffer out);

  /**
   * Rotates the first {@code heads} heads of each row in place, pairs (i, i + headDim/2) (Su et al. 2021,
   * arXiv:2104.09864): a' = fma(a, cos, −(b · sin)), b' = fma(b, cos, a · sin).
   *
   * @param x [rows][stride]
   * @param cos [positions][headDim/2]
   * @param sin [positions][headDim/2]
   */
  void rope(NativeBuffer x, int stride, int heads, int headDim, RowMap rows, NativeBuffer cos, NativeBuffer sin);

  /**
   * Stores the keys and values of {@code args.qkv} in the cache at each row's position, as its {@link KvFormat} holds
   * them.
   */
  void storeKv(AttentionArgs args);

  /**
   * Causal attention. Scores are chains over the head's dimensions from +0, times scale. Positions are worked in chunks
   * of 256 counted from the sequence's start: per chunk the maximum, p = exp(score − maximum), their sum in 16 virtual
   * lanes by position in the chunk, and chains of p · value over ascending positions from +0; chunks are merged left to
   * right. Masked positions are skipped. Scales of codes are factors of the scores and of p.
   */
  void attention(AttentionArgs args);

  /** out[r][c] = silu(gateUp[r][c]) · gateUp[r][cols + c], silu(g) = g / (1 + exp(−g)). gateUp is [rows][2 × cols]. */
  void siluMul(NativeBuffer gateUp, int rows, int cols, NativeBuffer out);

  /** Draws tokens: penalties, biases, temperature, top-k, top-p, min-p, in this order; see {@link SampleArgs}. */
  void sample(SampleArgs args);

  /** Says how likely given tokens are, by the sums of {@link #sample}; see {@link ScoreArgs}. */
  void score(ScoreArgs args);

  /** Makes a plan ready to be run many times. Buffers, weights and caches that it names must outlive it. */
  PreparedStep prepare(StepPlan plan);

  @Override
  void close();
}
