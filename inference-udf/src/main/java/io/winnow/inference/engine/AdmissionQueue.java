// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * What waits for places and pages, and who is next.
 *
 * <ol>
 *   <li>Whoever was in steps before, the oldest first.
 *   <li>Then the session that has had least: each has a line of its own, and what is admitted is charged to it by the
 *       tokens that it will probably take (start-time fair queueing, Goyal et al. 1996). Who comes late, or had nothing
 *       to ask for, starts level with the others and has no claim to what it missed.
 *   <li>Of the first {@link #WINDOW} groups of its line the one with the most tokens to come, so that a job does not
 *       end with one long sequence alone. A group that others have passed {@link #MOST_PASSED} times is next whatever its
 *       length.
 * </ol>
 *
 * <p>Holds what sessions have submitted and not yet got back, which {@link EngineCore#samplesWelcome} bounds. A state
 * machine without clocks.
 */
final class AdmissionQueue {
  /** Groups of a session that are looked through for the longest. */
  static final int WINDOW = 32;
  /** How often a group may be passed by such as came after it. */
  static final int MOST_PASSED = 64;

  /** The groups of one session, in the order of coming. */
  private static final class Line {
    final List<Prefill> groups = new ArrayList<>();
    /** Tokens charged so far, with what it started from. */
    long charged;
  }

  private final LengthPredictor lengths;
  private final List<Prefill> returning = new ArrayList<>();
  private final Map<EngineSession, Line> lines = new LinkedHashMap<>();
  /** What the session that was served last had been charged before: where newcomers start. */
  private long level;

  AdmissionQueue(LengthPredictor lengths) {
    this.lengths = lengths;
  }

  boolean isEmpty() {
    return returning.isEmpty() && lines.values().stream().allMatch(line -> line.groups.isEmpty());
  }

  /** Queues a group behind those of its session. */
  void add(Prefill p) {
    Line line = lines.computeIfAbsent(p.session(), session -> new Line());
    if (line.groups.isEmpty()) {
      line.charged = Math.max(line.charged, level);
    }
    line.groups.add(p);
  }

  /** Puts back what was in steps, ahead of all else. */
  void addFirst(Prefill p) {
    returning.add(0, p);
  }

  /** The next that is ready; null when none is. It stays until it is {@link #admitted}. */
  Prefill next(Predicate<Prefill> ready) {
    for (Prefill p : returning) {
      if (ready.test(p)) {
        return p;
      }
    }
    return lines.values().stream()
        .filter(line -> !line.groups.isEmpty())
        .sorted(Comparator.comparingLong(line -> line.charged))
        .map(line -> longest(line, ready))
        .filter(p -> p != null)
        .findFirst()
        .orElse(null);
  }

  private Prefill longest(Line line, Predicate<Prefill> ready) {
    Prefill head = line.groups.get(0);
    if (head.passed >= MOST_PASSED && ready.test(head)) {
      return head;
    }
    Prefill longest = null;
    long most = 0;
    for (Prefill p : line.groups.subList(0, Math.min(WINDOW, line.groups.size()))) {
      long remaining = lengths.remaining(p.members.get(0));
      if (remaining > most && ready.test(p)) {
        longest = p;
        most = remaining;
      }
    }
    return longest;
  }

  /** Takes out a group that {@link #next} gave, and charges its session. */
  void admitted(Prefill p) {
    if (returning.remove(p)) {
      forgetIdle();
      return;
    }
    Line line = lines.get(p.session());
    int at = line.groups.indexOf(p);
    line.groups.subList(0, at).forEach(passed -> passed.passed++);
    line.groups.remove(at);
    level = Math.max(level, line.charged);
    long each = lengths.remaining(p.members.get(0));
    line.charged += p.context.length + each * p.members.size();
    forgetIdle();
  }

  /** Forgets sessions that wait for nothing, as soon as they would start level with the others anyway. */
  private void forgetIdle() {
    boolean all = isEmpty();
    lines.values().removeIf(line -> line.groups.isEmpty() && (all || line.charged <= level));
  }

  /** Parts a group: {@code count} members go ahead and are returned, the others follow them. */
  Prefill split(Prefill p, int count) {
    List<Prefill> groups = returning.contains(p) ? returning : lines.get(p.session()).groups;
    Prefill ahead = p.part(0, count);
    int at = groups.indexOf(p);
    groups.set(at, ahead);
    groups.add(at + 1, p.part(count, p.members.size()));
    return ahead;
  }

  /** Takes out all groups with a member that matches, and returns them. */
  List<Prefill> remove(Predicate<Sequence> unwanted) {
    List<Prefill> removed = new ArrayList<>();
    remove(returning, unwanted, removed);
    lines.values().forEach(line -> remove(line.groups, unwanted, removed));
    forgetIdle();
    return removed;
  }

  private static void remove(List<Prefill> groups, Predicate<Sequence> unwanted, List<Prefill> removed) {
    for (Iterator<Prefill> it = groups.iterator(); it.hasNext(); ) {
      Prefill p = it.next();
      if (p.members.stream().anyMatch(unwanted)) {
        it.remove();
        removed.add(p);
      }
    }
  }

  /** Sessions that are known: those that wait, and those that have had more than others since. */
  int sessions() {
    return lines.size();
  }
}
