// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.math.BigDecimal;
import java.sql.Date;
import java.sql.Timestamp;
import java.time.Instant;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.ByteType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DateType;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.FloatType;
import org.apache.spark.sql.types.IntegerType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.ShortType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.types.TimestampType;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Checks the Java values of a row against a schema before any byte of it is written: a wrong class found in the middle
 * of a Parquet record would spoil the whole file. Takes what Spark's converters take: Row for a struct; array, Scala or
 * Java collection for an array; Scala or Java map for a map; Timestamp or Instant; Date or LocalDate.
 */
final class RowChecker {
  private final StructType schema;

  RowChecker(StructType schema) {
    this.schema = schema;
  }

  /** Throws a {@link TableException} of class bad_row that names the column and what it holds. */
  void check(Row row) {
    checkStruct("(row)", schema, row);
  }

  private static void checkStruct(String path, StructType struct, Row row) {
    if (row.length() != struct.length()) {
      throw TableErrors.badRow(path, "has " + row.length() + " values for " + struct.length() + " columns");
    }
    for (int i = 0; i < struct.length(); i++) {
      String name = struct.fields()[i].name();
      checkValue(path.equals("(row)") ? name : path + "." + name, struct.fields()[i].dataType(), row.get(i));
    }
  }

  private static void checkValue(String path, DataType type, Object v) {
    if (v == null) {
      return;
    }
    if (type instanceof StructType struct && v instanceof Row row) {
      checkStruct(path, struct, row);
    } else if (type instanceof ArrayType array && elements(v) != null) {
      for (Object element : elements(v)) {
        checkValue(path + "[]", array.elementType(), element);
      }
    } else if (type instanceof MapType map && entries(v) != null) {
      for (Map.Entry<?, ?> e : entries(v).entrySet()) {
        if (e.getKey() == null) {
          throw TableErrors.badRow(path, "has a null key");
        }
        checkValue(path + ".key", map.keyType(), e.getKey());
        checkValue(path + "[" + e.getKey() + "]", map.valueType(), e.getValue());
      }
    } else if (!isPrimitive(type, v) && !isPrimitiveArray(type, v)) {
      throw TableErrors.badRow(path, "is " + type.sql() + " but holds a " + v.getClass().getName());
    }
  }

  private static boolean isPrimitive(DataType type, Object v) {
    return type instanceof StringType && v instanceof String
        || type instanceof IntegerType && v instanceof Integer
        || type instanceof LongType && v instanceof Long
        || type instanceof DoubleType && v instanceof Double
        || type instanceof FloatType && v instanceof Float
        || type instanceof BooleanType && v instanceof Boolean
        || type instanceof ShortType && v instanceof Short
        || type instanceof ByteType && v instanceof Byte
        || type instanceof TimestampType && (v instanceof Timestamp || v instanceof Instant)
        || type instanceof DateType && (v instanceof Date || v instanceof LocalDate)
        || type instanceof BinaryType && v instanceof byte[]
        || type instanceof DecimalType d && v instanceof BigDecimal b && fits(b, d);
  }

  private static boolean fits(BigDecimal value, DecimalType type) {
    BigDecimal plain = value.stripTrailingZeros();
    return plain.scale() <= type.scale() && plain.precision() - plain.scale() <= type.precision() - type.scale();
  }

  private static boolean isPrimitiveArray(DataType type, Object v) {
    return type instanceof ArrayType array
        && (array.elementType() instanceof IntegerType && v instanceof int[]
            || array.elementType() instanceof LongType && v instanceof long[]
            || array.elementType() instanceof FloatType && v instanceof float[]
            || array.elementType() instanceof DoubleType && v instanceof double[]);
  }

  private static Iterable<?> elements(Object v) {
    if (v instanceof Object[] array) {
      return Arrays.asList(array);
    }
    if (v instanceof scala.collection.Iterable<?> it && !(v instanceof scala.collection.Map)) {
      return CollectionConverters.asJava(it);
    }
    return v instanceof Iterable<?> java ? java : null;
  }

  private static Map<?, ?> entries(Object v) {
    if (v instanceof scala.collection.Map<?, ?> map) {
      return CollectionConverters.asJava(map);
    }
    return v instanceof Map<?, ?> java ? java : null;
  }
}
