// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * An executor's word that a data file is complete, and what is in it. JSON, format 2: see docs/TABLES.md, "Pending".
 *
 * @param replaces whether the rows take the place of rows of the same keys (failed or truncated ones)
 * @param partitions keys of the rows by the Spark partition they come from, one key a row
 */
record Manifest(boolean replaces, DataFile file, TraceCounts counts, SortedMap<Integer, List<RowKey>> partitions) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int FORMAT = 2;
  static final String SUFFIX = ".json";

  /** Name of the manifest: that of its data file with an ending. */
  String name() {
    return file.name() + SUFFIX;
  }

  /** All keys, partition by partition. */
  List<RowKey> keys() {
    List<RowKey> out = new ArrayList<>();
    partitions.values().forEach(out::addAll);
    return out;
  }

  byte[] toBytes() {
    ObjectNode root = JSON.createObjectNode();
    root.put("format", FORMAT);
    root.put("replaces", replaces);
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
    ObjectNode byPartition = root.putObject("keys");
    partitions.forEach(
        (partition, keys) -> {
          ArrayNode list = byPartition.putArray(String.valueOf(partition));
          for (RowKey key : keys) {
            list.addArray().add(key.promptId()).add(key.traceId());
          }
        });
    return root.toString().getBytes(StandardCharsets.UTF_8);
  }

  /** Throws IOException if the bytes are not a whole manifest of format 2. */
  static Manifest parse(byte[] bytes) throws IOException {
    JsonNode root = JSON.readTree(bytes);
    if (root == null || root.path("format").asInt() != FORMAT) {
      throw new IOException("not a manifest of format " + FORMAT);
    }
    String name = root.path("file").asText();
    long rows = root.path("rows").asLong(-1);
    SortedMap<Integer, List<RowKey>> partitions = new TreeMap<>();
    long count = 0;
    for (Iterator<Map.Entry<String, JsonNode>> it = root.path("keys").fields(); it.hasNext(); ) {
      Map.Entry<String, JsonNode> entry = it.next();
      List<RowKey> keys = keys(entry.getValue());
      count += keys.size();
      partitions.put(partition(entry.getKey()), keys);
    }
    if (name.isEmpty() || name.indexOf('/') >= 0 || rows < 1 || count != rows) {
      throw new IOException("file '" + name + "', " + rows + " rows, " + count + " keys do not fit together");
    }
    JsonNode c = root.path("counts");
    return new Manifest(
        root.path("replaces").asBoolean(),
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
        partitions);
  }

  private static int partition(String text) throws IOException {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new IOException("'" + text + "' is not the number of a partition", e);
    }
  }

  private static List<RowKey> keys(JsonNode list) throws IOException {
    List<RowKey> keys = new ArrayList<>();
    for (JsonNode pair : list) {
      if (!pair.path(0).isTextual() || !pair.path(1).isTextual()) {
        throw new IOException("a key is not two strings");
      }
      keys.add(new RowKey(pair.get(0).asText(), pair.get(1).asText()));
    }
    return keys;
  }
}
