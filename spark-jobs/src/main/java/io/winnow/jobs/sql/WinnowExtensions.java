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
              """),
          rate(
              RateOf.Kind.G_PASS, 4,
              "_FUNC_(n, c, k, tau) - Returns G-Pass@k with threshold tau: how likely at least max(ceil(k * tau), 1) of"
                  + " k samples are correct (Liu et al. 2024); 0 where k is above n; NULL where k is below 1, c not"
                  + " from 0 to n, or tau not from 0 to 1.",
              "* tau - the share of them that must be correct, from 0 to 1", "_FUNC_(4, 2, 2, 1.0)",
              "0.16666666666666666"),
          rate(
              RateOf.Kind.MG_PASS, 3,
              "_FUNC_(n, c, k) - Returns mG-Pass@k, 2/k times the sum of P(at least i of k are correct) over i from"
                  + " ceil(k/2) + 1 to k (Liu et al. 2024); 0 where k is above n.",
              "", "_FUNC_(4, 2, 2)", "0.16666666666666666"),
          wilson(RateOf.Kind.WILSON_LOW, "lower", "_FUNC_(8, 0)", "0.0"),
          wilson(RateOf.Kind.WILSON_HIGH, "upper", "_FUNC_(8, 8)", "1.0"),
          new Declared(
              MajorityOf.NAME, MajorityOf.class, 1, 2, MajorityOf::new,
              "_FUNC_(answers[, grades]) - Returns the answer that most samples give, answers that are equal by"
                  + " mathematics taken together, as a struct: answer, votes, answered, samples, classes, margin, tie,"
                  + " share and grade.",
              """
              * answers - an array of texts or numbers, NULL for a sample without one
              * grades - an array of doubles; grade is their mean over the samples that give the answer, and over the
                  answers that tie
              """,
              """
              > SELECT _FUNC_(array('1/2', '0.5', '3')).votes;
               2
              """),
          new Declared(
              AdvantagesOf.NAME, AdvantagesOf.class, 1, 3, AdvantagesOf::new,
              "_FUNC_(rewards[, scale[, epsilon]]) - Returns for each reward of a group by how much it is above the"
                  + " mean, over the sample's standard deviation plus epsilon; NULL for NULL.",
              """
              * rewards - an array of doubles
              * scale - 'grpo', or 'unbiased' for the difference alone
              * epsilon - 1e-4 by itself
              """,
              """
              > SELECT _FUNC_(array(3.0D, 1.0D), 'unbiased')[1];
               -1.0
              """),
          new Declared(
              ChoiceOf.Kind.DIVERSE.function, ChoiceOf.class, 2, 3, each -> new ChoiceOf(ChoiceOf.Kind.DIVERSE, each),
              "_FUNC_(texts, k[, n]) - Returns the places (from 0) of k texts that differ most, with the distance to"
                  + " the nearest taken before: greedily, by the Jaccard distance of their sets of word n-grams.",
              """
              * texts - an array of texts in the order of preference
              * k - how many to take
              * n - words of an n-gram, 5 by itself
              """,
              """
              > SELECT _FUNC_(array('a b', 'a b', 'c'), 2, 1)[1].place;
               2
              """),
          pairs(
              ChoiceOf.Kind.LENGTH_PAIRS, "whose lengths are most alike, each in one pair",
              "_FUNC_(array(10.0D, 50.0D), array(49.0D), 1)[0].chosen", "1"),
          pairs(
              ChoiceOf.Kind.PAIRS_IN_ORDER, "in their orders, each in one pair",
              "_FUNC_(array(10.0D, 50.0D), array(49.0D), 1)[0].chosen", "0"));

  private static Declared rate(
      RateOf.Kind kind, int arguments, String usage, String last, String example, String gives) {
    return new Declared(
        kind.function, RateOf.class, arguments, arguments, each -> new RateOf(kind, each), usage,
        "* n - samples of a prompt\n* c - those of them that are correct\n* k - samples that are drawn\n" + last,
        "> SELECT " + example + ";\n " + gives);
  }

  private static Declared wilson(RateOf.Kind kind, String end, String example, String gives) {
    return new Declared(
        kind.function, RateOf.class, 2, 3, each -> new RateOf(kind, each),
        "_FUNC_(n, c[, confidence]) - Returns the " + end + " end of Wilson's interval of the rate c / n; NULL where n"
            + " is below 1 or c not from 0 to n.",
        "* n - samples\n* c - those of them that are correct\n* confidence - 0.95 by itself",
        "> SELECT " + example + ";\n " + gives);
  }

  private static Declared pairs(ChoiceOf.Kind kind, String how, String example, String gives) {
    return new Declared(
        kind.function, ChoiceOf.class, 3, 4, each -> new ChoiceOf(kind, each),
        "_FUNC_(chosen, rejected, k[, ratio]) - Returns up to k pairs of places (from 0), " + how + ".",
        "* chosen - an array of lengths (doubles)\n* rejected - another\n* k - how many pairs\n"
            + "* ratio - the longer of a pair is at most so many times as long",
        "> SELECT " + example + ";\n " + gives);
  }

  @Override
  public BoxedUnit apply(SparkSessionExtensions extensions) {
    ALL.forEach(each -> extensions.injectFunction(new Tuple3<>(each.id(), each.info(), each.builder())));
    return BoxedUnit.UNIT;
  }

  /** Gives the functions to a session that runs already. */
  public static void register(SparkSession spark) {
    FunctionRegistry registry = spark.sessionState().functionRegistry();
    for (Declared each : ALL) {
      // Spark warns of one that takes the place of another.
      if (!registry.functionExists(each.id())) {
        registry.registerFunction(each.id(), each.info(), each.builder());
      }
    }
  }
}
