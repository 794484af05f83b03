// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.Completion;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.udf.Conversations;
import io.winnow.jobs.sampling.AdaptiveSampling;
import io.winnow.jobs.sampling.SampleOutcome;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiPredicate;
import org.apache.spark.sql.Row;

/**
 * Planned rows with the same prompt, in tokens or in words, which are one request; where a rule decides whether they have samples enough, one
 * after another: each of what the rows that are farthest back need for their next decision. So a sample is computed
 * once for all rows, although each row is decided by its own verdicts.
 */
final class RequestGroup {
  private final List<Integer> tokens;
  private final String conversation;
  private final List<Member> members = new ArrayList<>();
  private final KnownSamples rule;
  private TreeSet<Integer> samples = new TreeSet<>();
  private int open;
  private int spared;

  /** A row that has an earlier trace in the table: how often it was tried, and what it goes on from. */
  record Before(int attempts, int[] tokens, float[] logprobs) {
    /** The completion with the log-probabilities that the earlier part of the trace has. */
    private Completion joined(Completion c) {
      // An endpoint begins anew.
      if (c.usage() != null || c.logprobs() == null || logprobs == null || c.logprobs().length < logprobs.length) {
        return c;
      }
      float[] all = c.logprobs().clone();
      System.arraycopy(logprobs, 0, all, 0, logprobs.length);
      return new Completion(
          c.requestId(), c.sampleIndex(), c.tokenIds(), c.text(), all, c.promptLogprobs(), c.finishReason(),
          c.errorClass(), c.errorMessage(), c.engineMillis());
    }
  }

  /** A planned row with the samples that it lacks. */
  static final class Member {
    private final Row row;
    private final List<String> traceIds;
    private final TreeSet<Integer> missing = new TreeSet<>();
    private final Map<Integer, Before> before = new HashMap<>();
    /** What is known of the samples; null where no rule asks. */
    private final SampleOutcome[] known;
    /** Where the rule decides next; beyond it nothing of the row is made yet. */
    private int end;
    private boolean settled;

    private Member(Row row, BiPredicate<String, String> done, KnownSamples rule) {
      this.row = row;
      this.traceIds = row.getList(row.fieldIndex("trace_ids"));
      this.known = rule == null ? null : rule.of(row);
      this.end = rule == null ? traceIds.size() : 0;
      Set<String> toMake = new HashSet<>(row.<String>getList(row.fieldIndex("missing")));
      for (int i = 0; i < traceIds.size(); i++) {
        String id = traceIds.get(i);
        if ((known == null ? toMake.contains(id) : known[i] == null) && !done.test(promptId(), id)) {
          missing.add(i);
        }
      }
      int redo = row.fieldIndex("redo");
      if (!row.isNullAt(redo)) {
        for (Row earlier : row.<Row>getList(redo)) {
          Row what = earlier.getStruct(1);
          before.put(
              traceIds.indexOf(earlier.getString(0)),
              new Before(what.getInt(0), ints(what, 1), floats(what, 2)));
        }
      }
    }

    Row row() {
      return row;
    }

    String promptId() {
      return row.getAs("prompt_id");
    }

    String traceId(int sample) {
      return traceIds.get(sample);
    }

    boolean lacks(int sample) {
      return !settled && sample < end && missing.contains(sample);
    }

    /** The sample is made: what became of it. */
    void made(int sample, SampleOutcome outcome) {
      if (known != null) {
        known[sample] = outcome;
      }
    }

    /**
     * Decides by what is known; false if no more is to be made of the row here: it has enough, or the next decision
     * hangs on a row that an earlier attempt of the task has offered and whose verdict only the table will tell.
     */
    private boolean goesOn(AdaptiveSampling sampling) {
      AdaptiveSampling.Standing standing = sampling.standing(known);
      end = standing.end();
      settled = standing.settled();
      return !settled && standing.lacking().stream().anyMatch(missing::contains);
    }

    /** Samples that a rule has made needless; 0 as long as it has not decided. */
    private int spared() {
      int spared = 0;
      for (int i = 0; settled && i < known.length; i++) {
        spared += known[i] == null ? 1 : 0;
      }
      return spared;
    }

    /** The trace of the sample that the table has; null if it has none. */
    Before before(int sample) {
      return before.get(sample);
    }
  }

  /**
   * A group of one row, to be followed by those that are equal and then by {@link #advance}.
   *
   * @param done whether an earlier attempt has offered the row of a prompt id and trace id
   * @param rule decides when a row has samples enough; null where all get as many
   */
  RequestGroup(Row first, BiPredicate<String, String> done, KnownSamples rule) {
    this.rule = rule;
    this.tokens = first.getList(first.fieldIndex("tokens"));
    this.conversation = first.getAs("conversation");
    add(first, done);
  }

  /** Adds a row if it has the same tokens. */
  boolean addIfEqual(Row row, BiPredicate<String, String> done) {
    boolean equal =
        row.getAs("failure") == null && row.getList(row.fieldIndex("tokens")).equals(tokens)
            && Objects.equals(conversation, row.getAs("conversation"));
    if (equal) {
      add(row, done);
    }
    return equal;
  }

  private void add(Row row, BiPredicate<String, String> done) {
    members.add(new Member(row, done, rule));
  }

  /**
   * Takes the next samples, once those before are done.
   *
   * @return false if there are none
   */
  boolean advance() {
    TreeSet<Integer> next = new TreeSet<>();
    spared = 0;
    if (rule != null) {
      List<Member> going = members.stream().filter(member -> member.goesOn(rule.sampling())).toList();
      int end = going.stream().mapToInt(member -> member.end).min().orElse(0);
      members.forEach(member -> member.end = Math.min(member.end, end));
      spared = members.stream().mapToInt(Member::spared).sum();
    }
    for (Member member : members) {
      // What was asked for once is not asked for again, whatever became of it.
      member.missing.removeAll(samples);
      next.addAll(member.settled ? Set.of() : member.missing.headSet(member.end));
    }
    samples = next;
    open = samples.size();
    return open > 0;
  }

  /** Samples of its rows that a rule has made needless so far. */
  int spared() {
    return spared;
  }

  List<Member> members() {
    return members;
  }

  List<String> promptIds() {
    return members.stream().map(Member::promptId).toList();
  }

  /** The prompts that go to an engine of this process, and so may end it; none where a server is asked. */
  List<String> promptIdsHere() {
    return conversation == null ? promptIds() : List.of();
  }

  /** The samples that {@link #advance} has taken: those that at least one row lacks. */
  TreeSet<Integer> samples() {
    return samples;
  }

  /**
   * The request; each sample goes on from the longest of the traces that its rows have.
   *
   * @param promptLogprobs whether log-probabilities of the prompt's tokens are wanted
   */
  GenerationRequest request(long id, SamplingParams params, boolean promptLogprobs) {
    int[] indexes = samples.stream().mapToInt(Integer::intValue).toArray();
    if (conversation != null) {
      return new GenerationRequest(id, Conversations.messages(conversation), indexes, params);
    }
    int[][] generated = new int[indexes.length][];
    boolean any = false;
    for (int i = 0; i < indexes.length; i++) {
      Before before = longest(indexes[i]);
      if (before != null) {
        generated[i] = before.tokens();
        any = true;
      }
    }
    int[] prompt = tokens.stream().mapToInt(Integer::intValue).toArray();
    return new GenerationRequest(
        id, prompt, indexes, params, any ? generated : null, promptLogprobs ? 1 : GenerationRequest.NO_SCORES);
  }

  /** The longest of the traces that the rows have of a sample; null where none has tokens. */
  private Before longest(int sample) {
    Before longest = null;
    for (Member member : members) {
      Before before = member.before(sample);
      if (before != null && before.tokens() != null
          && (longest == null || before.tokens().length > longest.tokens().length)) {
        longest = before;
      }
    }
    return longest;
  }

  /** A completion with the log-probabilities of the tokens that it went on from, whichever row has them. */
  Completion whole(Completion c) {
    Before before = conversation == null ? longest(c.sampleIndex()) : null;
    return before == null ? c : before.joined(c);
  }

  /** A sample is done; true if it was the last of those taken. */
  boolean finished() {
    return --open == 0;
  }

  private static int[] ints(Row row, int at) {
    return row.isNullAt(at) ? null : row.<Integer>getList(at).stream().mapToInt(Integer::intValue).toArray();
  }

  private static float[] floats(Row row, int at) {
    if (row.isNullAt(at)) {
      return null;
    }
    List<Float> values = row.getList(at);
    float[] out = new float[values.size()];
    for (int i = 0; i < out.length; i++) {
      out[i] = values.get(i);
    }
    return out;
  }
}
