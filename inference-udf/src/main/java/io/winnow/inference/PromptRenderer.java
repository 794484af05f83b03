// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.util.List;

/** Turns a conversation into token ids by a model's chat template and tokenizer. Thread-safe. */
public interface PromptRenderer {
  /**
   * Renders and encodes. A trailing assistant message is continued instead of answered. Special tokens that occur in a
   * message's content are encoded as plain text.
   *
   * @throws InferenceException class {@code template_error} when the template refuses the conversation
   */
  RenderedPrompt render(List<Message> messages);
}
