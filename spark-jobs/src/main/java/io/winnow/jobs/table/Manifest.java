// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A task's word that a data file is complete, and what is in it. JSON, version 1: see docs/TABLES.md, "Pending".
 *
 * @param keys one key a row, in the file's order
 */
record Manifest(int partition, long attempt, DataFile file, TraceCounts counts, List<RowKey> keys) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int FORMAT = 1;

  byte[] toBytes() {
    ObjectNode root = JSON.createObjectNode();
    root.put("format", FORMAT);
    root.put("partition", partition);
    root.put("attempt", attempt);
    root.put("file", file.name());
    root.put("sizeBytes", file.sizeBytes());
    root.put("modifiedMillis", file.modifiedMillis());
    root.put("rows", file.rows());
    root.put("stats", file.stats());
    ObjectNode c = root.putObject("counts");
    c.put("promptTokens", counts.promptTokens());
    c.put("completionTokens", counts.completionTokens());
    c.put("correct", counts.correct());
    c.put("incorrect", counts.incorrect());
    c.put("undecided", counts.undecided());
    c.put("errors", counts.errors());
    ArrayNode list = root.putArray("keys");
    for (RowKey key : keys) {
      list.addArray().add(key.promptId()).add(key.traceId());
    }
    return root.toString().getBytes(StandardCharsets.UTF_8);
  }

  /** Throws IOException if the bytes are not a whole manifest of version 1. */
  static Manifest parse(byte[] bytes) throws IOException {
    JsonNode root = JSON.readTree(bytes);
    if (root == null || root.path("format").asInt() != FORMAT) {
      throw new IOException("not a manifest of format " + FORMAT);
    }
    String name = root.path("file").asText();
    long rows = root.path("rows").asLong(-1);
    List<RowKey> keys = new ArrayList<>();
    for (JsonNode pair : root.path("keys")) {
      if (!pair.path(0).isTextual() || !pair.path(1).isTextual()) {
        throw new IOException("a key is not two strings");
      }
      keys.add(new RowKey(pair.get(0).asText(), pair.get(1).asText()));
    }
    if (name.isEmpty() || name.indexOf('/') >= 0 || rows < 1 || keys.size() != rows) {
      throw new IOException("file '" + name + "', " + rows + " rows, " + keys.size() + " keys do not fit together");
    }
    JsonNode c = root.path("counts");
    return new Manifest(
        root.path("partition").asInt(),
        root.path("attempt").asLong(),
        new DataFile(
            name,
            root.path("sizeBytes").asLong(),
            root.path("modifiedMillis").asLong(),
            rows,
            root.path("stats").asText()),
        new TraceCounts(
            rows,
            c.path("promptTokens").asLong(),
            c.path("completionTokens").asLong(),
            c.path("correct").asLong(),
            c.path("incorrect").asLong(),
            c.path("undecided").asLong(),
            c.path("errors").asLong()),
        keys);
  }
}
