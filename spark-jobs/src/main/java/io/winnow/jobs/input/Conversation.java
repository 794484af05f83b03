// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Conversations as JSON: an array of objects with role, content and whatever a chat template may read besides. */
final class Conversation {
  private Conversation() {}

  /** @param extra JSON object of the further fields, keys sorted, or null when there are none */
  record Turn(String role, String content, String extra) {}

  /** Why a text is no conversation. */
  static final class Invalid extends Exception {
    Invalid(String message) {
      super(message, null, false, false);
    }
  }

  /** The turns; content may be null only where a turn has further fields (a tool call). */
  static List<Turn> parse(String json) throws Invalid {
    JsonNode tree;
    try {
      tree = JsonLine.JSON.reader().with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).readTree(json);
    } catch (JsonProcessingException e) {
      throw new Invalid("it is not JSON (" + e.getOriginalMessage() + ")");
    }
    if (!tree.isArray()) {
      throw new Invalid("it is not an array");
    }
    List<Turn> turns = new ArrayList<>(tree.size());
    for (int i = 0; i < tree.size(); i++) {
      turns.add(turn(tree.get(i), i + 1));
    }
    return turns;
  }

  private static Turn turn(JsonNode node, int number) throws Invalid {
    if (!node.isObject()) {
      throw new Invalid("message " + number + " is not an object");
    }
    JsonNode role = node.get("role");
    if (role == null || !role.isTextual() || role.textValue().isBlank()) {
      throw new Invalid("message " + number + " has no role");
    }
    Map<String, JsonNode> extra = new TreeMap<>();
    node.fields()
        .forEachRemaining(
            field -> {
              boolean own = field.getKey().equals("role") || field.getKey().equals("content");
              if (!own && !field.getValue().isNull()) {
                extra.put(field.getKey(), field.getValue());
              }
            });
    JsonNode content = node.get("content");
    boolean none = content == null || content.isNull();
    if (none && extra.isEmpty()) {
      throw new Invalid("message " + number + " has no content");
    }
    if (!none && !content.isTextual()) {
      throw new Invalid("the content of message " + number + " is not text");
    }
    return new Turn(
        Utf8.withoutLoneSurrogates(role.textValue()),
        none ? null : Utf8.withoutLoneSurrogates(content.textValue()),
        extra.isEmpty() ? null : json(extra));
  }

  /** Canonical JSON of the turns, for identities. */
  static String canonical(List<Turn> turns) {
    List<Object> all = new ArrayList<>();
    for (Turn turn : turns) {
      List<String> parts = new ArrayList<>();
      parts.add(turn.role());
      parts.add(turn.content());
      parts.add(turn.extra());
      all.add(parts);
    }
    return json(all);
  }

  private static String json(Object value) {
    try {
      return JsonLine.JSON.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A JSON tree always has a text.", e);
    }
  }
}
