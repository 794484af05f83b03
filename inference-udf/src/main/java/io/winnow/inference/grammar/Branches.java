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
    for (int i = 0; i < automata.size(); i++) {
      for (int k = 0; k < i; k++) {
        String text = common(automata.get(k), automata.get(i));
        if (text != null) {
          throw new GrammarRefusal(
              "at " + path + " the schemas " + k + " and " + i + " both allow " + text
                  + "; tell them apart by a 'const', or use anyOf");
        }
      }
    }
  }

  /** A shortest text that both have; null if there is none. */
  static String common(Automaton a, Automaton b) {
    record Pair(int a, int b) {}

    record Way(Pair before, byte by) {}

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
      Set<Long> classes = new HashSet<>();
      for (int c = 0; c < 256; c++) {
        byte by = (byte) c;
        if (!classes.add((long) a.classOf(by) << 32 | b.classOf(by))) {
          continue;
        }
        Pair next = new Pair(a.next(at.a, by), b.next(at.b, by));
        if (next.a != Automaton.DEAD && next.b != Automaton.DEAD && !ways.containsKey(next)) {
          if (ways.size() == MOST_PAIRS) {
            throw GrammarRefusal.tooLarge(MOST_PAIRS + " pairs of states to tell the schemas of a oneOf apart");
          }
          ways.put(next, new Way(at, by));
          open.add(next);
        }
      }
    }
    return null;
  }
}
