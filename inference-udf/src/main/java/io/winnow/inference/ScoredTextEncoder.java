// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.util.List;

/**
 * Makes tokens of texts whose likelihood is asked for. Special tokens that occur in a text are encoded as plain text, as
 * {@link PromptRenderer} does. Thread-safe.
 */
public interface ScoredTextEncoder {
  /**
   * A completion as the answer to a conversation: the prompt's tokens are those of {@link PromptRenderer#render}, from
   * which traces are generated, and the completion's are what the whole text has behind them. Where the tokens of the
   * whole text do not begin with the prompt's, because a token spans the border, the completion is encoded by itself.
   *
   * @throws InferenceException class {@code template_error} when the template refuses the conversation
   */
  ScoredText answer(List<Message> prompt, String completion);

  /**
   * A completion behind a context without any chat template, as lm-evaluation-harness does it: blanks at the end of the
   * context go to the completion; whole text and context are encoded, and the completion's tokens are what the whole has
   * more. In front stands what the tokenizer puts before a text (BOS), if anything.
   */
  ScoredText continuation(String context, String completion);

  /** A text by itself: all its tokens count behind a BOS where the tokenizer adds one, else all but the first. */
  ScoredText document(String text);
}
