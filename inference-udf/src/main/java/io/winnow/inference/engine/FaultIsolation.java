// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * The sequences of a step that failed, each computed alone from its tokens so far, until it draws its next token or
 * fails again: then it is known which of them did it. The pool must be free of pages in use when it begins, so that
 * each has the room that it had when it was accepted.
 *
 * <p>A state machine as {@link Scheduler}: {@link #begin}, then steps on {@link #scheduler} with {@link #stepped} or
 * {@link #failed} after each as long as {@link #active}, then {@link #end}.
 */
final class FaultIsolation {
  /**
   * Prompts that fail alone one after the other before the engine, and not they, is taken to be broken. Rows are sorted
   * by their tokens, so that a few prompts with the same fault do sit together.
   */
  static final int MOST_IN_A_ROW = 8;

  private final Scheduler alone;
  private final ArrayDeque<Sequence> suspects = new ArrayDeque<>();
  private final List<Sequence> cleared = new ArrayList<>();
  private Sequence current;
  private int countBefore;
  private OpenRequest lastFailed;
  private int failedInARow;

  FaultIsolation(BlockPool pool, PrefixTree tree, int maxRows, Scheduler.PageCopier copier) {
    this.alone = new Scheduler(pool, tree, 1, maxRows, copier);
  }

  /** Takes what was in the step that failed. */
  void begin(List<Sequence> inStep) {
    suspects.addAll(inStep);
  }

  boolean active() {
    return current != null || !suspects.isEmpty();
  }

  /** The scheduler of the next step: it holds the suspect whose turn it is and nothing else. */
  Scheduler scheduler() {
    if (current == null) {
      current = suspects.removeFirst();
      countBefore = current.count;
      alone.add(current.request.prompt(), List.of(current));
    }
    return alone;
  }

  /** The step went well; with its next token a sequence is cleared. */
  void stepped() {
    if (current.finish != null) {
      current = null;
      succeeded();
    } else if (current.count > countBefore) {
      cleared.add(release());
      succeeded();
    }
  }

  /** The step failed; returns who did it. */
  Sequence failed() {
    Sequence guilty = release();
    if (guilty.request != lastFailed) {
      lastFailed = guilty.request;
      failedInARow++;
    }
    return guilty;
  }

  /** Whether it is no single sequence's fault. */
  boolean hopeless() {
    return failedInARow >= MOST_IN_A_ROW;
  }

  /** Some step went well: the engine works. */
  void succeeded() {
    lastFailed = null;
    failedInARow = 0;
  }

  private Sequence release() {
    Sequence s = current;
    alone.remove(any -> true);
    current = null;
    return s;
  }

  /** Those that go on together, in their order. */
  List<Sequence> end() {
    List<Sequence> out = List.copyOf(cleared);
    cleared.clear();
    return out;
  }

  /** Removes every sequence that matches; its pages are free at once. */
  void remove(Predicate<Sequence> unwanted) {
    suspects.removeIf(unwanted);
    cleared.removeIf(unwanted);
    if (current != null && unwanted.test(current)) {
      release();
    }
  }
}
