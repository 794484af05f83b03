// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import com.fasterxml.jackson.databind.JsonNode;
import io.winnow.jobs.export.SourceRow;
import io.winnow.jobs.input.Cell;
import io.winnow.jobs.input.InputRow;
import java.util.EnumSet;

/**
 * A row of any data set, as {@code export} reads it. Cells stand in the order of {@link SourceRow.Field}.
 *
 * @param there the columns that the data set has
 */
record CellRow(InputRow row, EnumSet<SourceRow.Field> there) implements SourceRow {
  @Override
  public boolean has(Field field) {
    return there.contains(field);
  }

  @Override
  public String text(Field field) {
    Cell cell = row.cell(field.ordinal());
    return cell == null ? null : cell.text();
  }

  @Override
  public JsonNode json(Field field) {
    Cell cell = row.cell(field.ordinal());
    if (cell == null) {
      return null;
    }
    try {
      JsonNode node = new Cell(cell.kind() == Cell.Kind.TEXT ? Cell.Kind.OBJECT : cell.kind(), cell.text()).json();
      return node == null || node.isMissingNode() || node.isNull() ? null : node;
    } catch (IllegalStateException e) {
      return null; // a text that is no JSON
    }
  }

  @Override
  public String unreadable() {
    return row.errorMessage();
  }
}
