// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;

/**
 * A value of a row, whatever the format of its data set. A value that is null or absent has no cell.
 *
 * @param kind what it is
 * @param text texts as they are; numbers as JSON lines write them, or in their plain form where a table holds them (12
 *     for 12.0); {@code true} and {@code false}; arrays, structs and maps as JSON,
 *     in which numbers have no zeros at their end
 */
public record Cell(Kind kind, String text) {
  /** Kinds of values. */
  public enum Kind {
    TEXT("a text"),
    NUMBER("a number"),
    BOOLEAN("true or false"),
    OBJECT("an object"),
    ARRAY("an array");

    private final String shown;

    Kind(String shown) {
      this.shown = shown;
    }

    /** For messages, with its article. */
    public String shown() {
      return shown;
    }
  }

  /** Whether it is a text, a number or a truth value. */
  public boolean isPlain() {
    return kind != Kind.OBJECT && kind != Kind.ARRAY;
  }

  /**
   * The value as a tree; numbers keep their digits.
   *
   * @throws IllegalStateException when what came as JSON is none
   */
  public JsonNode json() {
    try {
      return kind == Kind.TEXT ? JsonLine.JSON.getNodeFactory().textNode(text) : JsonLine.JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Not JSON, although it was read or written as such: " + text, e);
    }
  }
}
