// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.io.Serializable;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * How tokens are drawn from logits, with the meanings that vLLM and the API of OpenAI give these names. Applied in this
 * order: repetition, frequency and presence penalty, logit bias, format of the answer, temperature, top-k, top-p,
 * min-p.
 *
 * @param temperature at least 0; 0 takes the most likely token (ties: the lower id)
 * @param topP nucleus mass in (0, 1]; 1 keeps everything
 * @param topK tokens kept, 0 keeps everything
 * @param minP tokens less likely than this share of the most likely one are dropped, in [0, 1]; 0 keeps everything
 * @param repetitionPenalty above 0; 1 changes nothing. Logits of tokens seen in the prompt or the output are divided by
 *     it when positive and multiplied when negative (Keskar et al. 2019, arXiv:1909.05858)
 * @param maxTokens generated tokens at most; those that a request gives to go on from count too. 0 generates nothing:
 *     for requests that ask for log-probabilities of their prompts
 * @param stop strings that end the text; the text is cut before the first of them, the token ids are kept whole
 * @param seed seed of the counter-based random numbers
 * @param logprobs whether the log-probability of each chosen token under the raw logits is returned
 * @param thinkingBudget tokens of the answer after which its thinking is ended by force where it is still open:
 *     {@code "\n</think>\n\n"} comes next, and then what the model answers; 0 for no limit
 * @param presencePenalty taken off the logit of every token that is in the output, from −2 to 2; 0 changes nothing
 * @param frequencyPenalty taken off for each time that a token is in the output, from −2 to 2; 0 changes nothing
 * @param logitBias what is added to a token's logit, from −100 to 100, or negative infinity for a token that must not be
 *     drawn; sorted, and without zeros
 * @param stopTokenIds tokens that end the trace beside the model's own, ascending; the token is kept, its text is not
 * @param minTokens tokens before the one that ends a trace at least: until then neither end-of-sequence nor stop tokens
 *     can be drawn, and a stop string ends nothing. May be more than there is room for
 * @param ignoreEos whether the model's end-of-sequence tokens end nothing; stop tokens and stop strings still do
 * @param answer what the generated text must look like, null for anything. Behind a prompt that ends in {@code
 *     <think>} it is what follows the thinking; with a thinkingBudget any answer may think first. It alone says where
 *     an answer ends, so it goes with none of stop, stopTokenIds, minTokens and ignoreEos; one that maxTokens cuts is
 *     the beginning of such a text
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
    int thinkingBudget,
    double presencePenalty,
    double frequencyPenalty,
    SortedMap<Integer, Double> logitBias,
    List<Integer> stopTokenIds,
    int minTokens,
    boolean ignoreEos,
    AnswerFormat answer)
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
    check(maxTokens >= 0, "max-tokens", maxTokens, "0 or more");
    check(thinkingBudget >= 0, "thinking-budget", thinkingBudget, "0 or more");
    stop = List.copyOf(Objects.requireNonNull(stop, "stop"));
    check(stop.stream().noneMatch(String::isEmpty), "stop", "\"\"", "a string that is not empty");
    check(Math.abs(presencePenalty) <= 2, "presence-penalty", presencePenalty, "from -2 to 2");
    check(Math.abs(frequencyPenalty) <= 2, "frequency-penalty", frequencyPenalty, "from -2 to 2");
    SortedMap<Integer, Double> biases = new TreeMap<>(logitBias);
    biases.values().removeIf(bias -> bias == 0);
    biases.forEach(
        (id, bias) ->
            check(
                id >= 0 && (Math.abs(bias) <= 100 || bias == Double.NEGATIVE_INFINITY),
                "logit-bias", id + ":" + bias, "token ids from 0 with biases from -100 to 100, or -inf"));
    logitBias = Collections.unmodifiableSortedMap(biases);
    stopTokenIds = stopTokenIds.stream().distinct().sorted().toList();
    check(stopTokenIds.stream().allMatch(id -> id >= 0), "stop-token-ids", stopTokenIds, "token ids from 0");
    check(minTokens >= 0, "min-tokens", minTokens, "0 or more");
    if (answer != null) {
      String beside = " beside " + answer.kind().option() + ", which alone says where an answer ends";
      check(stop.isEmpty(), "stop", stop, "left out" + beside);
      check(stopTokenIds.isEmpty(), "stop-token-ids", stopTokenIds, "left out" + beside);
      check(minTokens == 0, "min-tokens", minTokens, "left out" + beside);
      check(!ignoreEos, "ignore-eos", ignoreEos, "left out" + beside);
    }
  }

  /** Without a format of the answer. */
  public SamplingParams(
      double temperature, double topP, int topK, double minP, double repetitionPenalty, int maxTokens,
      List<String> stop, long seed, boolean logprobs, int thinkingBudget, double presencePenalty,
      double frequencyPenalty, SortedMap<Integer, Double> logitBias, List<Integer> stopTokenIds, int minTokens,
      boolean ignoreEos) {
    this(
        temperature, topP, topK, minP, repetitionPenalty, maxTokens, stop, seed, logprobs, thinkingBudget,
        presencePenalty, frequencyPenalty, logitBias, stopTokenIds, minTokens, ignoreEos, null);
  }

  /** Without penalties by count, biases, stop tokens and least lengths. */
  public SamplingParams(
      double temperature, double topP, int topK, double minP, double repetitionPenalty, int maxTokens,
      List<String> stop, long seed, boolean logprobs, int thinkingBudget) {
    this(
        temperature, topP, topK, minP, repetitionPenalty, maxTokens, stop, seed, logprobs, thinkingBudget, 0, 0,
        Collections.emptySortedMap(), List.of(), 0, false);
  }

  /** These with presence and frequency penalties. */
  public SamplingParams withPenalties(double presence, double frequency) {
    return new SamplingParams(
        temperature, topP, topK, minP, repetitionPenalty, maxTokens, stop, seed, logprobs, thinkingBudget, presence,
        frequency, logitBias, stopTokenIds, minTokens, ignoreEos, answer);
  }

  /** These with a bias of some tokens' logits. */
  public SamplingParams withLogitBias(Map<Integer, Double> biases) {
    return new SamplingParams(
        temperature, topP, topK, minP, repetitionPenalty, maxTokens, stop, seed, logprobs, thinkingBudget,
        presencePenalty, frequencyPenalty, new TreeMap<>(biases), stopTokenIds, minTokens, ignoreEos, answer);
  }

  /** These with other rules of what ends a trace. */
  public SamplingParams withEnds(List<Integer> stopTokens, int least, boolean withoutEos) {
    return new SamplingParams(
        temperature, topP, topK, minP, repetitionPenalty, maxTokens, stop, seed, logprobs, thinkingBudget,
        presencePenalty, frequencyPenalty, logitBias, stopTokens, least, withoutEos, answer);
  }

  /** These with another limit of thinking. */
  public SamplingParams withThinkingBudget(int budget) {
    return new SamplingParams(
        temperature, topP, topK, minP, repetitionPenalty, maxTokens, stop, seed, logprobs, budget, presencePenalty,
        frequencyPenalty, logitBias, stopTokenIds, minTokens, ignoreEos, answer);
  }

  /** These with another limit of new tokens, with or without log-probabilities. */
  public SamplingParams withMaxTokens(int limit, boolean withLogprobs) {
    return new SamplingParams(
        temperature, topP, topK, minP, repetitionPenalty, limit, stop, seed, withLogprobs, thinkingBudget,
        presencePenalty, frequencyPenalty, logitBias, stopTokenIds, minTokens, ignoreEos, answer);
  }

  /** These with a format of the answer, null for none. */
  public SamplingParams withAnswer(AnswerFormat format) {
    return new SamplingParams(
        temperature, topP, topK, minP, repetitionPenalty, maxTokens, stop, seed, logprobs, thinkingBudget,
        presencePenalty, frequencyPenalty, logitBias, stopTokenIds, minTokens, ignoreEos, format);
  }

  private static void check(boolean ok, String name, Object value, String allowed) {
    if (!ok) {
      throw new IllegalArgumentException(
          String.format("Cannot sample with %s = %s: it must be %s.", name, value, allowed));
    }
  }
}
