// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.sql;

import io.winnow.jobs.verify.AnswerClasses;
import io.winnow.jobs.verify.AnswerEquality;
import io.winnow.jobs.verify.Majority;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.NullType;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.types.UTF8String;

/** {@code winnow_majority(answers[, grades])}. */
final class MajorityOf extends SqlFunction {
  static final String NAME = "winnow_majority";
  private static final long serialVersionUID = 1L;

  private static final StructType STRUCT =
      new StructType()
          .add("answer", DataTypes.StringType)
          .add("votes", DataTypes.IntegerType)
          .add("answered", DataTypes.IntegerType)
          .add("samples", DataTypes.IntegerType)
          .add("classes", DataTypes.IntegerType)
          .add("margin", DataTypes.IntegerType)
          .add("tie", DataTypes.BooleanType)
          .add("share", DataTypes.DoubleType)
          .add("grade", DataTypes.DoubleType);

  private transient AnswerEquality mathematics;

  MajorityOf(List<Expression> arguments) {
    super(NAME, arguments);
  }

  @Override
  SqlFunction of(List<Expression> newArguments) {
    return new MajorityOf(newArguments);
  }

  @Override
  String refusal() {
    if (!(argument(0).dataType() instanceof ArrayType texts) || !Arguments.isText(texts.elementType())) {
      return refused(0, "answers", "an array of texts or numbers");
    }
    if (arguments() < 2 || argument(1).dataType() instanceof NullType) {
      return null;
    }
    boolean grades = argument(1).dataType() instanceof ArrayType array && array.elementType() instanceof DoubleType;
    return grades ? null : refused(1, "grades", "an array of doubles, one for each answer,");
  }

  @Override
  public DataType dataType() {
    return STRUCT;
  }

  @Override
  public Object eval(InternalRow input) {
    ArrayData answers = (ArrayData) argument(0).eval(input);
    if (answers == null) {
      return null;
    }
    if (mathematics == null) {
      mathematics = AnswerEquality.byMathematics();
    }
    DataType type = ((ArrayType) argument(0).dataType()).elementType();
    List<String> texts = new ArrayList<>();
    for (Object each : answers.toObjectArray(type)) {
      texts.add(Arguments.text(each));
    }
    AnswerClasses classes = AnswerClasses.of(texts, mathematics);
    Majority m = Majority.of(classes);
    ArrayData grades = arguments() < 2 ? null : (ArrayData) argument(1).eval(input);
    return new GenericInternalRow(
        new Object[] {
          m.answer() == null ? null : UTF8String.fromString(m.answer()), m.votes(), m.answered(), m.samples(),
          m.classes(), m.margin(), m.tie(), m.share(), grades == null ? null : classes.grade(doubles(grades))
        });
  }

  private static List<Double> doubles(ArrayData values) {
    List<Double> out = new ArrayList<>();
    for (Object each : values.toObjectArray(DataTypes.DoubleType)) {
      out.add((Double) each);
    }
    return out;
  }
}
