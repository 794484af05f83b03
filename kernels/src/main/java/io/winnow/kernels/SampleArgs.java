// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

/**
 * Draws one token a row. All arrays have an element a row; rows don't influence each other.
 *
 * @param logits float32 [rows][vocab]
 * @param rows number of rows
 * @param vocab number of logits of a row
 * @param temperature 0 takes the most likely (ties: the lower id)
 * @param topK 0 for all
 * @param topP in (0, 1]
 * @param minP 0 for all
 * @param repetitionPenalty 1 for none
 * @param frequencyPenalty taken off the logit of a token for each time it is in the output; 0 for none
 * @param presencePenalty taken off the logit of a token that is in the output; 0 for none
 * @param seen distinct tokens of prompt and output, read when a penalty does something; entries may be null else
 * @param times how often each of them is in the output, read when the frequency or presence penalty is not 0
 * @param seenCount how many of them are in use
 * @param biased distinct tokens whose logits something is added to; may be null where there are none
 * @param bias what is added, negative infinity for tokens that must not be drawn
 * @param biasCount how many of them are in use, 0 for none
 * @param mask bit i mod 32 of word i / 32 says whether token i may be drawn; a null entry, or null, where all may. Rows
 *     that share an array share its copy in native memory
 * @param seed key of the random numbers
 * @param stream hash of the prompt tokens: the last two words of the counter
 * @param sample sample index: second word of the counter
 * @param position number of the token being drawn: first word of the counter
 * @param wantLogprob whether the log-probability under the raw logits is computed
 * @param token receives the chosen id, or -1 when a logit of the row is not finite or none can be drawn
 * @param logprob receives the log-probability where asked for
 */
public record SampleArgs(
    NativeBuffer logits,
    int rows,
    int vocab,
    float[] temperature,
    int[] topK,
    double[] topP,
    float[] minP,
    float[] repetitionPenalty,
    float[] frequencyPenalty,
    float[] presencePenalty,
    int[][] seen,
    int[][] times,
    int[] seenCount,
    int[][] biased,
    float[][] bias,
    int[] biasCount,
    int[][] mask,
    long[] seed,
    long[] stream,
    int[] sample,
    int[] position,
    boolean[] wantLogprob,
    int[] token,
    float[] logprob) {

  /** Without masks. */
  public SampleArgs(
      NativeBuffer logits, int rows, int vocab, float[] temperature, int[] topK, double[] topP, float[] minP,
      float[] repetitionPenalty, float[] frequencyPenalty, float[] presencePenalty, int[][] seen, int[][] times,
      int[] seenCount, int[][] biased, float[][] bias, int[] biasCount, long[] seed, long[] stream, int[] sample,
      int[] position, boolean[] wantLogprob, int[] token, float[] logprob) {
    this(
        logits, rows, vocab, temperature, topK, topP, minP, repetitionPenalty, frequencyPenalty, presencePenalty, seen,
        times, seenCount, biased, bias, biasCount, null, seed, stream, sample, position, wantLogprob, token, logprob);
  }

  /** The tokens that may be drawn for a row; null where all may. */
  public int[] maskOf(int row) {
    return mask == null ? null : mask[row];
  }

  /** Whether the frequency or presence penalty of a row does something, so that its {@link #times} are read. */
  public boolean counts(int row) {
    return frequencyPenalty[row] != 0f || presencePenalty[row] != 0f;
  }

  /** Tokens whose logits a penalty of the row may change. */
  public int penalised(int row) {
    return repetitionPenalty[row] != 1f || counts(row) ? seenCount[row] : 0;
  }
}
