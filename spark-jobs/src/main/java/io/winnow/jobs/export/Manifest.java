// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;

/** The manifest of a data set: what its files hold and how they came about, for programs. */
public final class Manifest {
  private Manifest() {}

  /**
   * The whole of manifest.json.
   *
   * @param settings that decided the content, by name
   */
  public static String of(CardFacts facts, Map<String, String> settings) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("name", facts.name()).put("winnow", facts.version()).put("format", facts.format().word());
    out.put("file_format", facts.fileFormat()).put("rows", facts.rows()).put("prompts", facts.prompts());
    ObjectNode source = out.putObject("source").put("name", facts.source().name());
    source.put("delta_version", facts.source().deltaVersion() < 0 ? null : (Long) facts.source().deltaVersion());
    source.put("rows", facts.source().rows());
    ObjectNode leftOut = source.putObject("left_out");
    facts.leftOut().forEach((skip, rows) -> leftOut.put(skip.key(), rows));
    facts.traces().runIds().forEach(source.putArray("run_ids")::add);
    ObjectNode given = out.putObject("settings");
    settings.forEach(given::put);
    ArrayNode columns = out.putArray("columns");
    facts.columns().forEach(c -> columns.addObject().put("name", c.name()).put("type", ColumnType.shown(c.type())));
    ArrayNode files = out.putArray("files");
    for (CardFacts.Split split : facts.splits()) {
      for (CardFacts.File file : split.files()) {
        files.addObject().put("path", file.path()).put("split", split.name()).put("rows", file.rows())
            .put("bytes", file.bytes()).put("sha256", file.sha256());
      }
    }
    try {
      return JsonText.JSON.writer(JsonText.indented()).writeValueAsString(out) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A tree always has a text.", e);
    }
  }
}
