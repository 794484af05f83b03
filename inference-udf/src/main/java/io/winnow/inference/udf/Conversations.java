// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.winnow.inference.Message;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Conversations as canonical text, which stands in a trace's key where there are no token ids: a JSON array of objects
 * with role, content and then all further fields by name, without blanks. Equal conversations have equal texts.
 */
public final class Conversations {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS);
  private static final TypeReference<List<LinkedHashMap<String, Object>>> TURNS = new TypeReference<>() {};

  private Conversations() {}

  /** The text of a conversation. */
  public static String text(List<Message> messages) {
    try {
      StringBuilder out = new StringBuilder("[");
      for (Message message : messages) {
        out.append(out.length() > 1 ? ",{" : "{");
        field(out, "role", message.role());
        out.append(',');
        field(out, "content", message.content());
        for (Map.Entry<String, Object> entry : new TreeMap<>(message.extra()).entrySet()) {
          if (!entry.getKey().equals("role") && !entry.getKey().equals("content")) {
            out.append(',');
            field(out, entry.getKey(), entry.getValue());
          }
        }
        out.append('}');
      }
      return out.append(']').toString();
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("Cannot write a conversation as JSON: " + e.getOriginalMessage(), e);
    }
  }

  private static void field(StringBuilder out, String name, Object value) throws JsonProcessingException {
    out.append(JSON.writeValueAsString(name)).append(':').append(JSON.writeValueAsString(value));
  }

  /** The conversation of such a text. */
  public static List<Message> messages(String text) {
    try {
      List<Message> out = new ArrayList<>();
      for (Map<String, Object> turn : JSON.readValue(text, TURNS)) {
        String role = (String) turn.remove("role");
        String content = (String) turn.remove("content");
        out.add(new Message(role, content, turn));
      }
      return out;
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("Not the text of a conversation: " + e.getOriginalMessage(), e);
    }
  }
}
