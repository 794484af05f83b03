// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** What single commits have added to a table: read from their files in the Delta log, which is JSON by the protocol. */
final class CommitLog {
  private static final ObjectMapper JSON = new ObjectMapper();
  /** Operations that write rows anew which were in the table before, and bring no others. */
  private static final Set<String> REWRITES = Set.of("DELETE", "UPDATE", "OPTIMIZE", "REORG");
  private static final StructType KEYS =
      new StructType().add("prompt_id", DataTypes.StringType).add("trace_id", DataTypes.StringType);

  private final WinnowTable table;

  CommitLog(WinnowTable table) {
    this.table = table;
  }

  /** Paths of the data files with new rows that a commit has added, as they stand in the log, decoded. */
  List<String> added(long version) throws IOException {
    List<String> added = new ArrayList<>();
    boolean rewrites = false;
    Path file = new Path(table.path(), String.format(Locale.ROOT, "_delta_log/%020d.json", version));
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(table.fileSystem().open(file), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.isBlank()) {
          continue;
        }
        JsonNode action = JSON.readTree(line);
        rewrites |= REWRITES.contains(action.path("commitInfo").path("operation").asText());
        JsonNode add = action.path("add");
        if (add.isObject() && add.path("dataChange").asBoolean(true)) {
          added.add(URI.create(add.path("path").asText()).getPath());
        }
      }
    }
    return rewrites ? List.of() : added;
  }

  /** Adds the row keys of a data file. */
  void addKeys(String file, RowKeySet into) throws IOException {
    try (DataFileReader rows = new DataFileReader(table.path(), file, KEYS, table.conf())) {
      for (InternalRow row = rows.next(); row != null; row = rows.next()) {
        if (!row.isNullAt(0) && !row.isNullAt(1)) {
          into.add(new RowKey(row.getUTF8String(0).toString(), row.getUTF8String(1).toString()));
        }
      }
    }
  }
}
