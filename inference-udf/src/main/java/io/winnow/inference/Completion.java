// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

/**
 * One finished sample.
 *
 * @param requestId the request it answers
 * @param sampleIndex the sample of that request
 * @param tokenIds all generated tokens, those that the request gave and an end-of-sequence token included; null where a
 *     server does not give them
 * @param text the generated text: special tokens left out, cut before a stop string
 * @param logprobs log-probability of each token of {@code tokenIds}, or null when not asked for; NaN for
 *     tokens that the request gave, which are not drawn again
 * @param promptLogprobs log-probability of each token of the prompt behind those before it, or null when not asked for;
 *     NaN for the first, which has none before it, and for those that the request leaves out. The request's samples
 *     share the array
 * @param finishReason why it ended
 * @param errorClass stable name of the failure, null unless {@code finishReason} is ERROR
 * @param errorMessage what happened, null unless {@code finishReason} is ERROR
 * @param engineMillis milliseconds between admission to the engine and the last token; of an endpoint, between the
 *     request and its last byte
 * @param usage what a server counted; null for the embedded engine, whose token ids say it all
 */
public record Completion(
    long requestId,
    int sampleIndex,
    int[] tokenIds,
    String text,
    float[] logprobs,
    float[] promptLogprobs,
    FinishReason finishReason,
    String errorClass,
    String errorMessage,
    long engineMillis,
    Usage usage) {

  /** Of the embedded engine. */
  public Completion(
      long requestId, int sampleIndex, int[] tokenIds, String text, float[] logprobs, float[] promptLogprobs,
      FinishReason finishReason, String errorClass, String errorMessage, long engineMillis) {
    this(
        requestId, sampleIndex, tokenIds, text, logprobs, promptLogprobs, finishReason, errorClass, errorMessage,
        engineMillis, null);
  }

  /** Without log-probabilities of the prompt. */
  public Completion(
      long requestId, int sampleIndex, int[] tokenIds, String text, float[] logprobs, FinishReason finishReason,
      String errorClass, String errorMessage, long engineMillis) {
    this(
        requestId, sampleIndex, tokenIds, text, logprobs, null, finishReason, errorClass, errorMessage, engineMillis);
  }

  /** Number of generated tokens, as counted here or by the server. */
  public int completionTokens() {
    return usage != null ? usage.completionTokens() : tokenIds == null ? 0 : tokenIds.length;
  }
}
