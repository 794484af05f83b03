// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.jobs.export.ColumnType;
import io.winnow.jobs.export.ColumnType.Scalar;
import io.winnow.jobs.export.ExportColumn;
import java.math.BigDecimal;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.ByteType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.FloatType;
import org.apache.spark.sql.types.IntegerType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.ShortType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Columns of an exported data set as Spark has them, there and back. Maps become lists of key and value, by key; what
 * JSON has no type for (times, dates, decimals, bytes) becomes text.
 */
final class ExportColumns {
  private ExportColumns() {}

  /** The type that a column of the input has in the data set. */
  static ColumnType of(DataType type) {
    if (type instanceof ArrayType array) {
      return new ColumnType.ListOf(of(array.elementType()));
    }
    if (type instanceof MapType map) {
      return new ColumnType.ListOf(
          new ColumnType.Struct(
              List.of(
                  new ColumnType.Field("key", Scalar.STRING), new ColumnType.Field("value", of(map.valueType())))));
    }
    if (type instanceof StructType struct) {
      List<ColumnType.Field> fields = new ArrayList<>();
      for (StructField field : struct.fields()) {
        fields.add(new ColumnType.Field(field.name(), of(field.dataType())));
      }
      return new ColumnType.Struct(List.copyOf(fields));
    }
    if (type instanceof BooleanType) {
      return Scalar.BOOL;
    }
    if (type instanceof LongType) {
      return Scalar.INT64;
    }
    if (type instanceof IntegerType || type instanceof ShortType || type instanceof ByteType) {
      return Scalar.INT32;
    }
    return type instanceof DoubleType ? Scalar.FLOAT64 : type instanceof FloatType ? Scalar.FLOAT32 : Scalar.STRING;
  }

  /** A value of the input as JSON of the type that {@link #of} gives. */
  static JsonNode json(Object value) {
    JsonNodeFactory nodes = JsonNodeFactory.instance;
    if (value == null) {
      return nodes.nullNode();
    }
    if (value instanceof scala.collection.Seq<?> list) {
      ArrayNode out = nodes.arrayNode();
      CollectionConverters.asJava(list).forEach(element -> out.add(json(element)));
      return out;
    }
    if (value instanceof scala.collection.Map<?, ?> map) {
      TreeMap<String, Object> sorted = new TreeMap<>();
      for (Map.Entry<?, ?> entry : CollectionConverters.asJava(map).entrySet()) {
        sorted.put(json(entry.getKey()).asText(), entry.getValue());
      }
      ArrayNode out = nodes.arrayNode();
      sorted.forEach((key, each) -> out.addObject().put("key", key).set("value", json(each)));
      return out;
    }
    if (value instanceof Row row) {
      ObjectNode out = nodes.objectNode();
      for (int i = 0; i < row.length(); i++) {
        out.set(row.schema().fields()[i].name(), json(row.get(i)));
      }
      return out;
    }
    return scalar(nodes, value);
  }

  private static JsonNode scalar(JsonNodeFactory nodes, Object value) {
    if (value instanceof Boolean truth) {
      return nodes.booleanNode(truth);
    }
    if (value instanceof Double number) {
      return nodes.numberNode(number);
    }
    if (value instanceof Float number) {
      return nodes.numberNode(number);
    }
    if (value instanceof Number number && !(value instanceof BigDecimal)) {
      return nodes.numberNode(number.longValue());
    }
    if (value instanceof BigDecimal number) {
      return nodes.textNode(number.toPlainString());
    }
    if (value instanceof Timestamp time) {
      return nodes.textNode(time.toInstant().toString());
    }
    return value instanceof byte[] bytes
        ? nodes.textNode(Base64.getEncoder().encodeToString(bytes))
        : nodes.textNode(value.toString());
  }

  /** The schema of Parquet files. */
  static StructType schema(List<ExportColumn> columns) {
    StructType out = new StructType();
    for (ExportColumn column : columns) {
      out = out.add(column.name(), type(column.type()), true);
    }
    return out;
  }

  private static DataType type(ColumnType type) {
    if (type instanceof ColumnType.ListOf list) {
      return DataTypes.createArrayType(type(list.element()), true);
    }
    if (type instanceof ColumnType.Struct struct) {
      StructType out = new StructType();
      for (ColumnType.Field field : struct.fields()) {
        out = out.add(field.name(), type(field.type()), true);
      }
      return out;
    }
    return switch ((Scalar) type) {
      case STRING -> DataTypes.StringType;
      case BOOL -> DataTypes.BooleanType;
      case INT32 -> DataTypes.IntegerType;
      case INT64 -> DataTypes.LongType;
      case FLOAT32 -> DataTypes.FloatType;
      case FLOAT64 -> DataTypes.DoubleType;
    };
  }

  /** A line that was read as JSON, as a row of {@link #schema}. */
  static Row row(List<ExportColumn> columns, JsonNode line) {
    Object[] out = new Object[columns.size()];
    for (int i = 0; i < out.length; i++) {
      out[i] = value(columns.get(i).type(), line.get(columns.get(i).name()));
    }
    return RowFactory.create(out);
  }

  private static Object value(ColumnType type, JsonNode node) {
    if (node == null || node.isNull()) {
      return null;
    }
    if (type instanceof ColumnType.ListOf list) {
      List<Object> out = new ArrayList<>(node.size());
      node.forEach(element -> out.add(value(list.element(), element)));
      return CollectionConverters.asScala(out).toSeq();
    }
    if (type instanceof ColumnType.Struct struct) {
      Object[] out = new Object[struct.fields().size()];
      for (int i = 0; i < out.length; i++) {
        ColumnType.Field field = struct.fields().get(i);
        out[i] = value(field.type(), node.get(field.name()));
      }
      return RowFactory.create(out);
    }
    return switch ((Scalar) type) {
      case STRING -> node.asText();
      case BOOL -> node.booleanValue();
      case INT32 -> node.intValue();
      case INT64 -> node.longValue();
      case FLOAT32 -> node.floatValue();
      case FLOAT64 -> node.doubleValue();
    };
  }
}
