// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.io.Serializable;
import java.util.List;
import java.util.Objects;

/**
 * How tokens are drawn from logits. Applied in this order: repetition penalty, temperature, top-k, top-p, min-p.
 *
 * @param temperature at least 0; 0 takes the most likely token (ties: the lower id)
 * @param topP nucleus mass in (0, 1]; 1 keeps everything
 * @param topK tokens kept, 0 keeps everything
 * @param minP tokens less likely than this share of the most likely one are dropped, in [0, 1]; 0 keeps everything
 * @param repetitionPenalty above 0; 1 changes nothing. Logits of tokens seen in the prompt or the output are divided by
 *     it when positive and multiplied when negative (Keskar et al. 2019, arXiv:1909.05858)
 * @param maxTokens generated tokens at most, at least 1; those that a request gives to go on from count too
 * @param stop strings that end the text; the text is cut before the first of them, the token ids are kept whole
 * @param seed seed of the counter-based random numbers
 * @param logprobs whether the log-probability of each chosen token under the raw logits is returned
 * @param thinkingBudget tokens after which an open thinking section is closed by force, 0 for no limit
 */
public record SamplingParams(
    double temperature,
    double topP,
    int topK,
    double minP,
    double repetitionPenalty,
    int maxTokens,
    List<String> stop,
    long seed,
    boolean logprobs,
    int thinkingBudget)
    implements Serializable {

  /** Temperature 0.6 and top-p 0.95 (the values DeepSeek-R1's authors recommend), 1,024 tokens, seed 0. */
  public static final SamplingParams DEFAULT =
      new SamplingParams(0.6, 0.95, 0, 0.0, 1.0, 1024, List.of(), 0L, false, 0);

  public SamplingParams {
    check(temperature >= 0 && Double.isFinite(temperature), "temperature", temperature, "0 or more");
    check(topP > 0 && topP <= 1, "top-p", topP, "above 0 and at most 1");
    check(topK >= 0, "top-k", topK, "0 or more");
    check(minP >= 0 && minP <= 1, "min-p", minP, "from 0 to 1");
    check(
        repetitionPenalty > 0 && Double.isFinite(repetitionPenalty),
        "repetition-penalty", repetitionPenalty, "above 0");
    check(maxTokens >= 1, "max-tokens", maxTokens, "1 or more");
    check(thinkingBudget >= 0, "thinking-budget", thinkingBudget, "0 or more");
    stop = List.copyOf(Objects.requireNonNull(stop, "stop"));
    check(stop.stream().noneMatch(String::isEmpty), "stop", "\"\"", "a string that is not empty");
  }

  private static void check(boolean ok, String name, Object value, String allowed) {
    if (!ok) {
      throw new IllegalArgumentException(
          String.format("Cannot sample with %s = %s: it must be %s.", name, value, allowed));
    }
  }
}
