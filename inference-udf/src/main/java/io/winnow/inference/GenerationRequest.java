// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.util.List;

/**
 * One prompt and the samples wanted of it. The prompt is token ids for runtimes that take them ({@link
 * RuntimeSpec#takesTokens}), else messages.
 *
 * @param requestId the caller's handle, unique among the caller's open requests
 * @param promptTokens token ids, at least one; none where the prompt is messages
 * @param sampleIndexes which samples: each index has its own random stream, so that {0..7} contains {0..3}
 * @param params sampling parameters, the same for all samples
 * @param generated for each of {@code sampleIndexes} the tokens that were generated for it before, from its first on;
 *     null or empty for a sample that starts anew, null in place of the array when all do. They are computed again and
 *     not drawn again: the sample goes on as if it had never been interrupted, to the bit. {@code maxTokens} counts
 *     them; a sample that has as many already comes back as it is, with finish reason LENGTH
 * @param scoreFrom log-probabilities are wanted of the prompt's tokens from this one on, 1 or more, because the first has
 *     nothing before it; {@link #NO_SCORES} for none
 * @param messages the conversation, null where the prompt is token ids
 */
public record GenerationRequest(
    long requestId, int[] promptTokens, int[] sampleIndexes, SamplingParams params, int[][] generated, int scoreFrom,
    List<Message> messages) {

  /** No log-probabilities of the prompt. */
  public static final int NO_SCORES = 0;

  public GenerationRequest {
    if (generated != null && generated.length != sampleIndexes.length) {
      throw new IllegalArgumentException(
          String.format(
              "Cannot continue %d samples with the tokens of %d: there must be an entry for each sample.",
              sampleIndexes.length, generated.length));
    }
    if (scoreFrom < 0) {
      throw new IllegalArgumentException("Cannot score a prompt from token " + scoreFrom + ": it must be 1 or more.");
    }
  }

  /** A prompt of token ids. */
  public GenerationRequest(
      long requestId, int[] promptTokens, int[] sampleIndexes, SamplingParams params, int[][] generated,
      int scoreFrom) {
    this(requestId, promptTokens, sampleIndexes, params, generated, scoreFrom, null);
  }

  /** A conversation whose samples all start anew. */
  public GenerationRequest(long requestId, List<Message> messages, int[] sampleIndexes, SamplingParams params) {
    this(requestId, new int[0], sampleIndexes, params, null, NO_SCORES, List.copyOf(messages));
  }

  /** A request that asks nothing of the prompt's own tokens. */
  public GenerationRequest(
      long requestId, int[] promptTokens, int[] sampleIndexes, SamplingParams params, int[][] generated) {
    this(requestId, promptTokens, sampleIndexes, params, generated, NO_SCORES);
  }

  /** A request whose samples all start anew. */
  public GenerationRequest(long requestId, int[] promptTokens, int[] sampleIndexes, SamplingParams params) {
    this(requestId, promptTokens, sampleIndexes, params, null);
  }

  /** This request with log-probabilities of its prompt's tokens from {@code from} on. */
  public GenerationRequest scoring(int from) {
    return new GenerationRequest(requestId, promptTokens, sampleIndexes, params, generated, from, messages);
  }

  /** Whether log-probabilities of the prompt's tokens are wanted. */
  public boolean scoresPrompt() {
    return scoreFrom != NO_SCORES;
  }
}
