// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.GenerationRequest;
import java.util.Arrays;

/**
 * Log-probabilities of a prompt's own tokens, found by its prefill: the logits of the row at position p say how likely
 * the token at place p + 1 is. Found once for all samples of a request; what a preempted prefill computes again is not
 * scored again. Owned by the engine's thread.
 */
final class PromptScores {
  private final int[] prompt;
  private final float[] logprobs;
  /** The first place that is wanted and not known; the prompt's length when there is none. */
  private int next;

  PromptScores(GenerationRequest request) {
    prompt = request.promptTokens();
    boolean wanted = request.scoresPrompt();
    next = wanted ? Math.min(request.scoreFrom(), prompt.length) : prompt.length;
    logprobs = wanted ? new float[prompt.length] : null;
    if (wanted) {
      Arrays.fill(logprobs, Float.NaN);
    }
  }

  /**
   * The first position whose logits are still needed: what computes the prompt must begin there or before. At most its
   * last position, whose logits the samples draw from.
   */
  int firstLogitPosition() {
    return Math.min(next, prompt.length) - 1;
  }

  /** Whether something is wanted that is not known yet. */
  boolean incomplete() {
    return next < prompt.length;
  }

  /** Whether the logits at a position are needed for the token behind it. */
  boolean wants(int position) {
    return position + 1 >= next && position + 1 < prompt.length;
  }

  /** The token at a place of the prompt. */
  int token(int place) {
    return prompt[place];
  }

  /** Takes what was found for a place; places come in ascending order, perhaps more than once. */
  void take(int place, float logprob) {
    logprobs[place] = logprob;
    if (place == next) {
      next++;
    }
  }

  /** For each token of the prompt, NaN where it was not wanted; null when nothing was. */
  float[] logprobs() {
    return logprobs;
  }
}
