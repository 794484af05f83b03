// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.GenerationRequest;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.grammar.AnswerGrammars;
import io.winnow.inference.grammar.ThinkingMarks;
import io.winnow.inference.grammar.ThinkingState;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** A request in the engine, with the session that waits for it. */
final class OpenRequest {
  private static final int[] NONE = {};

  private final GenerationRequest request;
  final EngineSession session;
  /** First 8 bytes of SHA-256 over the prompt's ids as little-endian int32: part of every random number's counter. */
  final long promptStream;
  /** What is wanted of the prompt's own tokens. */
  final PromptScores scores;
  private TokenRules rules;
  private AnswerGrammars.Grammar grammar;
  private ThinkingMarks thinking;
  private InferenceException refusal;
  /** Its samples that have ended by themselves or at their limit, and their tokens. */
  int finishedSamples;
  long finishedTokens;

  OpenRequest(GenerationRequest request, EngineSession session) {
    this.request = request;
    this.session = session;
    this.promptStream = stream(request.promptTokens());
    this.scores = new PromptScores(request);
  }

  static long stream(int[] prompt) {
    ByteBuffer bytes = ByteBuffer.allocate(prompt.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asIntBuffer().put(prompt);
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes.array());
      return ByteBuffer.wrap(digest).order(ByteOrder.LITTLE_ENDIAN).getLong();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  long id() {
    return request.requestId();
  }

  int[] prompt() {
    return request.promptTokens();
  }

  int[] sampleIndexes() {
    return request.sampleIndexes();
  }

  /** Tokens generated before for the sample at {@code place} of {@link #sampleIndexes}; empty when it starts anew. */
  int[] generated(int place) {
    int[] tokens = request.generated() == null ? null : request.generated()[place];
    return tokens == null ? NONE : tokens;
  }

  SamplingParams params() {
    return request.params();
  }

  /** Finds what its answers are held to, which may take a while the first time; on the thread of whoever asks. */
  void find(AnswerGrammars grammars) {
    if (params().thinkingBudget() > 0) {
      try {
        if (grammars == null) {
          throw InferenceErrors.thinkingBudgetInvalid("this engine has no tokenizer");
        }
        thinking = grammars.thinking();
      } catch (InferenceException e) {
        refusal = e;
      }
    }
    if (params().answer() != null) {
      try {
        if (grammars == null) {
          throw InferenceErrors.answerFormatInvalid(params().answer(), "this engine has no tokenizer");
        }
        grammar = grammars.of(params().answer(), prompt(), params().thinkingBudget() > 0);
      } catch (InferenceException e) {
        refusal = e;
      }
    }
  }

  /** What its answers must look like; null for anything. */
  AnswerGrammars.Grammar grammar() {
    return grammar;
  }

  /** How the thinking of a new answer is watched; null where it may take as long as it does. */
  ThinkingState thinking() {
    return thinking == null ? null : thinking.start(prompt(), params().thinkingBudget(), grammar != null);
  }

  /** Why no answer of it can look as it must; null where it can. */
  InferenceException refusal() {
    return refusal;
  }

  /** Makes its {@link #rules}, once. */
  void rule(EngineCore.Limits limits) {
    if (rules == null) {
      rules = TokenRules.of(params(), limits.eosTokens(), limits.vocabSize());
    }
  }

  /** Which tokens end its sequences and which have biases; known when it has been admitted. */
  TokenRules rules() {
    return rules;
  }
}
