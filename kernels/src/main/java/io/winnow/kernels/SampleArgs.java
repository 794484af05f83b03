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
 * @param seen distinct tokens of prompt and output, read when the penalty is not 1; entries may be null else
 * @param seenCount how many of them are in use
 * @param seed key of the random numbers
 * @param stream hash of the prompt tokens: the last two words of the counter
 * @param sample sample index: second word of the counter
 * @param position number of the token being drawn: first word of the counter
 * @param wantLogprob whether the log-probability under the raw logits is computed
 * @param token receives the chosen id, or -1 when a logit of the row is not finite
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
    int[][] seen,
    int[] seenCount,
    long[] seed,
    long[] stream,
    int[] sample,
    int[] position,
    boolean[] wantLogprob,
    int[] token,
    float[] logprob) {}
