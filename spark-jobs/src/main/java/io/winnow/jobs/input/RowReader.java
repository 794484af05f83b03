// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.Row;

/** Reads of a row of {@link RowSource} what was asked for. */
public final class RowReader implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final Cell.Kind[] KINDS = Cell.Kind.values();

  private final List<String> columns;
  private final Set<String> wanted;
  private final boolean parses;

  /** @param parses whether values stand in a line of JSON, and not in cells */
  RowReader(List<String> columns, boolean parses) {
    this.columns = new ArrayList<>(columns);
    this.wanted = new HashSet<>(columns);
    this.parses = parses;
  }

  /**
   * Reads a row.
   *
   * @param row with the columns of {@link RowSource#rows} but {@code line} and {@code row}
   * @param line the row as JSON, where the source gives lines; else null
   */
  public InputRow read(Row row, String line) {
    String place = row.getAs("place");
    String errorClass = row.getAs("error_class");
    if (errorClass != null) {
      return new InputRow(place, errorClass, row.getAs("error_message"), none());
    }
    return new InputRow(place, null, null, parses ? parsed(line) : typed(row));
  }

  /** Whether {@link #read} needs the row as JSON. */
  public boolean needsLine() {
    return parses;
  }

  private List<Cell> none() {
    return Collections.nCopies(columns.size(), null);
  }

  private List<Cell> parsed(String line) {
    try {
      Map<String, JsonLine.Value> values = JsonLine.parse(line, wanted);
      Cell[] out = new Cell[columns.size()];
      for (int i = 0; i < out.length; i++) {
        JsonLine.Value value = values.get(columns.get(i));
        out[i] =
            value == null
                ? null
                : new Cell(Cell.Kind.valueOf(value.kind().name()), Utf8.withoutLoneSurrogates(value.text()));
      }
      return Arrays.asList(out);
    } catch (JsonLine.NotAnObject e) {
      throw new IllegalStateException("A line that was JSON before is none now: " + e.getMessage(), e);
    }
  }

  private List<Cell> typed(Row row) {
    List<Row> cells = row.getList(row.fieldIndex("cells"));
    Cell[] out = new Cell[columns.size()];
    for (int i = 0; i < out.length; i++) {
      Row cell = cells.get(i);
      out[i] = cell.isNullAt(1) ? null : new Cell(KINDS[cell.getInt(0)], cell.getString(1));
    }
    return Arrays.asList(out);
  }
}
