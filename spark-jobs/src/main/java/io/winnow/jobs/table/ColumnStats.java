// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * Delta statistics of one file: numRecords, and for each of the leading scalar columns of type string, int, long,
 * double or timestamp the minimum, the maximum and the count of nulls (booleans: nulls only). Bounds are left out where
 * they would not be exact and short: strings over {@link #MAX_STRING_BYTES}, columns that hold a NaN.
 */
final class ColumnStats {
  static final int MAX_STRING_BYTES = 96;
  static final int MAX_COLUMNS = 32;

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final DateTimeFormatter MILLIS = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSX");
  private static final long MICROS_PER_MILLI = 1000;

  private final String[] names;
  private final DataType[] types;
  private final Object[] min;
  private final Object[] max;
  private final boolean[] unbounded;
  private final long[] nulls;
  private long rows;

  ColumnStats(StructType schema) {
    int n = Math.min(schema.length(), MAX_COLUMNS);
    names = new String[n];
    types = new DataType[n];
    min = new Object[n];
    max = new Object[n];
    unbounded = new boolean[n];
    nulls = new long[n];
    for (int i = 0; i < n; i++) {
      StructField f = schema.fields()[i];
      names[i] = f.name();
      types[i] = isNested(f.dataType()) ? null : f.dataType();
    }
  }

  private static boolean isNested(DataType type) {
    return type instanceof StructType || type instanceof ArrayType || type instanceof MapType;
  }

  void add(InternalRow row) {
    rows++;
    for (int i = 0; i < names.length; i++) {
      if (types[i] == null) {
        continue;
      }
      if (row.isNullAt(i)) {
        nulls[i]++;
      } else if (!unbounded[i]) {
        bound(i, row);
      }
    }
  }

  private void bound(int i, InternalRow row) {
    Object value = null;
    if (types[i].equals(DataTypes.StringType)) {
      UTF8String s = row.getUTF8String(i);
      value = s.numBytes() <= MAX_STRING_BYTES ? s : null;
    } else if (types[i].equals(DataTypes.IntegerType)) {
      value = row.getInt(i);
    } else if (types[i].equals(DataTypes.LongType) || types[i].equals(DataTypes.TimestampType)) {
      value = row.getLong(i);
    } else if (types[i].equals(DataTypes.DoubleType)) {
      double d = row.getDouble(i);
      // Zeros get one sign: readers compare -0.0 and 0.0 in different ways.
      value = Double.isFinite(d) ? (Object) (d == 0 ? 0.0 : d) : null;
    }
    if (value == null) {
      unbounded[i] = true;
    } else {
      min[i] = min[i] == null || compare(value, min[i]) < 0 ? value : min[i];
      max[i] = max[i] == null || compare(value, max[i]) > 0 ? value : max[i];
    }
  }

  /** UTF8String compares unsigned bytes, which is the order in which Delta readers compare strings. */
  @SuppressWarnings("unchecked")
  private static int compare(Object a, Object b) {
    return ((Comparable<Object>) a).compareTo(b);
  }

  String toJson() {
    ObjectNode root = JSON.createObjectNode();
    root.put("numRecords", rows);
    ObjectNode minValues = root.putObject("minValues");
    ObjectNode maxValues = root.putObject("maxValues");
    ObjectNode nullCount = root.putObject("nullCount");
    for (int i = 0; i < names.length; i++) {
      if (types[i] == null) {
        continue;
      }
      nullCount.put(names[i], nulls[i]);
      if (!unbounded[i] && min[i] != null) {
        put(minValues, i, min[i], false);
        put(maxValues, i, max[i], true);
      }
    }
    return root.toString();
  }

  private void put(ObjectNode node, int i, Object value, boolean up) {
    if (value instanceof Integer v) {
      node.put(names[i], v);
    } else if (value instanceof Double v) {
      node.put(names[i], v);
    } else if (value instanceof Long v && types[i].equals(DataTypes.TimestampType)) {
      // Statistics have milliseconds: round outwards, so that the bounds hold for the microseconds within.
      long millis = Math.floorDiv(v, MICROS_PER_MILLI) + (up && Math.floorMod(v, MICROS_PER_MILLI) != 0 ? 1 : 0);
      node.put(names[i], MILLIS.format(Instant.ofEpochMilli(millis).atOffset(ZoneOffset.UTC)));
    } else if (value instanceof Long v) {
      node.put(names[i], v);
    } else {
      node.put(names[i], value.toString());
    }
  }
}
