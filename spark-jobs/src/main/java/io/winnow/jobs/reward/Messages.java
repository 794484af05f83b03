// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/** The completion of a conversation: the first message behind the last one of the user. */
public final class Messages {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Messages() {}

  /**
   * The completion's text.
   *
   * @param json an array of messages with {@code content} and mostly {@code role}; anything else is no conversation
   * @return null where there is none
   */
  public static String completion(String json) {
    try {
      return completion(JSON.readTree(json));
    } catch (JsonProcessingException e) {
      return null;
    }
  }

  static String completion(JsonNode messages) {
    int at = 0;
    for (int i = 0; i < messages.size(); i++) {
      at = messages.get(i).path("role").asText().equals("user") ? i + 1 : at;
    }
    JsonNode content = messages.path(at).path("content");
    return content.isTextual() ? content.textValue() : null;
  }
}
