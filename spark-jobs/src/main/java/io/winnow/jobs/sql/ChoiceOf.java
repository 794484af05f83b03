// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.sql;

import io.winnow.jobs.select.DiverseTexts;
import io.winnow.jobs.select.LengthPairs;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.catalyst.util.GenericArrayData;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.Decimal;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.IntegralType;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructType;

/** {@code winnow_diverse(texts, k[, n])} and {@code winnow_length_pairs(chosen, rejected, k[, ratio])}. */
final class ChoiceOf extends SqlFunction {
  /** What is chosen. */
  enum Kind {
    DIVERSE("winnow_diverse", new StructType().add("place", DataTypes.IntegerType, false)
        .add("distance", DataTypes.DoubleType)),
    LENGTH_PAIRS("winnow_length_pairs", new StructType().add("chosen", DataTypes.IntegerType, false)
        .add("rejected", DataTypes.IntegerType, false)),
    PAIRS_IN_ORDER("winnow_pairs_in_order", LENGTH_PAIRS.struct);

    final String function;
    private final StructType struct;

    Kind(String function, StructType struct) {
      this.function = function;
      this.struct = struct;
    }
  }

  private static final long serialVersionUID = 1L;
  private static final int DEFAULT_WORDS = 5;

  private final Kind kind;

  ChoiceOf(Kind kind, List<Expression> arguments) {
    super(kind.function, arguments);
    this.kind = kind;
  }

  @Override
  SqlFunction of(List<Expression> newArguments) {
    return new ChoiceOf(kind, newArguments);
  }

  private boolean isArray(int i, Class<?> element) {
    return argument(i).dataType() instanceof ArrayType array && element.isInstance(array.elementType());
  }

  @Override
  String refusal() {
    int k = kind == Kind.DIVERSE ? 1 : 2;
    if (kind == Kind.DIVERSE && !isArray(0, StringType.class)) {
      return refused(0, "texts", "an array of texts");
    }
    for (int i = 0; kind != Kind.DIVERSE && i < k; i++) {
      if (!isArray(i, DoubleType.class)) {
        return refused(i, i == 0 ? "chosen" : "rejected", "an array of doubles");
      }
    }
    if (!(argument(k).dataType() instanceof IntegralType)) {
      return refused(k, "k", "a whole number");
    }
    if (arguments() > k + 1 && !(argument(k + 1).dataType() instanceof NumericType)) {
      return refused(k + 1, kind == Kind.DIVERSE ? "n" : "ratio", "a number");
    }
    return null;
  }

  @Override
  public DataType dataType() {
    return DataTypes.createArrayType(kind.struct, false);
  }

  @Override
  public Object eval(InternalRow input) {
    Object[] values = new Object[arguments()];
    for (int i = 0; i < values.length; i++) {
      values[i] = argument(i).eval(input);
      if (values[i] == null) {
        return null;
      }
    }
    List<Object> out = new ArrayList<>();
    if (kind == Kind.DIVERSE) {
      List<String> texts = new ArrayList<>();
      for (Object text : ((ArrayData) values[0]).toObjectArray(DataTypes.StringType)) {
        texts.add(text == null ? null : text.toString());
      }
      int words = values.length > 2 ? (int) number(values[2]) : DEFAULT_WORDS;
      for (DiverseTexts.Pick pick : DiverseTexts.of(texts, (int) number(values[1]), Math.max(1, words))) {
        out.add(new GenericInternalRow(new Object[] {pick.place(), pick.distance()}));
      }
    } else {
      int most = (int) number(values[2]);
      double ratio = values.length > 3 ? number(values[3]) : Double.POSITIVE_INFINITY;
      List<LengthPairs.Pair> pairs =
          kind == Kind.LENGTH_PAIRS
              ? LengthPairs.matched(lengths(values[0]), lengths(values[1]), most, ratio)
              : LengthPairs.inOrder(lengths(values[0]), lengths(values[1]), most, ratio);
      for (LengthPairs.Pair pair : pairs) {
        out.add(new GenericInternalRow(new Object[] {pair.chosen(), pair.rejected()}));
      }
    }
    return new GenericArrayData(out.toArray());
  }

  private static double number(Object value) {
    return value instanceof Decimal decimal ? decimal.toDouble() : ((Number) value).doubleValue();
  }

  /** Lengths; one that is null is 0. */
  private static List<Double> lengths(Object array) {
    List<Double> out = new ArrayList<>();
    for (Object each : ((ArrayData) array).toObjectArray(DataTypes.DoubleType)) {
      out.add(each == null ? 0.0 : (Double) each);
    }
    return out;
  }
}
