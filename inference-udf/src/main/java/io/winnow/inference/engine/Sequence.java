// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.Completion;
import io.winnow.inference.FinishReason;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.grammar.AnswerState;
import io.winnow.inference.grammar.ThinkingState;
import java.util.Arrays;

/** One sample on its way. Owned by the engine's thread. */
final class Sequence {
  final OpenRequest request;
  final int sampleIndex;
  /** Largest number of tokens it may generate: max_tokens, or what the context leaves. */
  final int limit;
  int[] generated = new int[32];
  float[] logprobs;
  int count;
  /** Pages of positions 64·i …; the array never moves, because step batches hold it. */
  final int[] pages;
  int pageCount;
  /** Positions whose keys and values are in the cache. */
  int computed;
  /** Order of admission: the youngest is preempted first. */
  long admission;
  /** Tokens appended in the step under way. */
  int drawn;
  /** Where its guesses come from; null until there were any. */
  PromptLookup.Index index;
  long startedNanos;
  FinishReason finish;
  String errorClass;
  String errorMessage;
  final StopDetector text;
  /** What the penalties are for; null where there are none. */
  final SeenTokens seen;
  /** How far its answer has come; null where it may be anything. */
  final AnswerState answer;
  /** How far its thinking is from where it is ended; null where it has no budget. */
  final ThinkingState thinking;
  /** Whether every token was one that its answer's format allows, or ended it. */
  private boolean allowed = true;

  Sequence(OpenRequest request, int sampleIndex, int limit, int maxPages, StopDetector text) {
    this.request = request;
    this.sampleIndex = sampleIndex;
    this.limit = limit;
    this.pages = new int[maxPages];
    this.text = text;
    answer = request.grammar() == null ? null : request.grammar().start();
    thinking = request.thinking();
    SamplingParams params = request.params();
    if (params.logprobs()) {
      logprobs = new float[32];
    }
    boolean repetition = params.repetitionPenalty() != 1;
    boolean counts = params.presencePenalty() != 0 || params.frequencyPenalty() != 0;
    seen = repetition || counts ? new SeenTokens() : null;
    if (repetition) {
      for (int token : request.prompt()) {
        seen.prompt(token);
      }
    }
  }

  void append(int token, float logprob) {
    if (count == generated.length) {
      generated = Arrays.copyOf(generated, count * 2);
    }
    generated[count] = token;
    if (logprobs != null) {
      if (count == logprobs.length) {
        logprobs = Arrays.copyOf(logprobs, count * 2);
      }
      logprobs[count] = logprob;
    }
    count++;
    drawn++;
    if (seen != null) {
      seen.generated(token);
    }
    if (answer != null) {
      allowed = answer.append(token);
    }
    if (thinking != null) {
      thinking.append(token);
    }
  }

  /** The tokens that may come next, a bit each; null where all may. */
  int[] mask() {
    int[] forced = thinking == null ? null : thinking.mask();
    return forced != null || answer == null ? forced : answer.mask();
  }

  /** Whether its thinking is being ended: no bias may forbid the token that comes next. */
  boolean forced() {
    return thinking != null && thinking.mask() != null;
  }

  /** Whether its answer's format allows all its tokens, none of them an end of sequence. */
  boolean allowed() {
    return allowed;
  }

  /** Whether its answer is whole and nothing is left to draw. */
  boolean answered() {
    return answer != null && answer.complete();
  }

  /** Takes in what a step drew for it, −1 where nothing could be drawn, and sets its end. */
  void draw(int token, float logprob) {
    if (token < 0) {
      int position = request.prompt().length + count;
      InferenceException e =
          seen == null && !request.rules().biases()
              ? InferenceErrors.nonFiniteLogits(position)
              : InferenceErrors.nothingToDraw(position);
      fail(e.errorClass(), e.getMessage());
      return;
    }
    append(token, logprob);
    request.session.countToken();
    TokenRules rules = request.rules();
    if (rules.ends(token, count) || text.append(token, rules.mayEnd(count)) || answered()) {
      finish = FinishReason.STOP;
    } else if (count >= limit) {
      finish = FinishReason.LENGTH;
    }
  }

  /**
   * What whoever waits for it gets.
   *
   * @param text its text
   * @param nanos the time now, by {@link System#nanoTime}
   */
  Completion completion(String text, long nanos) {
    return new Completion(
        request.id(), sampleIndex, Arrays.copyOf(generated, count), text,
        logprobs == null ? null : Arrays.copyOf(logprobs, count), request.scores.logprobs(), finish, errorClass,
        errorMessage, startedNanos == 0 ? 0 : (nanos - startedNanos) / 1_000_000);
  }

  /** Prompt and what was generated so far: what has to be computed before the next token can be drawn. */
  int[] context() {
    int[] prompt = request.prompt();
    int[] context = Arrays.copyOf(prompt, prompt.length + count);
    System.arraycopy(generated, 0, context, prompt.length, count);
    return context;
  }

  /** Whether it has all its tokens: then it ends with the prefill that its request wants for other reasons. */
  boolean drawsNothing() {
    return count >= limit;
  }

  void fail(String errorClass, String message) {
    finish = FinishReason.ERROR;
    this.errorClass = errorClass;
    this.errorMessage = message;
  }
}
