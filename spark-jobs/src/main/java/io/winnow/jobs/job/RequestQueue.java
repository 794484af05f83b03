// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.Completion;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.SamplingParams;
import io.winnow.jobs.table.InFlight;
import io.winnow.jobs.table.TraceWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.function.BiConsumer;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.Row;

/**
 * The requests of a task, made of planned rows as the engine asks for them. Rows that cannot be computed are written as
 * their failure on the way. What is about to go to the engine is noted first; prompts under suspicion of having ended a
 * process wait for their turn, one at a time, beside the others. Groups that go on by a rule come first, because their
 * blocks follow one another. {@link #hasNext} may be false now and true later, when a suspect or a block has finished.
 */
final class RequestQueue implements Iterator<GenerationRequest> {
  private static final int LEAST_BLOCK = 8;
  private static final int MOST_BLOCK = 256;
  private static final long NOTE_NANOS = 1_000_000_000L;
  private static final long WAIT_MILLIS = 50;
  /** Suspects that wait are held in memory; what comes after them waits where it is. */
  private static final int MOST_SUSPECTS = 10_000;

  private final Iterator<Row> planned;
  private final TraceWriter writer;
  private final InFlight inFlight;
  private final SamplingParams params;
  private final boolean promptLogprobs;
  private final KnownSamples rule;
  private final BiConsumer<RequestGroup, Completion> failures;
  private final Map<Long, RequestGroup> open = new HashMap<>();
  /** Groups whose prompts are noted, in the order in which they go to the engine. */
  private final ArrayDeque<RequestGroup> ahead = new ArrayDeque<>();
  private final ArrayDeque<RequestGroup> suspects = new ArrayDeque<>();
  /** Groups with a next block of samples. */
  private final ArrayDeque<RequestGroup> going = new ArrayDeque<>();
  private RequestGroup alone;
  private Row pushedBack;
  private int block = LEAST_BLOCK;
  private long notedNanos = System.nanoTime();
  private long lastId;
  private long aloneId;
  private long spared;

  /**
   * @param rule decides when a prompt has samples enough; null where all get as many
   * @param failures takes the groups that fail without being computed, a completion a sample
   */
  RequestQueue(
      Iterator<Row> planned, TraceWriter writer, InFlight inFlight, SamplingParams params, boolean promptLogprobs,
      KnownSamples rule, BiConsumer<RequestGroup, Completion> failures) {
    this.planned = planned;
    this.writer = writer;
    this.inFlight = inFlight;
    this.params = params;
    this.promptLogprobs = promptLogprobs;
    this.rule = rule;
    this.failures = failures;
  }

  @Override
  public boolean hasNext() {
    if (alone == null && aloneId == 0 && !suspects.isEmpty() && inFlight.tryAlone(0)) {
      takeSuspect();
    }
    if (alone != null || !going.isEmpty() || !ahead.isEmpty()) {
      return true;
    }
    fill();
    // With nothing of its own in the engine the task waits until no other task of the process has a suspect there.
    while (ahead.isEmpty() && alone == null && open.isEmpty() && !suspects.isEmpty()) {
      TaskContext.get().killTaskIfInterrupted();
      flushIfDue();
      if (inFlight.tryAlone(WAIT_MILLIS)) {
        takeSuspect();
      }
    }
    return alone != null || !ahead.isEmpty();
  }

  @Override
  public GenerationRequest next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    RequestGroup group;
    if (alone != null) {
      group = alone;
      alone = null;
      aloneId = lastId + 1;
    } else {
      group = going.isEmpty() ? ahead.poll() : going.poll();
    }
    open.put(++lastId, group);
    return group.request(lastId, params, promptLogprobs);
  }

  /** The group that a completion belongs to. */
  RequestGroup of(Completion c) {
    return open.get(c.requestId());
  }

  /** A completion was dealt with: {@link RequestGroup.Member#made} has been told. */
  void finish(Completion c) {
    RequestGroup group = open.get(c.requestId());
    if (!group.finished()) {
      return;
    }
    open.remove(c.requestId());
    boolean wasAlone = c.requestId() == aloneId;
    aloneId = wasAlone ? 0 : aloneId;
    if (group.advance()) {
      if (wasAlone) {
        alone = group;
      } else {
        going.add(group);
      }
    } else {
      spared += group.spared();
      if (wasAlone) {
        inFlight.cleared(group.promptIds());
      }
    }
  }

  /** Samples that the rule has made needless so far. */
  long spared() {
    return spared;
  }

  private void takeSuspect() {
    alone = suspects.poll();
    note();
  }

  /** Takes the next rows, as many as one note is for, and notes them with what is in the engine. */
  private void fill() {
    while (ahead.size() < block && suspects.size() < MOST_SUSPECTS) {
      Row row = take();
      if (row == null) {
        break;
      }
      RequestGroup group = new RequestGroup(row, writer::alreadyOffered, rule);
      Row failure = row.getAs("failure");
      if (failure != null) {
        group.advance();
        fail(group, failure.getString(0), failure.getString(1));
        continue;
      }
      for (row = take(); row != null && group.addIfEqual(row, writer::alreadyOffered); row = take()) {
        // the rows with the same tokens lie side by side
      }
      pushedBack = row;
      sortIn(group);
    }
    if (!ahead.isEmpty()) {
      note();
      long now = System.nanoTime();
      block = now - notedNanos < NOTE_NANOS ? Math.min(MOST_BLOCK, block * 2) : Math.max(LEAST_BLOCK, block / 2);
      notedNanos = now;
    }
  }

  private Row take() {
    Row row = pushedBack != null ? pushedBack : planned.hasNext() ? planned.next() : null;
    pushedBack = null;
    return row;
  }

  private void sortIn(RequestGroup group) {
    int deaths = group.promptIds().stream().mapToInt(inFlight::deathsAlone).max().orElse(-1);
    if (!group.advance()) {
      spared += group.spared();
      return;
    }
    if (group.promptIds().stream().anyMatch(inFlight::isGuilty)) {
      InferenceException e = InferenceErrors.engineCrash(deaths + 1);
      fail(group, e.errorClass(), e.getMessage());
    } else if (deaths > 0) {
      // Whoever was alone once is first, so that it is soon known.
      suspects.addFirst(group);
    } else if (deaths == 0) {
      suspects.addLast(group);
    } else {
      ahead.add(group);
    }
  }

  private void fail(RequestGroup group, String errorClass, String message) {
    do {
      for (int sample : group.samples()) {
        failures.accept(
            group, new Completion(0, sample, new int[0], "", null, FinishReason.ERROR, errorClass, message, 0));
      }
    } while (group.advance());
    spared += group.spared();
    flushIfDue();
    TaskContext.get().killTaskIfInterrupted();
  }

  private void flushIfDue() {
    try {
      writer.flushIfDue();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void note() {
    List<String> crowd = new ArrayList<>();
    List<String> one = alone == null ? List.of() : alone.promptIds();
    for (Map.Entry<Long, RequestGroup> entry : open.entrySet()) {
      if (entry.getKey() == aloneId) {
        one = entry.getValue().promptIds();
      } else {
        crowd.addAll(entry.getValue().promptIdsHere());
      }
    }
    going.forEach(group -> crowd.addAll(group.promptIdsHere()));
    ahead.forEach(group -> crowd.addAll(group.promptIdsHere()));
    crowd.sort(Comparator.naturalOrder());
    try {
      inFlight.note(crowd, one);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot note what goes to the engine: " + e.getMessage(), e);
    }
  }
}
