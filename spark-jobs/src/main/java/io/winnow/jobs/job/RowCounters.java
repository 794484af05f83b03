// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import java.io.Serializable;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkContext;
import org.apache.spark.util.LongAccumulator;

/** What the tasks of a {@link RowStep} count. */
final class RowCounters implements RowFunction.Tally, Serializable {
  private static final long serialVersionUID = 1L;

  private final LiveCounters live;
  private final LongAccumulator rows;
  private final LongAccumulator failed;
  private final LinkedHashMap<String, LongAccumulator> counts = new LinkedHashMap<>();

  RowCounters(SparkContext context, List<String> names) {
    live = new LiveCounters(context);
    rows = context.longAccumulator("winnow rows");
    failed = context.longAccumulator("winnow rows that failed");
    names.forEach(name -> counts.put(name, context.longAccumulator("winnow " + name)));
  }

  @Override
  public void row(boolean isFailed, Boolean correct) {
    rows.add(1);
    failed.add(isFailed ? 1 : 0);
    live.written(isFailed, correct);
  }

  @Override
  public void count(String name, long n) {
    LongAccumulator counter = counts.get(name);
    if (counter == null) {
      throw new IllegalArgumentException("Not declared to be counted: " + name);
    }
    counter.add(n);
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

  Map<String, Long> counts() {
    Map<String, Long> out = new LinkedHashMap<>();
    counts.forEach((name, counter) -> out.put(name, counter.sum()));
    return out;
  }
}
