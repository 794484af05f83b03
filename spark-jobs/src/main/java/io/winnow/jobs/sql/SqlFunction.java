// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.sql;

import java.io.Serializable;
import java.util.List;
import java.util.Objects;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.analysis.TypeCheckResult;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenContext;
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenFallback;
import org.apache.spark.sql.catalyst.expressions.codegen.ExprCode;
import org.apache.spark.sql.types.DataType;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;

/**
 * A function of SQL: deterministic, computed beforehand where all arguments are constants. It is evaluated by one
 * thread at a time; what it holds to compute is made anew in each task.
 */
abstract class SqlFunction extends Expression implements CodegenFallback, Serializable {
  private static final long serialVersionUID = 1L;

  private final String name;
  private final Expression[] arguments;

  SqlFunction(String name, List<Expression> arguments) {
    this.name = name;
    this.arguments = arguments.toArray(Expression[]::new);
  }

  /** The same function of other arguments. */
  abstract SqlFunction of(List<Expression> newArguments);

  /** What is wrong with the types of the arguments, or with constants among them; null if nothing is. */
  abstract String refusal();

  Expression argument(int i) {
    return arguments[i];
  }

  int arguments() {
    return arguments.length;
  }

  /** {@code 'name' needs X as its second argument (gold), not a …}. */
  String refused(int i, String what, String expected) {
    String[] ordinals = {"first", "second", "third", "fourth"};
    return name + " takes " + expected + " as its " + ordinals[i] + " argument (" + what + "), not a value of type "
        + arguments[i].dataType().simpleString();
  }

  @Override
  public final TypeCheckResult checkInputDataTypes() {
    String refusal = refusal();
    return refusal == null
        ? TypeCheckResult.TypeCheckSuccess$.MODULE$ : new TypeCheckResult.TypeCheckFailure(refusal);
  }

  @Override
  public String prettyName() {
    return name;
  }

  @Override
  public boolean foldable() {
    for (Expression argument : arguments) {
      if (!argument.foldable()) {
        return false;
      }
    }
    return true;
  }

  @Override
  public boolean nullable() {
    return true;
  }

  @Override
  public abstract DataType dataType();

  @Override
  public final Seq<Expression> children() {
    return CollectionConverters.asScala(List.of(arguments)).toSeq();
  }

  @Override
  public final Expression withNewChildrenInternal(IndexedSeq<Expression> newChildren) {
    return of(List.copyOf(CollectionConverters.asJava(newChildren)));
  }

  @Override
  public abstract Object eval(InternalRow input);

  @Override
  public final ExprCode doGenCode(CodegenContext context, ExprCode code) {
    return CodegenFallback.super.doGenCode(context, code);
  }

  @Override
  public final int productArity() {
    return arguments.length;
  }

  @Override
  public final Object productElement(int i) {
    return arguments[i];
  }

  @Override
  public final boolean canEqual(Object other) {
    return other != null && other.getClass() == getClass();
  }

  @Override
  public final boolean equals(Object other) {
    return canEqual(other) && List.of(arguments).equals(List.of(((SqlFunction) other).arguments));
  }

  @Override
  public final int hashCode() {
    return Objects.hash(name, List.of(arguments));
  }
}
