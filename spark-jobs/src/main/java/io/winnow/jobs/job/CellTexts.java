// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import com.fasterxml.jackson.databind.JsonNode;
import io.winnow.jobs.input.Cell;
import java.util.ArrayList;
import java.util.List;

/** The texts in a value: itself, those of an array, or what the messages of a conversation say. */
final class CellTexts {
  private static final String CONTENT = "content";
  private static final String TEXT = "text";

  private CellTexts() {}

  /** In their order; none for null. */
  static List<String> of(Cell cell) {
    if (cell == null) {
      return List.of();
    }
    if (cell.isPlain()) {
      return List.of(cell.text());
    }
    List<String> out = new ArrayList<>();
    add(cell.json(), out);
    return out;
  }

  private static void add(JsonNode node, List<String> out) {
    if (node.isArray()) {
      node.forEach(each -> add(each, out));
    } else if (node.isObject()) {
      // A part of a message's content holds its text by another name.
      JsonNode said = node.path(CONTENT).isMissingNode() ? node.path(TEXT) : node.path(CONTENT);
      add(said, out);
    } else if (node.isValueNode() && !node.isNull()) {
      out.add(node.asText());
    }
  }
}
