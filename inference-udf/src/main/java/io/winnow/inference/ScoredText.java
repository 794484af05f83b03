// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

/**
 * A text as the model reads it, and what is to be scored of it.
 *
 * @param tokenIds all tokens
 * @param from the first of them whose log-probability counts; at least 1, because the first has nothing before it. Their
 *     number where nothing is left to score
 */
public record ScoredText(int[] tokenIds, int from) {
  /** Tokens whose log-probabilities count. */
  public int scored() {
    return Math.max(0, tokenIds.length - from);
  }
}
