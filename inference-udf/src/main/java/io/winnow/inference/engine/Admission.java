// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.FinishReason;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.kernels.KvCache;

/** Says what of a request can be computed, and makes its sequences. Reads nothing that changes. */
final class Admission {
  private final EngineCore.Limits limits;
  private final int pages;
  private final StopDetector.Factory texts;

  Admission(EngineCore.Limits limits, int pages, StopDetector.Factory texts) {
    this.limits = limits;
    this.pages = pages;
    this.texts = texts;
  }

  /** Why no sample of the request can be computed; null when they can. */
  InferenceException refusal(OpenRequest request) {
    int length = request.prompt().length;
    if (length == 0) {
      return InferenceErrors.promptEmpty();
    }
    boolean generates = request.params().maxTokens() > 0;
    if (length > limits.contextLength() || generates && length == limits.contextLength()) {
      return InferenceErrors.promptTooLong(length, limits.contextLength());
    }
    if (request.refusal() != null) {
      return request.refusal();
    }
    int longest = length + limit(request);
    if (Scheduler.pagesFor(longest) > pages) {
      return InferenceErrors.kvCacheTooSmall(longest, pages * KvCache.PAGE_TOKENS);
    }
    for (int id : request.prompt()) {
      if (!known(id)) {
        return InferenceErrors.tokenOutOfRange(id, limits.vocabSize());
      }
    }
    for (int id : request.params().stopTokenIds()) {
      if (!known(id)) {
        return InferenceErrors.settingOutOfRange("stop-token-ids", id, limits.vocabSize());
      }
    }
    for (int id : request.params().logitBias().keySet()) {
      if (!known(id)) {
        return InferenceErrors.settingOutOfRange("logit-bias", id, limits.vocabSize());
      }
    }
    return null;
  }

  private int limit(OpenRequest request) {
    return Math.min(request.params().maxTokens(), limits.contextLength() - request.prompt().length);
  }

  private boolean known(int id) {
    return id >= 0 && id < limits.vocabSize();
  }

  /**
   * The sequence of a sample, with the tokens that were generated before; its {@code finish} is set when nothing is
   * left to do.
   *
   * @param place which of the request's sample indexes
   * @throws InferenceException when it cannot go on from the tokens given
   */
  Sequence sequence(OpenRequest request, int place) {
    int[] generated = request.generated(place);
    request.rule(limits);
    check(request, generated);
    int limit = limit(request);
    Sequence s =
        new Sequence(
            request, request.sampleIndexes()[place], limit, Scheduler.pagesFor(request.prompt().length + limit),
            texts.create(request.params().stop()));
    for (int token : generated) {
      s.append(token, Float.NaN);
      if (s.text.append(token, request.rules().mayEnd(s.count))) {
        throw InferenceErrors.continuationInvalid(
            "a stop string is complete at token " + s.count + " of " + generated.length);
      }
      if (!s.allowed() || s.answered()) {
        throw InferenceErrors.continuationInvalid(
            String.format(
                "%s %s at token %d of %d", request.params().answer().kind().option(),
                s.allowed() ? "leaves nothing to add" : "does not allow what is there", s.count, generated.length));
      }
    }
    if (s.drawsNothing() && !request.scores.incomplete()) {
      s.finish = FinishReason.LENGTH;
    }
    return s;
  }

  private void check(OpenRequest request, int[] generated) {
    int promptLength = request.prompt().length;
    if (generated.length > limits.contextLength() - promptLength) {
      throw InferenceErrors.continuationInvalid(
          String.format(
              "with the prompt they are %d, the context holds %d",
              (long) promptLength + generated.length, limits.contextLength()));
    }
    for (int i = 0; i < generated.length; i++) {
      if (!known(generated[i])) {
        throw InferenceErrors.continuationInvalid(
            String.format("they hold the id %d, the model knows 0 to %d", generated[i], limits.vocabSize() - 1));
      }
      if (request.rules().ends(generated[i], i + 1)) {
        throw InferenceErrors.continuationInvalid(
            String.format("token %d of %d is an end of sequence or a stop token", i + 1, generated.length));
      }
    }
  }
}
