// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

/**
 * What a server counted for a sample, and what of its bill falls to it. The billed counts of all completions of a
 * session add up to what the servers counted: the prompt of a request for several samples, and what attempts that
 * failed had counted, stand in one of its completions and in no other.
 *
 * @param promptTokens tokens of the prompt, 0 where the server did not say
 * @param cachedTokens of those, tokens that the server had in its cache
 * @param completionTokens tokens of this sample, thinking included
 * @param billedPromptTokens tokens of prompts to pay for, cached ones included
 * @param billedCachedTokens of those, cached ones
 * @param billedCompletionTokens generated tokens to pay for
 * @param attempts requests that were made for the sample
 */
public record Usage(
    int promptTokens,
    int cachedTokens,
    int completionTokens,
    int billedPromptTokens,
    int billedCachedTokens,
    int billedCompletionTokens,
    int attempts) {}
