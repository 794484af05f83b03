// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.sql;

import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.analysis.FunctionRegistry;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ExpressionInfo;
import org.apache.spark.sql.errors.QueryCompilationErrors;
import scala.Function1;
import scala.Tuple3;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction1;
import scala.runtime.BoxedUnit;

/**
 * Winnow's functions for Spark SQL: {@code --conf spark.sql.extensions=io.winnow.jobs.sql.WinnowExtensions}, beside
 * others with a comma between them. {@code DESCRIBE FUNCTION EXTENDED winnow_verify_math} tells what each takes and
 * gives.
 */
public final class WinnowExtensions extends AbstractFunction1<SparkSessionExtensions, BoxedUnit> {
  private static final String SINCE = "0.1.0";

  /**
   * A function.
   *
   * @param least arguments at least
   * @param most arguments at most
   */
  private record Declared(
      String name, Class<?> type, int least, int most, Function<List<Expression>, Expression> make, String usage,
      String arguments, String examples) {
    FunctionIdentifier id() {
      return new FunctionIdentifier(name);
    }

    ExpressionInfo info() {
      return new ExpressionInfo(
          type.getName(), "", name, usage, block("Arguments", arguments), block("Examples", examples), "", "misc_funcs",
          SINCE, "", "built-in");
    }

    /** As Spark wants them: a heading, and all of it indented. */
    private static String block(String heading, String lines) {
      return "\n    " + heading + ":\n" + lines.indent(6) + "  ";
    }

    Function1<Seq<Expression>, Expression> builder() {
      return new Builder(this);
    }
  }

  private static final class Builder extends AbstractFunction1<Seq<Expression>, Expression> {
    private final Declared declared;

    Builder(Declared declared) {
      this.declared = declared;
    }

    @Override
    public Expression apply(Seq<Expression> expressions) {
      List<Expression> given = List.copyOf(CollectionConverters.asJava(expressions));
      if (given.size() < declared.least() || given.size() > declared.most()) {
        List<Object> allowed =
            IntStream.rangeClosed(declared.least(), declared.most()).<Object>mapToObj(Integer::valueOf).toList();
        throw asUnchecked(
            QueryCompilationErrors.wrongNumArgsError(
                declared.name(), CollectionConverters.asScala(allowed).toSeq(), given.size(), "", "", ""));
      }
      return declared.make().apply(given);
    }

    /** Spark's analysis errors are checked exceptions that its own code does not declare. */
    @SuppressWarnings("unchecked")
    private static <E extends Throwable> RuntimeException asUnchecked(Throwable e) throws E {
      throw (E) e;
    }
  }

  private static final List<Declared> ALL =
      List.of(
          new Declared(
              VerifyMath.NAME, VerifyMath.class, 2, 3, VerifyMath::new,
              "_FUNC_(gold, text[, params]) - Judges by mathematics whether the answer of a completion is right, and"
                  + " returns a struct: value (correct, incorrect, undecided or error), score (1, 0 or NULL),"
                  + " extracted,"
                  + " rule, detail, params, version and micros. NULL if text is NULL; undecided if gold is.",
              """
              * gold - the right answer: a text, a number, or an array of them, any of which is right
              * text - the completion, thinking included
              * params - parameters of verifier math: a map, a struct, or a JSON object as text; for example
                  map('compat', 'math-verify', 'config', 'open-r1')
              """,
              """
              > SELECT _FUNC_('1/2', 'So it is \\\\boxed{0.5}.').value;
               correct
              > SELECT _FUNC_(array(3, 4), 'The answer is 5.').value;
               incorrect
              """),
          new Declared(
              MathEqual.NAME, MathEqual.class, 2, 2, MathEqual::new,
              "_FUNC_(a, b) - Returns whether two answers are equal by mathematics, b judged against a; NULL if that"
                  + " cannot be decided, or if one is NULL.",
              """
              * a - an answer, as text or number, taken as the right one
              * b - another, as text or number
              """,
              """
              > SELECT _FUNC_('1/2', '0.50');
               true
              > SELECT _FUNC_('x+1', 'x+2');
               false
              """),
          new Declared(
              ExtractAnswer.NAME, ExtractAnswer.class, 1, 1, ExtractAnswer::new,
              "_FUNC_(text) - Returns the answer that a completion ends with, in its own words, as verifier math takes"
                  + " it;"
                  + " NULL if there is none.",
              """
              * text - the completion, thinking included
              """,
              """
              > SELECT _FUNC_('<think>2+2</think>It is \\\\boxed{4}.');
               4
              """),
          new Declared(
              RewardOf.NAME, RewardOf.class, 2, 4, RewardOf::new,
              "_FUNC_(name, text[, gold[, params]]) - Returns a reward of a completion, as winnow score --reward gives"
                  + " it;"
                  + " NULL if it gets none. Rewards of whole groups, and those that need tokens, are refused.",
              """
              * name - accuracy, format, tag_count and others (docs/REWARDS.md)
              * text - the completion
              * gold - the right answer, for rewards that need one
              * params - parameters of the reward: a map, a struct, or a JSON object as text
              """,
              """
              > SELECT _FUNC_('accuracy', '$\\\\boxed{4}$', '$4$');
               1.0
              """),
          new Declared(
              PassAtKOf.NAME, PassAtKOf.class, 3, 3, PassAtKOf::new,
              "_FUNC_(n, c, k) - Returns the unbiased estimate of pass@k, 1 - C(n-c,k)/C(n,k) (Chen et al. 2021); NULL"
                  + " where k is below 1 or above n, or c is not from 0 to n.",
              """
              * n - samples of a prompt
              * c - those of them that are correct
              * k - samples that may be tried
              """,
              """
              > SELECT _FUNC_(4, 1, 2);
               0.5
              """));

  @Override
  public BoxedUnit apply(SparkSessionExtensions extensions) {
    ALL.forEach(each -> extensions.injectFunction(new Tuple3<>(each.id(), each.info(), each.builder())));
    return BoxedUnit.UNIT;
  }

  /** Gives the functions to a session that runs already. */
  public static void register(SparkSession spark) {
    FunctionRegistry registry = spark.sessionState().functionRegistry();
    ALL.forEach(each -> registry.registerFunction(each.id(), each.info(), each.builder()));
  }
}
