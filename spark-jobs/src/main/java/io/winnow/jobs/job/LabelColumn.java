// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.AnswerFormat;
import io.winnow.inference.Completion;
import io.winnow.inference.FinishReason;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.label.LabelException;
import io.winnow.jobs.label.LabelReader;
import io.winnow.jobs.label.LabelType;
import java.io.Serializable;
import java.util.List;
import java.util.Locale;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * The column of traces that holds answers of a given form as typed values.
 *
 * @param name of the column
 */
record LabelColumn(String name, AnswerFormat format) implements Serializable {
  /** Class of the error of an answer that ended by itself and is not of the format. */
  static final String INVALID = "label_invalid";

  private static final String COMMENT = "The answer by its format, typed; null where it was cut";

  /**
   * The column.
   *
   * @param kept columns that are carried along from the prompts
   * @throws UsageException when it would be there twice, or no table can hold the format's answers
   */
  StructField field(StructType kept) {
    for (StructField other : kept.fields()) {
      if (other.name().equalsIgnoreCase(name)) {
        throw new UsageException(
            "Cannot add the column '" + name + "' of the labels: --keep-columns has one of that name. Give"
                + " --label-column another name.");
      }
    }
    return new StructField(name, type(reader().type()), true, new org.apache.spark.sql.types.MetadataBuilder()
        .putString("comment", COMMENT).build());
  }

  /** Reads answers; a task makes one. */
  LabelReader reader() {
    try {
      return LabelReader.of(format);
    } catch (IllegalArgumentException e) {
      throw new UsageException(
          "Cannot make a column of " + format.described() + ": " + e.getMessage() + ". Name it otherwise.", e);
    }
  }

  /** The Spark type of a label type. */
  static DataType type(LabelType type) {
    if (type instanceof LabelType.Struct struct) {
      StructType out = new StructType();
      for (LabelType.Field field : struct.fields()) {
        out = out.add(field.name(), type(field.type()));
      }
      return out;
    }
    if (type instanceof LabelType.ListOf list) {
      return DataTypes.createArrayType(type(list.items()), true);
    }
    return switch ((LabelType.Plain) type) {
      case TEXT, JSON -> DataTypes.StringType;
      case INTEGER -> DataTypes.LongType;
      case NUMBER -> DataTypes.DoubleType;
      case BOOLEAN -> DataTypes.BooleanType;
    };
  }

  /** A value of a label type as Spark takes it. */
  static Object value(Object value, LabelType type) {
    if (value == null || type instanceof LabelType.Plain) {
      return value;
    }
    List<?> values = (List<?>) value;
    Object[] out = new Object[values.size()];
    for (int i = 0; i < out.length; i++) {
      LabelType of =
          type instanceof LabelType.Struct struct
              ? struct.fields().get(i).type()
              : ((LabelType.ListOf) type).items();
      out[i] = value(values.get(i), of);
    }
    return type instanceof LabelType.Struct ? RowFactory.create(out) : out;
  }

  /** A completion that is no answer of the format: as it came, with what is wrong. */
  static Completion refused(Completion c, AnswerFormat format, LabelException why) {
    String message =
        String.format(
            Locale.ROOT, "The answer is not of %s: %s. The server may not know the format: say what it is by"
                + " --endpoint-dialect, or lower --temperature; then --retry-failed %s makes the row again.",
            format.kind().option(), why.getMessage(), INVALID);
    return new Completion(
        c.requestId(), c.sampleIndex(), c.tokenIds(), c.text(), c.logprobs(), c.promptLogprobs(), FinishReason.ERROR,
        INVALID, message, c.engineMillis(), c.usage());
  }
}
