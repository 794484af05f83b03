// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.ScoredText;
import io.winnow.jobs.input.Prompts;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * The columns that {@code score --likelihood} adds.
 *
 * @param lists whether each row has a list of completions, and so of results
 * @param logprobs whether the tokens' log-probabilities are among them
 * @param prefix in front of all names
 */
record LikelihoodRow(boolean lists, boolean logprobs, String prefix) implements Serializable {
  private static final DataType FLOATS = DataTypes.createArrayType(DataTypes.FloatType, false);

  /** Takes the tokens of a completion and the sum of their log-probabilities. */
  interface Sums {
    void add(long tokens, double loglikelihood);
  }

  /** Names and types, in their order. */
  StructType schema() {
    StructType out =
        add(add(add(new StructType(), "loglikelihood", DataTypes.DoubleType), "completion_tokens", DataTypes.IntegerType),
            "perplexity", DataTypes.DoubleType);
    if (lists) {
      out = out.add(prefix + "best", DataTypes.IntegerType);
    }
    out = logprobs ? add(out, "token_logprobs", FLOATS) : out;
    return out.add(prefix + "score_error", Prompts.ERROR);
  }

  private StructType add(StructType to, String name, DataType type) {
    return to.add(prefix + name, lists ? DataTypes.createArrayType(type, false) : type);
  }

  List<String> names() {
    return List.of(schema().fieldNames());
  }

  /** The row of completions that were not scored. */
  Row failed(String errorClass, String message) {
    Object[] out = new Object[schema().length()];
    out[out.length - 1] = RowFactory.create(errorClass, message);
    return RowFactory.create(out);
  }

  /**
   * The row of scored completions.
   *
   * @param logprobs for each of them those of all its tokens, the prompt's too
   */
  Row row(ScoredText[] texts, float[][] logprobs, Sums sums) {
    List<Double> likelihoods = new ArrayList<>();
    List<Integer> tokens = new ArrayList<>();
    List<Double> perplexities = new ArrayList<>();
    List<List<Float>> all = new ArrayList<>();
    int best = 0;
    for (int i = 0; i < texts.length; i++) {
      double sum = 0;
      List<Float> own = new ArrayList<>();
      for (int place = texts[i].from(); place < logprobs[i].length; place++) {
        sum += logprobs[i][place];
        own.add(logprobs[i][place]);
      }
      sums.add(own.size(), sum);
      likelihoods.add(sum);
      tokens.add(own.size());
      perplexities.add(Math.exp(-sum / own.size()));
      all.add(own);
      best = sum > likelihoods.get(best) ? i : best;
    }
    List<Object> out = new ArrayList<>();
    out.add(value(likelihoods));
    out.add(value(tokens));
    out.add(value(perplexities));
    if (lists) {
      out.add(best);
    }
    if (this.logprobs) {
      out.add(lists ? all.stream().map(List::toArray).toArray() : all.get(0).toArray());
    }
    out.add(null);
    return RowFactory.create(out.toArray());
  }

  private Object value(List<?> values) {
    return lists ? values.toArray() : values.get(0);
  }
}
