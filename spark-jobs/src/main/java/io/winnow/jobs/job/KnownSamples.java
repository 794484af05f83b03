// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.collect_list;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.udf;
import static org.apache.spark.sql.functions.when;

import io.winnow.jobs.sampling.AdaptiveSampling;
import io.winnow.jobs.sampling.SampleOutcome;
import io.winnow.jobs.verify.AnswerEquality;
import java.io.Serializable;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.types.DataTypes;
import scala.jdk.javaapi.CollectionConverters;

/**
 * What the table says of a prompt's samples, for the rule that decides whether they are enough: the column {@code known
 * array<struct<trace_id, correct, answer, failed>>} of a plan.
 */
record KnownSamples(AdaptiveSampling sampling) implements Serializable {
  private static final String KNOWN = "known";

  /** The columns of the table that {@link #collected} needs. */
  Column[] columns() {
    Column answer =
        sampling.controller().readsAnswers()
            ? when(
                col("error").isNull(),
                udf((UDF1<String, String>) new Answer()::of, DataTypes.StringType).apply(col("text")))
            : lit(null).cast("string");
    return new Column[] {col("correct"), answer.as("answer"), col("error").isNotNull().as("failed")};
  }

  /** The rows of a prompt that stay as they are, in one list. */
  Column collected() {
    Column one = struct(col("trace_id"), col("correct"), col("answer"), col("failed"));
    return collect_list(when(col("redo").isNull(), one)).as(KNOWN);
  }

  /**
   * How a prompt stands, {@code struct<missing array<string>, there int>}: the trace ids to be made before it is
   * decided once more, none where its samples are enough; and how many of all those that it may have the table holds.
   */
  Column standing() {
    return udf(
            (UDF2<scala.collection.Seq<String>, scala.collection.Seq<Row>, Row>) this::standing,
            DataTypes.createStructType(
                List.of(
                    DataTypes.createStructField("missing", DataTypes.createArrayType(DataTypes.StringType), false),
                    DataTypes.createStructField("there", DataTypes.IntegerType, false))))
        .apply(col("trace_ids"), col(KNOWN));
  }

  private Row standing(scala.collection.Seq<String> traceIds, scala.collection.Seq<Row> known) {
    List<String> ids = CollectionConverters.asJava(traceIds);
    SampleOutcome[] outcomes = outcomes(ids, known == null ? List.of() : CollectionConverters.asJava(known));
    int there = 0;
    for (SampleOutcome outcome : outcomes) {
      there += outcome == null ? 0 : 1;
    }
    TreeSet<Integer> lacking = sampling.standing(outcomes).lacking();
    return RowFactory.create(lacking.stream().map(ids::get).toArray(String[]::new), there);
  }

  /** What is known of a planned row's samples, by their indexes; null for those that are not. */
  SampleOutcome[] of(Row planned) {
    int at = planned.fieldIndex(KNOWN);
    return outcomes(
        planned.getList(planned.fieldIndex("trace_ids")), planned.isNullAt(at) ? List.of() : planned.<Row>getList(at));
  }

  private SampleOutcome[] outcomes(List<String> traceIds, List<Row> known) {
    Map<String, Integer> indexes = new HashMap<>();
    for (int i = 0; i < traceIds.size(); i++) {
      indexes.put(traceIds.get(i), i);
    }
    SampleOutcome[] out = new SampleOutcome[traceIds.size()];
    for (Row sample : known) {
      Integer index = indexes.get(sample.getString(0));
      if (index != null) {
        Boolean correct = sample.isNullAt(1) ? null : Boolean.valueOf(sample.getBoolean(1));
        out[index] = new SampleOutcome(correct, sample.getString(2), sample.getBoolean(3));
      }
    }
    return out;
  }

  /** What a row that was just made says, as the table will. */
  SampleOutcome of(Boolean correct, String text, boolean failed) {
    boolean reads = !failed && sampling.controller().readsAnswers();
    return new SampleOutcome(correct, reads ? new Answer().of(text) : null, failed);
  }

  /** Takes the answer out of a completion. */
  private static final class Answer implements Serializable {
    private transient AnswerEquality equality;

    String of(String text) {
      if (equality == null) {
        equality = AnswerEquality.byMathematics();
      }
      return equality.extract(text);
    }
  }
}
