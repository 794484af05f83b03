// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.sql;

import io.winnow.jobs.verify.PassAtK;
import java.util.List;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.IntegralType;
import org.apache.spark.sql.types.NullType;

/** {@code winnow_pass_at_k(n, c, k)}. */
final class PassAtKOf extends SqlFunction {
  static final String NAME = "winnow_pass_at_k";
  private static final long serialVersionUID = 1L;
  private static final String[] WHAT = {"n", "c", "k"};

  PassAtKOf(List<Expression> arguments) {
    super(NAME, arguments);
  }

  @Override
  SqlFunction of(List<Expression> newArguments) {
    return new PassAtKOf(newArguments);
  }

  @Override
  String refusal() {
    for (int i = 0; i < WHAT.length; i++) {
      DataType type = argument(i).dataType();
      if (!(type instanceof IntegralType) && !(type instanceof NullType)) {
        return refused(i, WHAT[i], "a whole number");
      }
    }
    return null;
  }

  @Override
  public DataType dataType() {
    return DataTypes.DoubleType;
  }

  @Override
  public Object eval(InternalRow input) {
    long[] values = new long[WHAT.length];
    for (int i = 0; i < values.length; i++) {
      Object value = argument(i).eval(input);
      if (value == null) {
        return null;
      }
      values[i] = ((Number) value).longValue();
    }
    return PassAtK.estimate(values[0], values[1], values[2]);
  }
}
