// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.Completion;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.udf.Conversations;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.function.BiPredicate;
import org.apache.spark.sql.Row;

/** Planned rows with the same prompt, in tokens or in words, which are one request. */
final class RequestGroup {
  private final List<Integer> tokens;
  private final String conversation;
  private final List<Member> members = new ArrayList<>();
  private final TreeSet<Integer> samples = new TreeSet<>();
  private int open;

  /** A row that has an earlier trace in the table: how often it was tried, and what it goes on from. */
  record Before(int attempts, int[] tokens, float[] logprobs) {
    /** The completion with the log-probabilities that the earlier part of the trace has. */
    Completion joined(Completion c) {
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

    private Member(Row row, BiPredicate<String, String> done) {
      this.row = row;
      this.traceIds = row.getList(row.fieldIndex("trace_ids"));
      for (String id : row.<String>getList(row.fieldIndex("missing"))) {
        if (!done.test(promptId(), id)) {
          missing.add(traceIds.indexOf(id));
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
      return missing.contains(sample);
    }

    TreeSet<Integer> missing() {
      return missing;
    }

    /** The trace of the sample that the table has; null if it has none. */
    Before before(int sample) {
      return before.get(sample);
    }
  }

  /**
   * A group of one row.
   *
   * @param done whether an earlier attempt has offered the row of a prompt id and trace id
   */
  RequestGroup(Row first, BiPredicate<String, String> done) {
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
    Member member = new Member(row, done);
    members.add(member);
    samples.addAll(member.missing());
    open = samples.size();
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

  /** Samples that at least one row lacks. */
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
      for (Member member : members) {
        Before before = member.before(indexes[i]);
        if (before != null && before.tokens() != null
            && (generated[i] == null || before.tokens().length > generated[i].length)) {
          generated[i] = before.tokens();
          any = true;
        }
      }
    }
    int[] prompt = tokens.stream().mapToInt(Integer::intValue).toArray();
    return new GenerationRequest(
        id, prompt, indexes, params, any ? generated : null, promptLogprobs ? 1 : GenerationRequest.NO_SCORES);
  }

  /** A sample is done; true if it was the last. */
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
