// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.sql;

import io.winnow.jobs.verify.AnyGold;
import io.winnow.jobs.verify.Verdict;
import io.winnow.jobs.verify.Verifier;
import io.winnow.jobs.verify.VerifierSpec;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.types.UTF8String;

/** {@code winnow_verify_math(gold, text[, params])}. */
final class VerifyMath extends SqlFunction {
  static final String NAME = "winnow_verify_math";
  private static final long serialVersionUID = 1L;

  /** As in the column {@code verdicts} of traces. */
  private static final StructType VERDICT =
      new StructType()
          .add("value", DataTypes.StringType)
          .add("score", DataTypes.DoubleType)
          .add("extracted", DataTypes.StringType)
          .add("rule", DataTypes.StringType)
          .add("detail", DataTypes.StringType)
          .add("params", DataTypes.StringType)
          .add("version", DataTypes.StringType)
          .add("micros", DataTypes.LongType);

  private transient Verifier verifier;
  private transient Map<String, String> params;

  VerifyMath(List<Expression> arguments) {
    super(NAME, arguments);
  }

  @Override
  SqlFunction of(List<Expression> newArguments) {
    return new VerifyMath(newArguments);
  }

  @Override
  String refusal() {
    if (!Arguments.isGold(argument(0).dataType())) {
      return refused(0, "gold", "a text, a number or an array of these");
    }
    if (!Arguments.isText(argument(1).dataType())) {
      return refused(1, "text", "the text of a completion");
    }
    if (arguments() < 3) {
      return null;
    }
    if (!Arguments.isParams(argument(2).dataType())) {
      return refused(2, "params", "a map, a struct or a JSON object as text");
    }
    if (argument(2).foldable()) {
      try {
        made(argument(2).eval(null));
      } catch (IllegalArgumentException e) {
        return e.getMessage();
      }
    }
    return null;
  }

  private Verifier made(Object given) {
    Map<String, String> wanted = Arguments.params(given, argument(2).dataType());
    if (verifier == null || !wanted.equals(params)) {
      verifier = new VerifierSpec("math", wanted).verifier();
      params = wanted;
    }
    return verifier;
  }

  @Override
  public DataType dataType() {
    return VERDICT;
  }

  @Override
  public Object eval(InternalRow input) {
    Object text = argument(1).eval(input);
    if (text == null) {
      return null;
    }
    if (arguments() == 3) {
      made(argument(2).eval(input));
    } else if (verifier == null) {
      verifier = new VerifierSpec("math", Map.of()).verifier();
    }
    List<String> golds = Arguments.golds(argument(0).eval(input), argument(0).dataType());
    Verdict v = AnyGold.verify(verifier, golds, Arguments.text(text), false);
    String used = new VerifierSpec("math", v.params()).paramsJson();
    return new GenericInternalRow(
        new Object[] {
          utf8(v.value().label()), v.score(), utf8(v.extracted()), utf8(v.rule()), utf8(v.detail()), utf8(used),
          utf8(v.version()), v.micros()
        });
  }

  private static UTF8String utf8(String text) {
    return text == null ? null : UTF8String.fromString(text);
  }
}
