// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.array;
import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.concat;
import static org.apache.spark.sql.functions.filter;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.transform;

import io.winnow.jobs.input.InputRow;
import io.winnow.jobs.input.RowReader;
import io.winnow.jobs.input.RowSource;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * The texts of rows as a column array&lt;struct&lt;column: int, text: string&gt;&gt;: those of {@link CellTexts}, by
 * expressions where tables hold texts, arrays of texts or messages. Null in rows that cannot be read.
 */
final class RowTexts {
  private static final String CONTENT = "content";
  private static final DataType TYPE =
      DataTypes.createArrayType(
          new StructType().add("column", DataTypes.IntegerType, false).add("text", DataTypes.StringType, false), false);

  private RowTexts() {}

  /** Rows of (payload, the texts), which go by the columns asked of the source, in their order. */
  static Dataset<Row> of(RowSource source, Dataset<Row> rows, String payload, List<String> columns, String name) {
    List<Column> parts = new ArrayList<>();
    if (!source.reader().needsLine() && payload.equals(RowWork.ROW)) {
      for (int c = 0; c < columns.size(); c++) {
        Column part = part(source, columns.get(c), c);
        if (part != null) {
          parts.add(part);
        }
      }
    }
    if (parts.size() == columns.size()) {
      Column all = parts.size() == 1 ? parts.get(0) : concat(parts.toArray(Column[]::new));
      return rows.select(col(payload), all.as(name));
    }
    RowReader reader = source.reader();
    int width = columns.size();
    StructType schema = new StructType().add(rows.schema().apply(payload)).add(name, TYPE);
    MapFunction<Row, Row> read =
        row -> {
          InputRow input = RowTask.read(reader, row, payload);
          if (input.errorClass() != null) {
            return RowFactory.create(row.getAs(payload), null);
          }
          List<Row> texts = new ArrayList<>();
          for (int c = 0; c < width; c++) {
            for (String text : CellTexts.of(input.cell(c))) {
              texts.add(RowFactory.create(c, text));
            }
          }
          return RowFactory.create(row.getAs(payload), texts.toArray(Row[]::new));
        };
    return rows.map(read, Encoders.row(schema));
  }

  /** The texts of a typed column; null where no expression says what {@link CellTexts} does. */
  private static Column part(RowSource source, String name, int place) {
    StructField field =
        source.fields().stream().filter(each -> each.name().equals(name)).findFirst().orElseThrow();
    Column column = col(RowWork.ROW).getField(name);
    Column texts = null;
    if (field.dataType() instanceof StringType) {
      texts = array(column);
    } else if (field.dataType() instanceof ArrayType list) {
      if (list.elementType() instanceof StringType) {
        texts = column;
      } else if (list.elementType() instanceof StructType message
          && List.of(message.fieldNames()).contains(CONTENT)
          && message.apply(CONTENT).dataType() instanceof StringType) {
        texts = transform(column, each -> each.getField(CONTENT));
      }
    }
    if (texts == null) {
      return null;
    }
    Column there = filter(coalesce(texts, array().cast("array<string>")),
        Column::isNotNull);
    return transform(there, text -> struct(lit(place).as("column"), text.as("text")));
  }
}
