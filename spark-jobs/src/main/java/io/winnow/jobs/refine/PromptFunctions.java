// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.refine;

import static org.apache.spark.sql.functions.udf;

import io.winnow.jobs.estimate.GPassAtK;
import io.winnow.jobs.estimate.Normal;
import io.winnow.jobs.estimate.Wilson;
import io.winnow.jobs.reward.Advantages;
import io.winnow.jobs.select.DiverseTexts;
import io.winnow.jobs.select.LengthPairs;
import io.winnow.jobs.verify.AnswerClasses;
import io.winnow.jobs.verify.AnswerEquality;
import io.winnow.jobs.verify.Majority;
import io.winnow.jobs.verify.PassAtK;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import scala.collection.Seq;
import scala.jdk.javaapi.CollectionConverters;

/**
 * What Spark has no expressions for, as functions of the values of one prompt. They are Spark's plain functions, which
 * RAPIDS can evaluate by rows within a plan that stays on the GPU (spark.rapids.sql.rowBasedUDF.enabled).
 */
final class PromptFunctions {
  /** Of {@link #majority}. */
  static final StructType MAJORITY =
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

  private static final StructType PICK =
      new StructType().add("place", DataTypes.IntegerType).add("distance", DataTypes.DoubleType);
  private static final StructType PAIR =
      new StructType().add("chosen", DataTypes.IntegerType).add("rejected", DataTypes.IntegerType);

  /** Made when a task first needs it; safe for any number of threads. */
  private static final class Mathematics {
    static final AnswerEquality EQUALITY = AnswerEquality.byMathematics();
  }

  private PromptFunctions() {}

  /** The answer of a completion in its own words, as verifier math takes it; null if there is none. */
  static Column answer(Column text) {
    UDF1<String, String> extract = completion -> Mathematics.EQUALITY.extract(completion);
    return udf(extract, DataTypes.StringType).apply(text);
  }

  /** {@link PassAtK#estimate}. */
  static Column passAtK(Column n, Column c, int k) {
    UDF2<Long, Long, Double> estimate = (samples, correct) -> PassAtK.estimate(samples, correct, k);
    return udf(estimate, DataTypes.DoubleType).apply(n, c);
  }

  /** {@link GPassAtK#estimate}. */
  static Column gPassAtK(Column n, Column c, int k, double tau) {
    UDF2<Long, Long, Double> estimate = (samples, correct) -> GPassAtK.estimate(samples, correct, k, tau);
    return udf(estimate, DataTypes.DoubleType).apply(n, c);
  }

  /** {@link GPassAtK#mean}. */
  static Column mgPassAtK(Column n, Column c, int k) {
    UDF2<Long, Long, Double> estimate = (samples, correct) -> GPassAtK.mean(samples, correct, k);
    return udf(estimate, DataTypes.DoubleType).apply(n, c);
  }

  /**
   * An end of {@link Wilson}'s interval.
   *
   * @param upper whether it is the upper end
   */
  static Column wilson(Column n, Column c, double confidence, boolean upper) {
    double z = Normal.twoSided(confidence);
    UDF2<Long, Long, Double> end =
        (samples, correct) -> {
          Wilson interval = Wilson.of(samples, correct, z);
          return interval == null ? null : Double.valueOf(upper ? interval.high() : interval.low());
        };
    return udf(end, DataTypes.DoubleType).apply(n, c);
  }

  /**
   * The largest class of answers, as {@link #MAJORITY}.
   *
   * @param answers an array of texts, null for a sample without one
   * @param grades an array of doubles, one for each answer; null for one that does not count
   */
  static Column majority(Column answers, Column grades) {
    UDF2<Seq<String>, Seq<Double>, Row> vote =
        (texts, marks) -> {
          AnswerClasses classes = AnswerClasses.of(list(texts), Mathematics.EQUALITY);
          Majority m = Majority.of(classes);
          return RowFactory.create(
              m.answer(), m.votes(), m.answered(), m.samples(), m.classes(), m.margin(), m.tie(), m.share(),
              classes.grade(list(marks)));
        };
    return udf(vote, MAJORITY).apply(answers, grades);
  }

  /** {@link Advantages#of}, of an array of doubles. */
  static Column advantages(Column rewards, String scale, double epsilon) {
    Advantages.Scale by = Advantages.Scale.valueOf(scale.toUpperCase(Locale.ROOT));
    UDF1<Seq<Double>, Double[]> advantages = all -> Advantages.of(list(all), by, epsilon).toArray(Double[]::new);
    return udf(advantages, DataTypes.createArrayType(DataTypes.DoubleType)).apply(rewards);
  }

  /** {@link DiverseTexts#of}, of an array of texts: an array of structs of place and distance. */
  static Column diverse(Column texts, int most, int n) {
    UDF1<Seq<String>, Row[]> take =
        all -> DiverseTexts.of(list(all), most, n).stream()
            .map(pick -> RowFactory.create(pick.place(), pick.distance())).toArray(Row[]::new);
    return udf(take, DataTypes.createArrayType(PICK)).apply(texts);
  }

  /**
   * {@link LengthPairs}, of two arrays of doubles: an array of structs of two places.
   *
   * @param matched whether pairs go by their lengths, and not by their orders
   */
  static Column pairs(Column chosen, Column rejected, int most, double maxRatio, boolean matched) {
    UDF2<Seq<Double>, Seq<Double>, Row[]> pair =
        (one, other) -> (matched
                ? LengthPairs.matched(lengths(one), lengths(other), most, maxRatio)
                : LengthPairs.inOrder(lengths(one), lengths(other), most, maxRatio))
            .stream().map(each -> RowFactory.create(each.chosen(), each.rejected())).toArray(Row[]::new);
    return udf(pair, DataTypes.createArrayType(PAIR)).apply(chosen, rejected);
  }

  private static <T> List<T> list(Seq<T> values) {
    return new ArrayList<>(CollectionConverters.asJava(values));
  }

  /** A length that is not known is 0. */
  private static List<Double> lengths(Seq<Double> values) {
    return list(values).stream().map(length -> length == null ? Double.valueOf(0) : length).toList();
  }
}
