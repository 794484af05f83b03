// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a replay found.
 *
 * @param traces traces of the table that have no error
 * @param sampled those chosen
 * @param found what came of them
 * @param wallSeconds wall time
 * @param stopped whether it was asked to end before all was done; what was not done is in none of the counts
 */
public record ReplayResult(long traces, long sampled, Found found, double wallSeconds, boolean stopped) {
  /** What the token of a difference is shown with. */
  private static final int KEPT = 20;

  /** What differs between a recorded trace and its replay. */
  public enum Part {
    TOKEN,
    FINISH_REASON,
    LOGPROB,
    TEXT
  }

  /**
   * The first difference of a trace.
   *
   * @param position number of the token (of the UTF-16 unit for a text), from 0
   * @param length tokens (units) that are recorded
   * @param recorded what the table has there, null where it has no more
   * @param replayed what came now, null where nothing did
   * @param replayedLogprob log-probability of the replayed token, null unless a token differs
   * @param recordedLogprob log-probability of the recorded token; null where nobody knows it
   * @param context tokens before the difference, prompt included, where a token differs; else null
   */
  public record Difference(
      String promptId,
      String traceId,
      Part part,
      int position,
      int length,
      String recorded,
      String replayed,
      Float replayedLogprob,
      Float recordedLogprob,
      int[] context)
      implements Serializable {}

  /** A verdict that comes out otherwise now; {@code field} is the first of its fields that differs. */
  public record VerdictDifference(
      String promptId, String traceId, String verifier, String field, String recorded, String now)
      implements Serializable {}

  /** Counts and examples of some traces; what a task gives. Of the differences the first by key are kept. */
  public static final class Found implements Serializable {
    private static final long serialVersionUID = 1L;
    private static final Comparator<Difference> BY_KEY =
        Comparator.comparing(Difference::promptId).thenComparing(Difference::traceId);
    private static final Comparator<VerdictDifference> VERDICTS_BY_KEY =
        Comparator.comparing(VerdictDifference::promptId).thenComparing(VerdictDifference::traceId)
            .thenComparing(VerdictDifference::verifier);

    private long same;
    private long different;
    private long tokens;
    private long sameVerdicts;
    private long differentVerdicts;
    private long otherVerdicts;
    private final TreeMap<String, Long> notReplayed = new TreeMap<>();
    private ArrayList<Difference> differences = new ArrayList<>();
    private ArrayList<VerdictDifference> verdictDifferences = new ArrayList<>();

    void same() {
      same++;
    }

    void different(Difference difference) {
      different++;
      differences.add(difference);
      keepFirst();
    }

    void notReplayed(String reason) {
      notReplayed.merge(reason, 1L, Long::sum);
    }

    void sameVerdict() {
      sameVerdicts++;
    }

    void otherVerdict() {
      otherVerdicts++;
    }

    void differentVerdict(VerdictDifference difference) {
      differentVerdicts++;
      verdictDifferences.add(difference);
      keepFirst();
    }

    void tokens(long generated) {
      tokens += generated;
    }

    void add(Found other) {
      same += other.same;
      different += other.different;
      tokens += other.tokens;
      sameVerdicts += other.sameVerdicts;
      differentVerdicts += other.differentVerdicts;
      otherVerdicts += other.otherVerdicts;
      other.notReplayed.forEach((reason, n) -> notReplayed.merge(reason, n, Long::sum));
      differences.addAll(other.differences);
      verdictDifferences.addAll(other.verdictDifferences);
      keepFirst();
    }

    private void keepFirst() {
      differences.sort(BY_KEY);
      verdictDifferences.sort(VERDICTS_BY_KEY);
      differences = new ArrayList<>(differences.subList(0, Math.min(KEPT, differences.size())));
      verdictDifferences = new ArrayList<>(verdictDifferences.subList(0, Math.min(KEPT, verdictDifferences.size())));
    }

    void replaceDifferences(List<Difference> changed) {
      differences = new ArrayList<>(changed);
    }

    /** Traces that came out to the bit as they are recorded. */
    public long sameTraces() {
      return same;
    }

    public long differentTraces() {
      return different;
    }

    /** Tokens generated. */
    public long generatedTokens() {
      return tokens;
    }

    /** Traces that cannot be made again, by the reason. */
    public Map<String, Long> notReplayedByReason() {
      return notReplayed;
    }

    /** Traces that cannot be made again. */
    public long notReplayedTraces() {
      return notReplayed.values().stream().mapToLong(Long::longValue).sum();
    }

    public long sameVerdictCount() {
      return sameVerdicts;
    }

    public long differentVerdictCount() {
      return differentVerdicts;
    }

    /** Verdicts of a verifier that is not known here, or has another version now. */
    public long otherVerdictCount() {
      return otherVerdicts;
    }

    /** The first of the differences, by key. */
    public List<Difference> differences() {
      return List.copyOf(differences);
    }

    /** The first of the verdicts that differ, by key. */
    public List<VerdictDifference> verdictDifferences() {
      return List.copyOf(verdictDifferences);
    }
  }
}
