// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.sql;

import io.winnow.jobs.verify.AnswerEquality;
import java.util.List;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.unsafe.types.UTF8String;

/** {@code winnow_extract_answer(text)}. */
final class ExtractAnswer extends SqlFunction {
  static final String NAME = "winnow_extract_answer";
  private static final long serialVersionUID = 1L;

  private transient AnswerEquality mathematics;

  ExtractAnswer(List<Expression> arguments) {
    super(NAME, arguments);
  }

  @Override
  SqlFunction of(List<Expression> newArguments) {
    return new ExtractAnswer(newArguments);
  }

  @Override
  String refusal() {
    return Arguments.isText(argument(0).dataType()) ? null : refused(0, "text", "the text of a completion");
  }

  @Override
  public DataType dataType() {
    return DataTypes.StringType;
  }

  @Override
  public Object eval(InternalRow input) {
    Object text = argument(0).eval(input);
    if (text == null) {
      return null;
    }
    if (mathematics == null) {
      mathematics = AnswerEquality.byMathematics();
    }
    String answer = mathematics.extract(Arguments.text(text));
    return answer == null ? null : UTF8String.fromString(answer);
  }
}
