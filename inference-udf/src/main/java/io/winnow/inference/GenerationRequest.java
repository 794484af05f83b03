// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

/**
 * One prompt and the samples wanted of it. The prompt is prefilled once for all samples that start anew.
 *
 * @param requestId the caller's handle, unique among the caller's open requests
 * @param promptTokens token ids, at least one
 * @param sampleIndexes which samples: each index has its own random stream, so that {0..7} contains {0..3}
 * @param params sampling parameters, the same for all samples
 * @param generated for each of {@code sampleIndexes} the tokens that were generated for it before, from its first on;
 *     null or empty for a sample that starts anew, null in place of the array when all do. They are computed again and
 *     not drawn again: the sample goes on as if it had never been interrupted, to the bit. {@code maxTokens} counts
 *     them; a sample that has as many already comes back as it is, with finish reason LENGTH
 */
public record GenerationRequest(
    long requestId, int[] promptTokens, int[] sampleIndexes, SamplingParams params, int[][] generated) {

  public GenerationRequest {
    if (generated != null && generated.length != sampleIndexes.length) {
      throw new IllegalArgumentException(
          String.format(
              "Cannot continue %d samples with the tokens of %d: there must be an entry for each sample.",
              sampleIndexes.length, generated.length));
    }
  }

  /** A request whose samples all start anew. */
  public GenerationRequest(long requestId, int[] promptTokens, int[] sampleIndexes, SamplingParams params) {
    this(requestId, promptTokens, sampleIndexes, params, null);
  }
}
