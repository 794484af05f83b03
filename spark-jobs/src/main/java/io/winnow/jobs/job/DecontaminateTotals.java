// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.concat;
import static org.apache.spark.sql.functions.lit;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.List;
import org.apache.spark.sql.Column;

/** What a run of {@code decontaminate} found, however it was counted. */
final class DecontaminateTotals {
  private static final int EXAMPLES = 3;

  private final Map<String, Long> counts = new HashMap<>();
  private final TreeSet<String> examples = new TreeSet<>();

  /** A line for people about a struct of evidence. */
  static Column example(Column evidence) {
    return concat(
        lit("row "), evidence.getField("row").cast("string"), lit(" of "), evidence.getField("benchmark"), lit(": "),
        evidence.getField("span"));
  }

  void take(Map<String, Long> counted, Collection<String> lines) {
    counts.putAll(counted);
    examples.addAll(lines);
  }

  /** Takes sums and lines as Spark's observations give them; nulls where there was no row. */
  void take(Map<String, Object> values) {
    values.forEach(
        (name, value) -> {
          if (value instanceof Long n) {
            counts.put(name, n);
          } else if (value instanceof String line) {
            examples.add(line);
          }
        });
  }

  long count(String name) {
    return counts.getOrDefault(name, 0L);
  }

  List<String> examples() {
    return examples.stream().limit(EXAMPLES).toList();
  }
}
