// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/** A message of a conversation. */
record Turn(String role, String content) {
  static final String SYSTEM = "system";
  static final String USER = "user";
  static final String ASSISTANT = "assistant";

  /** The turns of an array of objects with role and content; null where it is something else. */
  static List<Turn> all(JsonNode messages) {
    if (messages == null || !messages.isArray() || messages.isEmpty()) {
      return null;
    }
    List<Turn> turns = new ArrayList<>();
    for (JsonNode message : messages) {
      JsonNode role = message.get("role");
      JsonNode content = message.get("content");
      if (role == null || !role.isTextual() || content == null || !content.isTextual()) {
        return null;
      }
      turns.add(new Turn(role.textValue(), content.textValue()));
    }
    return turns;
  }
}
