// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes an expression deterministic: a state is the set of nodes that a text may have come to (Rabin and Scott 1959).
 * Its time and memory are bounded whatever the expression.
 */
final class AutomatonBuilder {
  static final int MOST_STATES = 100_000;
  private static final int MOST_TRANSITIONS = 6_000_000;
  private static final int MOST_MEMBERS = 8_000_000;
  private static final long MOST_WORK = 60_000_000;

  private final ByteGraph graph;
  private final int[] classOf = new int[256];
  private int classes;
  /** For each class, its first byte. */
  private int[] firstByte;
  private final int[][] closures;
  private int members;
  private long work;
  private final Map<Members, Integer> known = new HashMap<>();
  private final List<int[]> states = new ArrayList<>();
  /** The search that came to a node last, so that nothing has to be cleared between searches. */
  private final int[] seenBy;
  private int search;
  private int[] found = new int[64];
  private int foundCount;

  /** Nodes of a state, ascending. */
  private record Members(int[] nodes) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Members that && Arrays.equals(nodes, that.nodes);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(nodes);
    }
  }

  private AutomatonBuilder(ByteGraph graph) {
    this.graph = graph;
    this.closures = new int[graph.count()][];
    this.seenBy = new int[graph.count()];
  }

  /**
   * The automaton of an expression.
   *
   * @throws GrammarRefusal when it would be too large
   */
  static Automaton of(Expression expression) {
    ByteGraph graph = new ByteGraph();
    int start = graph.before(expression, ByteGraph.END);
    AutomatonBuilder builder = new AutomatonBuilder(graph);
    return builder.build(start);
  }

  private Automaton build(int start) {
    split();
    List<int[]> rows = new ArrayList<>();
    BitSet accepting = new BitSet();
    begin();
    for (int member : closure(start)) {
      find(member);
    }
    state(allFound());
    for (int i = 0; i < states.size(); i++) {
      int[] nodes = states.get(i);
      if (nodes.length > 0 && nodes[0] == ByteGraph.END) {
        accepting.set(i);
      }
      rows.add(row(nodes));
    }
    int[] next = new int[rows.size() * classes];
    for (int i = 0; i < rows.size(); i++) {
      System.arraycopy(rows.get(i), 0, next, i * classes, classes);
    }
    return new Automaton(classOf, classes, next, accepting);
  }

  /** Finds the classes of bytes that every range holds either all or none of. */
  private void split() {
    BitSet begins = new BitSet(257);
    begins.set(0);
    for (int n = 0; n < graph.count(); n++) {
      if (graph.low(n) >= 0) {
        begins.set(graph.low(n));
        begins.set(graph.high(n) + 1);
      }
    }
    begins.clear(256);
    for (int b = 0; b < 256; b++) {
      classes += begins.get(b) ? 1 : 0;
      classOf[b] = classes - 1;
    }
    firstByte = begins.stream().toArray();
  }

  private int[] row(int[] nodes) {
    int[] row = new int[classes];
    for (int c = 0; c < classes; c++) {
      begin();
      for (int n : nodes) {
        if (graph.low(n) <= firstByte[c] && firstByte[c] <= graph.high(n)) {
          for (int member : closure(graph.next(n))) {
            find(member);
          }
        }
      }
      work(nodes.length + 1);
      row[c] = foundCount == 0 ? Automaton.DEAD : state(allFound());
    }
    return row;
  }

  private void begin() {
    search++;
    foundCount = 0;
  }

  private void find(int node) {
    work(1);
    if (seenBy[node] != search) {
      seenBy[node] = search;
      if (foundCount == found.length) {
        found = Arrays.copyOf(found, 2 * foundCount);
      }
      found[foundCount++] = node;
    }
  }

  private int[] allFound() {
    int[] all = Arrays.copyOf(found, foundCount);
    Arrays.sort(all);
    return all;
  }

  private void work(int steps) {
    work += steps;
    if (work > MOST_WORK) {
      throw GrammarRefusal.tooLarge(MOST_WORK + " steps of building");
    }
  }

  private int state(int[] nodes) {
    Members key = new Members(nodes);
    Integer number = known.get(key);
    if (number != null) {
      return number;
    }
    members += nodes.length;
    int count = states.size() + 1;
    if (count > MOST_STATES || (long) count * classes > MOST_TRANSITIONS || members > MOST_MEMBERS) {
      throw GrammarRefusal.tooLarge(Math.min(MOST_STATES, MOST_TRANSITIONS / classes) + " states");
    }
    states.add(nodes);
    known.put(key, count - 1);
    return count - 1;
  }

  /** Byte ranges, and the end, that are reached from a node without a byte; each once. */
  private int[] closure(int node) {
    if (closures[node] == null) {
      closures[node] = reached(node);
      members += closures[node].length;
      if (members > MOST_MEMBERS) {
        throw GrammarRefusal.tooLarge(MOST_MEMBERS + " places at once");
      }
    }
    return closures[node];
  }

  private int[] reached(int node) {
    if (isLeaf(node)) {
      return new int[] {node};
    }
    BitSet seen = new BitSet();
    List<Integer> leaves = new ArrayList<>();
    ArrayDeque<Integer> open = new ArrayDeque<>(List.of(node));
    while (!open.isEmpty()) {
      int n = open.poll();
      work(1 + n / 4096);
      if (seen.get(n)) {
        continue;
      }
      seen.set(n);
      if (isLeaf(n)) {
        leaves.add(n);
      } else {
        for (int path : graph.fork(n)) {
          open.add(path);
        }
      }
    }
    return leaves.stream().mapToInt(n -> n).toArray();
  }

  private boolean isLeaf(int node) {
    return node == ByteGraph.END || graph.fork(node) == null;
  }
}
