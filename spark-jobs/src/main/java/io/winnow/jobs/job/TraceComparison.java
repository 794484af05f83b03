// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.Completion;
import io.winnow.jobs.job.ReplayResult.Difference;
import io.winnow.jobs.job.ReplayResult.Found;
import io.winnow.jobs.job.ReplayResult.Part;
import io.winnow.jobs.job.ReplayResult.VerdictDifference;
import io.winnow.jobs.verify.Verdict;
import io.winnow.jobs.verify.Verifier;
import io.winnow.jobs.verify.VerifierSpec;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.spark.sql.Row;

/** Compares recorded traces and verdicts with those made now. */
final class TraceComparison {
  private TraceComparison() {}

  /**
   * The first difference between a recorded trace and its replay; null if there is none.
   *
   * @param prompt token ids of its prompt
   * @param replay made with log-probabilities
   */
  static Difference first(Row row, int[] prompt, Completion replay) {
    List<Integer> tokens = list(row, "token_ids");
    List<Float> logprobs = list(row, "logprobs");
    int[] now = replay.tokenIds();
    if (tokens != null) {
      int[] recorded = tokens.stream().mapToInt(Integer::intValue).toArray();
      int at = Arrays.mismatch(recorded, now);
      if (at >= 0) {
        return token(row, prompt, replay, recorded, at, logprobs);
      }
    }
    String text = row.getAs("text");
    if (!Objects.equals(text, replay.text())) {
      return text(row, text == null ? "" : text, replay.text());
    }
    int length = row.<Integer>getAs("completion_tokens");
    if (length != now.length) {
      return difference(row, Part.TOKEN, Math.min(length, now.length), length, null, null);
    }
    String reason = row.getAs("finish_reason");
    if (!reason.equals(replay.finishReason().label())) {
      return difference(row, Part.FINISH_REASON, length, length, reason, replay.finishReason().label());
    }
    for (int i = 0; logprobs != null && i < logprobs.size(); i++) {
      if (Float.floatToRawIntBits(logprobs.get(i)) != Float.floatToRawIntBits(replay.logprobs()[i])) {
        return difference(
            row, Part.LOGPROB, i, length, String.valueOf(logprobs.get(i)), String.valueOf(replay.logprobs()[i]));
      }
    }
    return null;
  }

  private static Difference token(
      Row row, int[] prompt, Completion replay, int[] recorded, int at, List<Float> logprobs) {
    int[] now = replay.tokenIds();
    int[] context = Arrays.copyOf(prompt, prompt.length + at);
    System.arraycopy(now, 0, context, prompt.length, at);
    return new Difference(
        row.getAs("prompt_id"),
        row.getAs("trace_id"),
        Part.TOKEN,
        at,
        recorded.length,
        at < recorded.length ? String.valueOf(recorded[at]) : null,
        at < now.length ? String.valueOf(now[at]) : null,
        at < now.length ? replay.logprobs()[at] : null,
        logprobs != null && at < logprobs.size() ? logprobs.get(at) : null,
        context);
  }

  private static Difference text(Row row, String recorded, String now) {
    int at = 0;
    while (at < recorded.length() && at < now.length() && recorded.charAt(at) == now.charAt(at)) {
      at++;
    }
    return difference(row, Part.TEXT, at, recorded.length(), excerpt(recorded, at), excerpt(now, at));
  }

  private static String excerpt(String text, int at) {
    return at >= text.length() ? null : text.substring(at, Math.min(text.length(), at + 20));
  }

  private static Difference difference(
      Row row, Part part, int position, int length, String recorded, String replayed) {
    return new Difference(
        row.getAs("prompt_id"), row.getAs("trace_id"), part, position, length, recorded, replayed, null, null, null);
  }

  /** Judges the recorded text again, once for each verdict on it. */
  static void verdicts(Row row, Found found) {
    int at = row.fieldIndex("verdicts");
    if (!row.isNullAt(at)) {
      for (Map.Entry<String, Row> stored : row.<String, Row>getJavaMap(at).entrySet()) {
        verdict(row, stored.getKey(), stored.getValue(), found);
      }
    }
    int later = row.fieldIndex("later");
    if (!row.isNullAt(later)) {
      for (Row stored : row.<Row>getList(later)) {
        verdict(row, stored.getAs("verifier"), stored, found);
      }
    }
  }

  private static void verdict(Row row, String name, Row stored, Found found) {
    Verifier verifier;
    try {
      verifier = VerifierSpec.stored(name, stored.getAs("params")).verifier();
    } catch (IllegalArgumentException e) {
      found.otherVerdict(); // of a verifier, or with parameters, that are not known here
      return;
    }
    if (!verifier.version().equals(stored.getAs("version"))) {
      found.otherVerdict();
      return;
    }
    Verdict now = VerifyTask.judge(verifier, row);
    Object[] fields = {now.value().label(), now.score(), now.extracted(), now.rule(), now.detail()};
    String[] names = {"value", "score", "extracted", "rule", "detail"};
    for (int i = 0; i < names.length; i++) {
      Object recorded = stored.getAs(names[i]);
      if (!Objects.equals(recorded, fields[i])) {
        found.differentVerdict(
            new VerdictDifference(
                row.getAs("prompt_id"), row.getAs("trace_id"), name, names[i], String.valueOf(recorded),
                String.valueOf(fields[i])));
        return;
      }
    }
    found.sameVerdict();
  }

  private static <T> List<T> list(Row row, String name) {
    int at = row.fieldIndex(name);
    return row.isNullAt(at) ? null : row.getList(at);
  }
}
