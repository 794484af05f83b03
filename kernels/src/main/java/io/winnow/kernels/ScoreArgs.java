// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

/**
 * Asks for the log-probability of one given token a row under the logits as they are: natural, and to the bit what
 * {@link SampleArgs} gives for a token that was drawn. Rows don't influence each other.
 *
 * @param logits float32 [rows][vocab]
 * @param rows number of rows
 * @param vocab number of logits of a row
 * @param token the tokens; row r's is at {@code first + r}
 * @param logprob receives the log-probabilities at the same places; NaN when a logit of the row is not finite
 * @param first place of the first row's token
 */
public record ScoreArgs(NativeBuffer logits, int rows, int vocab, int[] token, float[] logprob, int first) {}
