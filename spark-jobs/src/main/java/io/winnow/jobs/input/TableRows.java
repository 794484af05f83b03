// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.concat;
import static org.apache.spark.sql.functions.is_valid_utf8;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.to_json;
import static org.apache.spark.sql.functions.trim;
import static org.apache.spark.sql.functions.udf;
import static org.apache.spark.sql.functions.when;

import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.FloatType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructType;

/** Rows of a typed source (Parquet, Delta, a catalog's table) in the shape {@link FileRows#SCHEMA}. */
final class TableRows {
  private static final Map<String, String> WITH_NULLS = Map.of("ignoreNullFields", "false");
  /** Exponents up to this are written out; beyond it a number keeps its scientific notation. */
  private static final int MAX_PLAIN_EXPONENT = 20;

  private TableRows() {}

  /**
   * Adds the columns of the common shape as one struct {@code src} beside the source's own columns.
   *
   * @param ordinal expression for the row's place in its one file, or a null literal
   */
  static Dataset<Row> of(Dataset<Row> table, InputOptions options, Column ordinal) {
    StructType schema = table.schema();
    Column id = options.id() == null ? text(null) : asText(schema, options.id());
    Column prompt = text(null);
    Column replaced = lit(0L);
    if (options.prompt() != null) {
      DataType type = schema.apply(options.prompt()).dataType();
      if (isNested(type) || type instanceof BinaryType) {
        throw InputErrors.complexPrompt(options.prompt(), type.simpleString());
      }
      prompt = asText(schema, options.prompt());
      replaced = replaced(type, column(options.prompt()));
    }
    Column messages = text(null);
    if (options.messages() != null) {
      DataType type = schema.apply(options.messages()).dataType();
      boolean array = type instanceof ArrayType items && isNested(items.elementType());
      if (!array && !(type instanceof StringType)) {
        throw InputErrors.messagesType(options.messages(), type.simpleString());
      }
      messages = array ? to_json(column(options.messages()), WITH_NULLS) : column(options.messages());
      replaced = replaced(type, column(options.messages()));
    }
    Column all = struct(Arrays.stream(schema.fieldNames()).map(TableRows::column).toArray(Column[]::new));
    Column place =
        concat(
            when(ordinal.isNull(), lit("a row")).otherwise(concat(lit("row "), ordinal.cast(DataTypes.StringType))),
            lit(" of " + SourceFiles.shown(options.path())));
    Column noId = options.id() == null ? lit(false) : id.isNull().or(trim(id).equalTo(""));
    InputErrors.RowError missing = InputErrors.idMissing("a row", String.valueOf(options.id()));
    return table.withColumn(
        "src",
        struct(
            ordinal.cast(DataTypes.LongType).as("ordinal"),
            place.as("place"),
            when(noId, lit(missing.errorClass())).as("error_class"),
            when(noId, lit(missing.message())).as("error_message"),
            when(noId, text(null)).otherwise(id).as("id"),
            prompt.as("prompt"),
            messages.as("messages"),
            (options.gold() == null ? text(null) : asText(schema, options.gold())).as("gold"),
            (options.template() == null ? text(null) : to_json(all, WITH_NULLS)).as("row"),
            text(null).as("raw"),
            replaced.as("replaced_bytes")));
  }

  /** A column by its exact name, dots and all. */
  static Column column(String name) {
    return col("`" + name.replace("`", "``") + "`");
  }

  private static Column text(String value) {
    return lit(value).cast(DataTypes.StringType);
  }

  private static boolean isNested(DataType type) {
    return type instanceof StructType || type instanceof ArrayType || type instanceof MapType;
  }

  /** A value that is not nested as a text, numbers in their plain form. */
  static Column asText(StructType schema, String name) {
    DataType type = schema.apply(name).dataType();
    if (isNested(type)) {
      return to_json(column(name));
    }
    Column text = column(name).cast(DataTypes.StringType);
    boolean fraction = type instanceof DoubleType || type instanceof FloatType || type instanceof DecimalType;
    return fraction ? udf((UDF1<String, String>) TableRows::plainNumber, DataTypes.StringType).apply(text) : text;
  }

  private static Column replaced(DataType type, Column column) {
    if (!(type instanceof StringType)) {
      return lit(0L);
    }
    Column count =
        udf((UDF1<byte[], Long>) Utf8::replacedBytes, DataTypes.LongType).apply(column.cast(DataTypes.BinaryType));
    return when(column.isNull().or(is_valid_utf8(column)), lit(0L)).otherwise(count);
  }

  /** 12.0 reads 12, 0.50 reads 0.5: how a number is stored must not decide how it compares. */
  static String plainNumber(String text) {
    if (text == null) {
      return null;
    }
    try {
      BigDecimal number = new BigDecimal(text).stripTrailingZeros();
      int exponent = number.precision() - number.scale();
      return Math.abs(exponent) > MAX_PLAIN_EXPONENT ? text : number.signum() == 0 ? "0" : number.toPlainString();
    } catch (NumberFormatException e) {
      return text; // NaN and infinities
    }
  }
}
