// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.sql;

import io.winnow.jobs.verify.AnswerEquality;
import io.winnow.jobs.verify.Verdict;
import java.util.List;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;

/** {@code winnow_math_equal(a, b)}. */
final class MathEqual extends SqlFunction {
  static final String NAME = "winnow_math_equal";
  private static final long serialVersionUID = 1L;

  private transient AnswerEquality equality;

  MathEqual(List<Expression> arguments) {
    super(NAME, arguments);
  }

  @Override
  SqlFunction of(List<Expression> newArguments) {
    return new MathEqual(newArguments);
  }

  @Override
  String refusal() {
    for (int i = 0; i < 2; i++) {
      if (!Arguments.isText(argument(i).dataType())) {
        return refused(i, i == 0 ? "a" : "b", "a text or a number");
      }
    }
    return null;
  }

  @Override
  public DataType dataType() {
    return DataTypes.BooleanType;
  }

  @Override
  public Object eval(InternalRow input) {
    Object a = argument(0).eval(input);
    Object b = a == null ? null : argument(1).eval(input);
    if (b == null) {
      return null;
    }
    if (equality == null) {
      equality = AnswerEquality.byMathematics();
    }
    Verdict.Value value = equality.compare(Arguments.text(a), Arguments.text(b)).value();
    return switch (value) {
      case CORRECT -> true;
      case INCORRECT -> false;
      case UNDECIDED, ERROR -> null;
    };
  }
}
