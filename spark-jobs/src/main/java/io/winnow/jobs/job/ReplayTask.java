// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.Completion;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.Message;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.PromptRenderer;
import io.winnow.inference.RenderedPrompt;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.udf.EngineHost;
import io.winnow.jobs.job.ReplayResult.Found;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.sql.Row;

/**
 * One partition of recorded traces of a group: makes them again and compares. Requests go to the engine one by one and
 * not by way of Arrow batches, because here each has a max_tokens of its own, which batches do not carry.
 */
final class ReplayTask implements FlatMapFunction<Iterator<Row>, Found> {
  private static final long serialVersionUID = 1L;
  private static final long TICK_MILLIS = 200;
  static final String OTHER_KEY =
      "its key cannot be made from its row: the prompt had fields that the table does not hold, somebody changed the"
          + " row, or this version of Winnow computes otherwise";

  private final ReplayGroup group;
  private final boolean verdicts;
  private final LiveCounters counters;

  ReplayTask(ReplayGroup group, boolean verdicts, LiveCounters counters) {
    this.group = group;
    this.verdicts = verdicts;
    this.counters = counters;
  }

  /** A trace in the engine. */
  private record Open(Row row, int[] prompt) {}

  @Override
  public Iterator<Found> call(Iterator<Row> rows) throws InterruptedException {
    Found found = new Found();
    if (!rows.hasNext()) {
      return List.of(found).iterator();
    }
    if (group.reason() != null) {
      while (rows.hasNext()) {
        checkVerdicts(rows.next(), found);
        notReplayed(found, group.reason());
      }
      return List.of(found).iterator();
    }
    try (EngineHost.Lease lease = EngineHost.acquire(group.spec())) {
      String part = group.model().partThatDiffers(lease.runtime().info());
      if (part != null) {
        throw EngineHost.differs(group.spec(), part);
      }
      replay(rows, lease, found);
    }
    return List.of(found).iterator();
  }

  private void replay(Iterator<Row> rows, EngineHost.Lease lease, Found found) throws InterruptedException {
    PromptRenderer renderer = EngineHost.renderer(group.spec());
    Map<Long, Open> open = new HashMap<>();
    long lastId = 0;
    long counted = 0;
    try (ModelRuntime.Session session = lease.runtime().open()) {
      while (session.pending() > 0 || rows.hasNext()) {
        while (session.hasRoom() && rows.hasNext()) {
          Row row = rows.next();
          checkVerdicts(row, found);
          GenerationRequest request = request(row, ++lastId, renderer, found);
          if (request != null) {
            open.put(lastId, new Open(row, request.promptTokens()));
            session.submit(request);
          }
        }
        if (session.pending() > 0) {
          for (Completion c : session.poll(TICK_MILLIS)) {
            compare(open.remove(c.requestId()), c, found);
          }
        }
        counters.generated(session.generatedTokens() - counted);
        counted = session.generatedTokens();
        counters.engine(lease);
        TaskContext.get().killTaskIfInterrupted();
      }
    }
    found.tokens(counted);
  }

  /** The request that made the trace; null, with the reason noted, if it is not known. */
  private GenerationRequest request(Row row, long id, PromptRenderer renderer, Found found) {
    List<Message> messages = messages(row);
    if (messages == null) {
      notReplayed(found, "its row has neither a prompt nor messages");
      return null;
    }
    RenderedPrompt prompt;
    try {
      prompt = renderer.render(messages);
    } catch (InferenceException e) {
      notReplayed(found, "its prompt cannot be rendered: " + e.errorClass());
      return null;
    }
    int sample = row.getAs("sample_index");
    if (!group.key().traceId(prompt.tokenIds(), sample).equals(row.getAs("trace_id"))) {
      notReplayed(found, OTHER_KEY);
      return null;
    }
    int recorded = row.getAs("completion_tokens");
    boolean cut = FinishReason.LENGTH.label().equals(row.getAs("finish_reason"));
    // A trace that ended by itself gets room for one token more, so that one which goes on now is seen to.
    SamplingParams params = group.params().withMaxTokens(Math.max(1, cut ? recorded : recorded + 1), true);
    return new GenerationRequest(id, prompt.tokenIds(), new int[] {sample}, params);
  }

  private List<Message> messages(Row row) {
    List<Message> out = new ArrayList<>();
    int at = row.fieldIndex("messages");
    if (!row.isNullAt(at)) {
      for (Row turn : row.<Row>getList(at)) {
        out.add(Message.of(turn.getString(0), turn.getString(1)));
      }
      return out;
    }
    String prompt = row.getAs("prompt");
    if (prompt == null) {
      return null;
    }
    if (group.systemPrompt() != null) {
      out.add(Message.of("system", group.systemPrompt()));
    }
    out.add(Message.of("user", prompt));
    return out;
  }

  private void compare(Open open, Completion c, Found found) {
    if (InferenceErrors.KV_CACHE_TOO_SMALL.equals(c.errorClass())) {
      throw new InferenceException(c.errorClass(), c.errorMessage()); // a setting of this replay, not the trace
    }
    if (c.finishReason() == FinishReason.ERROR || c.finishReason() == FinishReason.CANCELLED) {
      notReplayed(found, "the engine failed on it: " + c.errorClass());
      return;
    }
    ReplayResult.Difference difference = TraceComparison.first(open.row(), open.prompt(), c);
    if (difference == null) {
      found.same();
    } else {
      found.different(difference);
    }
    counters.written(difference != null, null);
  }

  private void notReplayed(Found found, String reason) {
    found.notReplayed(reason);
    counters.written(false, null);
  }

  private void checkVerdicts(Row row, Found found) {
    if (verdicts) {
      TraceComparison.verdicts(row, found);
    }
  }
}
