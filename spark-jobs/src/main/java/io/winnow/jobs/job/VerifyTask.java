// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.FinishReason;
import io.winnow.jobs.table.VerdictFile;
import io.winnow.jobs.table.VerdictWriter;
import io.winnow.jobs.table.VerdictsTable;
import io.winnow.jobs.verify.VerificationRequest;
import io.winnow.jobs.verify.Verdict;
import io.winnow.jobs.verify.Verifier;
import io.winnow.jobs.verify.VerifierSpec;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import scala.collection.Iterator;
import scala.runtime.AbstractFunction1;

/** One partition of traces to judge: writes their verdicts into a file, and says what is in it. */
final class VerifyTask extends AbstractFunction1<Iterator<Row>, VerifyTask.Done> implements Serializable {
  private static final long serialVersionUID = 1L;
  static final String NONE = "none";

  private final VerifierSpec spec;
  private final VerdictsTable.Kind kind;
  private final VerdictWriter.Spec out;
  private final String runId;
  private final LiveCounters counters;

  /**
   * What a task did.
   *
   * @param file null when there was no row
   * @param byValue verdicts by value
   * @param changes verdicts by stored and new value
   */
  record Done(VerdictFile file, Map<String, Long> byValue, Map<String, Long> changes) implements Serializable {}

  VerifyTask(
      VerifierSpec spec, VerdictsTable.Kind kind, VerdictWriter.Spec out, String runId, LiveCounters counters) {
    this.spec = spec;
    this.kind = kind;
    this.out = out;
    this.runId = runId;
    this.counters = counters;
  }

  @Override
  public Done apply(Iterator<Row> traces) {
    Verifier verifier = spec.verifier();
    Map<String, Long> byValue = new TreeMap<>();
    Map<String, Long> changes = new TreeMap<>();
    try (VerdictWriter writer = new VerdictWriter(out, TaskContext.getPartitionId())) {
      while (traces.hasNext()) {
        Row trace = traces.next();
        Verdict verdict = judge(verifier, trace);
        String value = verdict.value().label();
        writer.add(row(trace, verdict));
        byValue.merge(value, 1L, Long::sum);
        String stored = trace.getAs("stored");
        changes.merge((stored == null ? NONE : stored) + " → " + value, 1L, Long::sum);
        counters.written(verdict.value() == Verdict.Value.ERROR, correct(verdict));
      }
      return new Done(writer.finish().orElse(null), byValue, changes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A trace as {@code generate} judges it: one that was cut is no last word. */
  static Verdict judge(Verifier verifier, Row trace) {
    boolean truncated = FinishReason.LENGTH.label().equals(trace.getAs("finish_reason"));
    return verifier.verify(new VerificationRequest(trace.getAs("gold"), trace.getAs("text"), truncated));
  }

  private Row row(Row trace, Verdict v) {
    // The kind and not the verdict names parameters and version: the next run looks for exactly these.
    return RowFactory.create(
        trace.getAs("prompt_id"), trace.getAs("trace_id"), kind.verifier(), v.value().label(), v.score(),
        v.extracted(), v.rule(), v.detail(), kind.params(), kind.version(), v.micros(), runId,
        Timestamp.from(Instant.now()));
  }

  private static Boolean correct(Verdict verdict) {
    return switch (verdict.value()) {
      case CORRECT -> true;
      case INCORRECT -> false;
      case UNDECIDED, ERROR -> null;
    };
  }
}
