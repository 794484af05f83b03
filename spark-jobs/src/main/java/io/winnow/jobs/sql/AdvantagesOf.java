// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.sql;

import io.winnow.jobs.reward.Advantages;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.catalyst.util.GenericArrayData;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.Decimal;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.StringType;

/** {@code winnow_advantages(rewards[, scale[, epsilon]])}. */
final class AdvantagesOf extends SqlFunction {
  static final String NAME = "winnow_advantages";
  private static final long serialVersionUID = 1L;

  AdvantagesOf(List<Expression> arguments) {
    super(NAME, arguments);
  }

  @Override
  SqlFunction of(List<Expression> newArguments) {
    return new AdvantagesOf(newArguments);
  }

  @Override
  String refusal() {
    if (!(argument(0).dataType() instanceof ArrayType array) || !(array.elementType() instanceof DoubleType)) {
      return refused(0, "rewards", "an array of doubles");
    }
    if (arguments() > 1 && !(argument(1).dataType() instanceof StringType)) {
      return refused(1, "scale", "'grpo' or 'unbiased'");
    }
    if (arguments() > 1 && argument(1).foldable()) {
      Object scale = argument(1).eval(null);
      if (scale == null || !scale.toString().matches("grpo|unbiased")) {
        return NAME + " takes 'grpo' or 'unbiased' as its second argument (scale), not '" + scale + "'";
      }
    }
    return arguments() > 2 && !(argument(2).dataType() instanceof NumericType)
        ? refused(2, "epsilon", "a number") : null;
  }

  @Override
  public DataType dataType() {
    return DataTypes.createArrayType(DataTypes.DoubleType, true);
  }

  @Override
  public Object eval(InternalRow input) {
    ArrayData rewards = (ArrayData) argument(0).eval(input);
    Object scale = arguments() < 2 ? "grpo" : argument(1).eval(input);
    Object epsilon = arguments() < 3 ? (Object) Advantages.DEFAULT_EPSILON : argument(2).eval(input);
    if (rewards == null || scale == null || epsilon == null) {
      return null;
    }
    List<Double> values = new ArrayList<>();
    for (Object each : rewards.toObjectArray(DataTypes.DoubleType)) {
      values.add((Double) each);
    }
    double added = epsilon instanceof Decimal decimal ? decimal.toDouble() : ((Number) epsilon).doubleValue();
    Advantages.Scale by = Advantages.Scale.valueOf(scale.toString().toUpperCase(Locale.ROOT));
    return new GenericArrayData(Advantages.of(values, by, added).toArray());
  }
}
