// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.recipe;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import io.winnow.inference.conf.UsageException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A value of a YAML document and where it stands. Scalars are kept as they are written, so that the declarations of
 * settings alone say what they mean.
 *
 * @param place where it begins
 * @param text of a scalar, null for an empty one, a list or a map
 * @param items of a list, else null
 * @param entries of a map in their order, else null
 */
record YamlNode(Place place, String text, List<YamlNode> items, Map<String, Entry> entries) {

  /** A place in a file, lines and columns from 1; or, in words, where else a value comes from. */
  record Place(String file, int line, int column) {
    static Place of(String words) {
      return new Place(words, 0, 0);
    }

    @Override
    public String toString() {
      return line == 0 ? file : file + ":" + line + ":" + column;
    }
  }

  /** A value of a map with the place of its key. */
  record Entry(Place key, YamlNode value) {}

  /** A scalar that no file holds. */
  static YamlNode scalar(String words, String text) {
    return new YamlNode(Place.of(words), text, null, null);
  }

  boolean isScalar() {
    return items == null && entries == null;
  }

  boolean isEmpty() {
    return isScalar() && text == null;
  }

  /** What it is, in words. */
  String kind() {
    return items != null ? "a list" : entries != null ? "a map" : text == null ? "nothing" : "'" + text + "'";
  }

  /**
   * Reads one document.
   *
   * @param file its name in messages
   * @throws UsageException with the place of what is no YAML, is there twice, or is an alias or a second document
   */
  static YamlNode parse(String file, String yaml) {
    try (YAMLParser parser = new YAMLFactory().createParser(yaml)) {
      if (parser.nextToken() == null) {
        throw new UsageException("Cannot read the recipe " + file + ": it is empty. It needs a list of 'steps'.");
      }
      YamlNode root = read(file, parser);
      if (parser.nextToken() != null) {
        throw error(place(file, parser), "a recipe is one document, and here begins another");
      }
      return root;
    } catch (JsonProcessingException e) {
      JsonLocation at = e.getLocation();
      Place place = at == null ? Place.of(file) : new Place(file, at.getLineNr(), at.getColumnNr());
      throw new UsageException(
          "Cannot read the recipe: " + place + ": it is no YAML: " + e.getOriginalMessage().replaceAll("\\s+", " ")
              + ". Mind the indents and the blank behind each colon.",
          e);
    } catch (IOException e) {
      throw new UsageException("Cannot read the recipe " + file + ": " + e.getMessage() + ".", e);
    }
  }

  static UsageException error(Place place, String what) {
    return new UsageException("Cannot use the recipe: " + place + ": " + what + ".");
  }

  private static Place place(String file, YAMLParser parser) {
    JsonLocation at = parser.currentTokenLocation();
    return new Place(file, at.getLineNr(), at.getColumnNr());
  }

  private static YamlNode read(String file, YAMLParser parser) throws IOException {
    Place place = place(file, parser);
    if (parser.isCurrentAlias()) {
      throw error(place, "aliases (*name) are not read: put the value under 'params' and write ${params.NAME}");
    }
    JsonToken token = parser.currentToken();
    if (token == JsonToken.START_ARRAY) {
      List<YamlNode> items = new ArrayList<>();
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        items.add(read(file, parser));
      }
      return new YamlNode(place, null, items, null);
    }
    if (token == JsonToken.START_OBJECT) {
      Map<String, Entry> entries = new LinkedHashMap<>();
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        Place key = place(file, parser);
        String name = parser.currentName();
        parser.nextToken();
        if (entries.put(name, new Entry(key, read(file, parser))) != null) {
          throw error(key, "the key '" + name + "' is there twice");
        }
      }
      return new YamlNode(place, null, null, entries);
    }
    return new YamlNode(place, token == JsonToken.VALUE_NULL ? null : parser.getText(), null, null);
  }
}
