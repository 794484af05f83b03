// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import io.delta.kernel.types.FieldMetadata;
import java.util.Arrays;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.MetadataBuilder;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** Builds Spark schemas with comments, and turns them into Delta Kernel's; covers the types of Delta protocol 1/2. */
final class Schemas {
  private Schemas() {}

  static StructField field(String name, DataType type, String comment) {
    return new StructField(name, type, true, new MetadataBuilder().putString("comment", comment).build());
  }

  /** The field with its comment as its only metadata, nullable all the way down; {@code otherwise} if it has none. */
  static StructField plain(StructField field, String otherwise) {
    String comment = field.getComment().isDefined() ? field.getComment().get() : otherwise;
    return field(field.name(), plain(field.dataType()), comment);
  }

  private static DataType plain(DataType type) {
    if (type instanceof StructType struct) {
      StructType out = new StructType();
      for (StructField f : struct.fields()) {
        out = out.add(plain(f, "Part of a column kept from the prompts"));
      }
      return out;
    }
    if (type instanceof ArrayType array) {
      return DataTypes.createArrayType(plain(array.elementType()), true);
    }
    if (type instanceof MapType map) {
      return DataTypes.createMapType(plain(map.keyType()), plain(map.valueType()), true);
    }
    return type;
  }

  /** True if the two types hold the same values: names and types, whatever the comments and nullability. */
  static boolean sameType(DataType a, DataType b) {
    return plain(a).sql().equals(plain(b).sql());
  }

  /** True if a table at protocol reader 1, writer 2 can have a column of this type. */
  static boolean isPlain(DataType type) {
    return kernelPrimitive(type) != null
        || type instanceof StructType s
            && s.length() > 0
            && Arrays.stream(s.fields()).allMatch(f -> isPlain(f.dataType()))
        || type instanceof ArrayType a && isPlain(a.elementType())
        || type instanceof MapType m && isPlain(m.keyType()) && isPlain(m.valueType());
  }

  static io.delta.kernel.types.StructType toKernel(StructType struct) {
    io.delta.kernel.types.StructType out = new io.delta.kernel.types.StructType();
    for (StructField f : struct.fields()) {
      FieldMetadata metadata =
          f.getComment().isDefined()
              ? FieldMetadata.builder().putString("comment", f.getComment().get()).build()
              : FieldMetadata.empty();
      out = out.add(new io.delta.kernel.types.StructField(f.name(), toKernel(f.dataType()), f.nullable(), metadata));
    }
    return out;
  }

  private static io.delta.kernel.types.DataType toKernel(DataType type) {
    if (type instanceof StructType struct) {
      return toKernel(struct);
    }
    if (type instanceof ArrayType array) {
      return new io.delta.kernel.types.ArrayType(toKernel(array.elementType()), array.containsNull());
    }
    if (type instanceof MapType map) {
      return new io.delta.kernel.types.MapType(
          toKernel(map.keyType()), toKernel(map.valueType()), map.valueContainsNull());
    }
    io.delta.kernel.types.DataType primitive = kernelPrimitive(type);
    if (primitive == null) {
      throw new IllegalArgumentException("no plain Delta type for " + type.sql());
    }
    return primitive;
  }

  private static io.delta.kernel.types.DataType kernelPrimitive(DataType type) {
    if (type instanceof DecimalType decimal) {
      return new io.delta.kernel.types.DecimalType(decimal.precision(), decimal.scale());
    }
    // By equality, so that char, varchar and collated strings, which are subtypes, are told apart from string.
    if (type.equals(DataTypes.StringType)) {
      return io.delta.kernel.types.StringType.STRING;
    } else if (type.equals(DataTypes.BooleanType)) {
      return io.delta.kernel.types.BooleanType.BOOLEAN;
    } else if (type.equals(DataTypes.ByteType)) {
      return io.delta.kernel.types.ByteType.BYTE;
    } else if (type.equals(DataTypes.ShortType)) {
      return io.delta.kernel.types.ShortType.SHORT;
    } else if (type.equals(DataTypes.IntegerType)) {
      return io.delta.kernel.types.IntegerType.INTEGER;
    } else if (type.equals(DataTypes.LongType)) {
      return io.delta.kernel.types.LongType.LONG;
    } else if (type.equals(DataTypes.FloatType)) {
      return io.delta.kernel.types.FloatType.FLOAT;
    } else if (type.equals(DataTypes.DoubleType)) {
      return io.delta.kernel.types.DoubleType.DOUBLE;
    } else if (type.equals(DataTypes.BinaryType)) {
      return io.delta.kernel.types.BinaryType.BINARY;
    } else if (type.equals(DataTypes.DateType)) {
      return io.delta.kernel.types.DateType.DATE;
    } else if (type.equals(DataTypes.TimestampType)) {
      return io.delta.kernel.types.TimestampType.TIMESTAMP;
    }
    return null;
  }
}
