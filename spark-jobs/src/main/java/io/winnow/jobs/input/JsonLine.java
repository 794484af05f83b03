// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/** The top-level fields of one JSON object. */
final class JsonLine {
  static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS);

  private JsonLine() {}

  /** What kind of JSON a value is. */
  enum Kind {
    TEXT,
    NUMBER,
    BOOLEAN,
    OBJECT,
    ARRAY
  }

  /** A value; numbers are as they were written, objects and arrays are JSON. Absent and null values are not there. */
  record Value(Kind kind, String text) {}

  /** Why a line is not one JSON object. */
  static final class NotAnObject extends Exception {
    NotAnObject(String message) {
      super(message, null, false, false);
    }
  }

  /** Reads the fields named; the whole line is checked. */
  static Map<String, Value> parse(String line, Set<String> wanted) throws NotAnObject {
    Map<String, Value> fields = new HashMap<>();
    scan(line, wanted, fields);
    return fields;
  }

  /** Names of all top-level fields, in their order. */
  static Set<String> names(String line) throws NotAnObject {
    return scan(line, Set.of(), new HashMap<>());
  }

  private static Set<String> scan(String line, Set<String> wanted, Map<String, Value> fields) throws NotAnObject {
    Set<String> names = new LinkedHashSet<>();
    try (JsonParser parser = JSON.createParser(line)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new NotAnObject("it is JSON, but not an object in braces");
      }
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String name = parser.currentName();
        names.add(name);
        parser.nextToken();
        if (!wanted.contains(name)) {
          parser.skipChildren();
          continue;
        }
        Value value = value(parser);
        if (value == null) {
          fields.remove(name);
        } else {
          fields.put(name, value);
        }
      }
      if (parser.nextToken() != null) {
        throw new NotAnObject("something follows the object at column " + parser.currentLocation().getColumnNr());
      }
      return names;
    } catch (JsonProcessingException e) {
      String at = e.getLocation() == null ? "" : " at column " + e.getLocation().getColumnNr();
      throw new NotAnObject(e.getOriginalMessage() + at);
    } catch (IOException e) {
      throw new IllegalStateException("A string cannot fail to be read.", e);
    }
  }

  private static Value value(JsonParser parser) throws IOException {
    return switch (parser.currentToken()) {
      case VALUE_NULL -> null;
      case VALUE_STRING -> new Value(Kind.TEXT, parser.getText());
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> new Value(Kind.NUMBER, parser.getText());
      case VALUE_TRUE, VALUE_FALSE -> new Value(Kind.BOOLEAN, parser.getText());
      case START_ARRAY -> new Value(Kind.ARRAY, JSON.readTree(parser).toString());
      default -> new Value(Kind.OBJECT, JSON.readTree(parser).toString());
    };
  }
}
