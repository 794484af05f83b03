// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.udf.EngineHost;
import java.io.Serializable;
import org.apache.spark.SparkContext;
import org.apache.spark.util.DoubleAccumulator;
import org.apache.spark.util.LongAccumulator;

/** What scoring tasks count, for progress and summary. A task that Spark runs twice counts twice. */
final class ScoreCounters implements Serializable {
  private final LiveCounters live;
  private final LongAccumulator rows;
  private final LongAccumulator failed;
  private final LongAccumulator computed;
  private final LongAccumulator tokens;
  private final DoubleAccumulator loglikelihood;

  ScoreCounters(SparkContext context) {
    live = new LiveCounters(context);
    rows = context.longAccumulator("winnow scored rows");
    failed = context.longAccumulator("winnow rows not scored");
    computed = context.longAccumulator("winnow computed tokens");
    tokens = context.longAccumulator("winnow scored tokens");
    loglikelihood = context.doubleAccumulator("winnow loglikelihood");
  }

  /** A row is done. */
  void row(boolean isFailed) {
    rows.add(1);
    failed.add(isFailed ? 1 : 0);
    live.written(isFailed, null);
  }

  /** Tokens of prompt and completion went through the model. */
  void computed(int count) {
    computed.add(count);
    live.generated(count);
  }

  /** A completion's tokens, and how likely they are together. */
  void scored(long count, double sum) {
    tokens.add(count);
    loglikelihood.add(sum);
  }

  /** What the task's engine has done that nobody has told yet. */
  void engine(EngineHost.Lease engine) {
    live.engine(engine);
  }

  LiveCounters live() {
    return live;
  }

  long rows() {
    return rows.sum();
  }

  long failedRows() {
    return failed.sum();
  }

  long computedTokens() {
    return computed.sum();
  }

  long scoredTokens() {
    return tokens.sum();
  }

  double totalLoglikelihood() {
    return loglikelihood.sum();
  }
}
