// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

/**
 * One prompt and the samples wanted of it. The prompt is prefilled once for all its samples.
 *
 * @param requestId the caller's handle, unique among the caller's open requests
 * @param promptTokens token ids, at least one
 * @param sampleIndexes which samples: each index has its own random stream, so that {0..7} contains {0..3}
 * @param params sampling parameters, the same for all samples
 */
public record GenerationRequest(
    long requestId, int[] promptTokens, int[] sampleIndexes, SamplingParams params) {}
