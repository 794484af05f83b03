// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.sql;

import io.winnow.jobs.verify.VerifierSpec;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.catalyst.util.MapData;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.NullType;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** Values of Spark's rows as texts. */
final class Arguments {
  /** Exponents up to this are written out. */
  private static final int MAX_PLAIN_EXPONENT = 20;

  private Arguments() {}

  /** Whether values of a type can be read as a text. */
  static boolean isText(DataType type) {
    return type instanceof StringType || type instanceof NumericType || type instanceof BooleanType
        || type instanceof NullType;
  }

  /** Whether values of a type can be read as golds: a text, or an array of texts. */
  static boolean isGold(DataType type) {
    return isText(type) || type instanceof ArrayType array && isText(array.elementType());
  }

  /** Whether values of a type can be read as parameters. */
  static boolean isParams(DataType type) {
    return type instanceof StringType || type instanceof NullType
        || type instanceof MapType map && isText(map.keyType()) && isText(map.valueType())
        || type instanceof StructType struct && List.of(struct.fields()).stream().allMatch(f -> isText(f.dataType()));
  }

  /** A value as a text, null for null; 12.0 reads 12, as in verify's columns. */
  static String text(Object value) {
    if (value == null) {
      return null;
    }
    String text = value.toString();
    boolean fraction = value instanceof Double || value instanceof Float
        || value instanceof org.apache.spark.sql.types.Decimal;
    if (!fraction) {
      return text;
    }
    try {
      BigDecimal number = new BigDecimal(text).stripTrailingZeros();
      int exponent = number.precision() - number.scale();
      return Math.abs(exponent) > MAX_PLAIN_EXPONENT ? text : number.signum() == 0 ? "0" : number.toPlainString();
    } catch (NumberFormatException e) {
      return text; // NaN and infinities
    }
  }

  /** Golds, null ones left out. */
  static List<String> golds(Object value, DataType type) {
    if (value == null) {
      return List.of();
    }
    if (!(type instanceof ArrayType array)) {
      return List.of(text(value));
    }
    List<String> out = new ArrayList<>();
    for (Object each : ((ArrayData) value).toObjectArray(array.elementType())) {
      if (each != null) {
        out.add(text(each));
      }
    }
    return out;
  }

  /**
   * Parameters; null ones are left out.
   *
   * @throws IllegalArgumentException for a text that is no JSON object
   */
  static Map<String, String> params(Object value, DataType type) {
    Map<String, String> out = new TreeMap<>();
    if (value == null) {
      return out;
    }
    if (type instanceof MapType map) {
      MapData data = (MapData) value;
      Object[] keys = data.keyArray().toObjectArray(map.keyType());
      Object[] values = data.valueArray().toObjectArray(map.valueType());
      for (int i = 0; i < keys.length; i++) {
        put(out, text(keys[i]), text(values[i]));
      }
    } else if (type instanceof StructType struct) {
      StructField[] fields = struct.fields();
      for (int i = 0; i < fields.length; i++) {
        put(out, fields[i].name(), text(((InternalRow) value).get(i, fields[i].dataType())));
      }
    } else if (!value.toString().isBlank()) {
      return VerifierSpec.params(value.toString());
    }
    return out;
  }

  private static void put(Map<String, String> out, String key, String value) {
    if (value != null) {
      out.put(key, value);
    }
  }
}
