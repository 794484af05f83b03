// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.EngineStats;
import java.util.Map;
import java.util.TreeMap;

/** Adds up where the parts of a run stand. Thread-safe. */
final class TeacherProgress {
  private record State(
      long done, long total, long failed, long correct, long decided, long tokens, EngineStats engines) {
    static final State NONE = new State(0, 0, 0, 0, 0, 0, EngineStats.NONE);

    State plus(State o) {
      return new State(
          done + o.done, total + o.total, failed + o.failed, correct + o.correct, decided + o.decided,
          tokens + o.tokens, engines.plus(o.engines));
    }

    State ended() {
      return new State(done, total, failed, correct, decided, tokens, engines.withLoad(EngineStats.Load.NONE));
    }
  }

  private final GenerateJob.Progress progress;
  private final Map<Integer, State> parts = new TreeMap<>();

  TeacherProgress(GenerateJob.Progress progress) {
    this.progress = progress;
  }

  /** Takes the states of a part. */
  GenerateJob.Progress of(int part) {
    return (done, total, failed, correct, decided, tokens, engines) ->
        update(part, new State(done, total, failed, correct, decided, tokens, engines));
  }

  /** The part has ended: its engine has nothing in it any more. */
  synchronized void ended(int part) {
    parts.computeIfPresent(part, (number, state) -> state.ended());
  }

  private synchronized void update(int part, State state) {
    parts.put(part, state);
    State all = parts.values().stream().reduce(State.NONE, State::plus);
    progress.update(all.done, all.total, all.failed, all.correct, all.decided, all.tokens, all.engines);
  }
}
