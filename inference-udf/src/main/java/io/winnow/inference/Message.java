// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.util.Map;

/**
 * One turn of a conversation.
 *
 * @param role system, user, assistant, tool or whatever the chat template knows
 * @param content the text, never interpreted: markup and special tokens in it stay text; null is passed on as null
 * @param extra further fields that a template may read (tool_calls, name …), empty if none
 */
public record Message(String role, String content, Map<String, Object> extra) {
  public Message {
    extra = extra == null ? Map.of() : extra;
  }

  public static Message of(String role, String content) {
    return new Message(role, content, Map.of());
  }
}
