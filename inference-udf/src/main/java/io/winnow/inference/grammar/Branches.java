// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Looks whether expressions have texts in common. */
final class Branches {
  private static final int MOST_PAIRS = 500_000;

  private Branches() {}

  /**
   * Checks that no text is one of two of them.
   *
   * @throws GrammarRefusal naming a text that is, or when that is too much to find out
   */
  static void checkApart(List<Expression> all, String path) {
    List<Automaton> automata = new ArrayList<>();
    for (Expression e : all) {
      automata.add(AutomatonBuilder.of(e));
    }
    int[] left = {MOST_PAIRS};
    for (int i = 0; i < automata.size(); i++) {
      for (int k = 0; k < i; k++) {
        String text = common(automata.get(k), automata.get(i), left);
        if (text != null) {
          throw new GrammarRefusal(
              "at " + path + " the schemas " + k + " and " + i + " both allow " + text
                  + "; tell them apart by a 'const', or use anyOf");
        }
      }
    }
  }

  /** A byte of each class that both tell apart. */
  private static byte[] bytes(Automaton a, Automaton b) {
    Set<Long> classes = new HashSet<>();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int c = 0; c < 256; c++) {
      if (classes.add((long) a.classOf((byte) c) << 32 | b.classOf((byte) c))) {
        out.write(c);
      }
    }
    return out.toByteArray();
  }

  /** A shortest text that both have; null if there is none. Takes what it looks at from {@code left}. */
  private static String common(Automaton a, Automaton b, int[] left) {
    record Pair(int a, int b) {}

    record Way(Pair before, byte by) {}

    byte[] each = bytes(a, b);
    Map<Pair, Way> ways = new HashMap<>();
    List<Pair> open = new ArrayList<>();
    Pair start = new Pair(0, 0);
    open.add(start);
    ways.put(start, null);
    for (int i = 0; i < open.size(); i++) {
      Pair at = open.get(i);
      if (a.accepts(at.a) && b.accepts(at.b)) {
        ByteArrayOutputStream reversed = new ByteArrayOutputStream();
        for (Way way = ways.get(at); way != null; way = ways.get(way.before)) {
          reversed.write(way.by);
        }
        byte[] bytes = reversed.toByteArray();
        for (int k = 0; k < bytes.length / 2; k++) {
          byte last = bytes[bytes.length - 1 - k];
          bytes[bytes.length - 1 - k] = bytes[k];
          bytes[k] = last;
        }
        return new String(bytes, StandardCharsets.UTF_8);
      }
      for (byte by : each) {
        Pair next = new Pair(a.next(at.a, by), b.next(at.b, by));
        if (next.a != Automaton.DEAD && next.b != Automaton.DEAD && !ways.containsKey(next)) {
          if (--left[0] < 0) {
            throw new GrammarRefusal(
                "it needs more than " + MOST_PAIRS + " pairs of states to tell the schemas of a oneOf apart; put the"
                    + " property that differs first, or use anyOf");
          }
          ways.put(next, new Way(at, by));
          open.add(next);
        }
      }
    }
    return null;
  }
}
