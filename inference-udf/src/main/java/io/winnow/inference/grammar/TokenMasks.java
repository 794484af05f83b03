// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * Which tokens may come next in each state of an automaton. Only ways that tokens can go to an end are open: a token
 * after which the vocabulary could not finish the text is not allowed, so no state is without a token. Masks are made
 * when they are asked for and kept within a bound. One thread at a time.
 */
final class TokenMasks {
  private static final long MOST_BYTES = 48L << 20;
  private static final long MOST_VISITS = 200_000_000;

  private final Automaton automaton;
  private final Vocabulary vocabulary;
  /** States from which tokens can come to an end. */
  private final BitSet live;
  /** For each state the first of those that no token tells apart from it. */
  private final int[] alike;
  /**
   * By {@link #alike} states; behind those one more: the first state before any token, where tokens add other bytes.
   */
  private final Step[] steps;
  private final Map<Bits, int[]> shared = new HashMap<>();
  /** States on the way down the tree of tokens. */
  private final int[] path;
  private long visits;
  private long made;

  /**
   * What a state allows.
   *
   * @param mask bit i mod 32 of word i / 32: token i
   * @param goesOn whether any token but an end of sequence is among them
   */
  private record Step(int[] mask, boolean goesOn) {}

  private record Bits(int[] words) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Bits that && Arrays.equals(words, that.words);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(words);
    }
  }

  /**
   * @throws GrammarRefusal when these tokens cannot spell any text of the automaton, or that is too much to find out
   */
  TokenMasks(Automaton automaton, Vocabulary vocabulary) {
    this.automaton = automaton;
    this.vocabulary = vocabulary;
    this.path = new int[vocabulary.longest()];
    this.steps = new Step[automaton.states() + 1];
    this.live = live();
    if (!leadsOn(0, true)) {
      throw new GrammarRefusal("the model's vocabulary has no tokens that spell any such answer");
    }
    this.alike = AlikeStates.of(automaton, live, vocabulary.longest());
  }

  private BitSet live() {
    BitSet found = new BitSet();
    for (int s = 0; s < automaton.states(); s++) {
      if (automaton.accepts(s)) {
        found.set(s);
      }
    }
    // Where every byte is a token, as in byte-level vocabularies, this finds them all.
    BitSet bytes = new BitSet();
    for (int id = 0; id < vocabulary.size(); id++) {
      byte[] token = vocabulary.bytes(id, false);
      if (token.length == 1) {
        bytes.set(token[0] & 0xFF);
      }
    }
    int[][] before = before(bytes);
    spread(found, before, found.stream().toArray());
    boolean changed = true;
    while (changed && found.cardinality() < automaton.states()) {
      changed = false;
      for (int s = automaton.states() - 1; s >= 0; s--) {
        if (!found.get(s) && leadsTo(s, false, found)) {
          found.set(s);
          spread(found, before, new int[] {s});
          changed = true;
        }
      }
    }
    return found;
  }

  /** States before each one by a byte that is a token. */
  private int[][] before(BitSet bytes) {
    BitSet classes = new BitSet();
    bytes.stream().forEach(b -> classes.set(automaton.classOf((byte) b)));
    int[] counts = new int[automaton.states()];
    int[][] before = new int[automaton.states()][];
    for (int round = 0; round < 2; round++) {
      for (int s = 0; s < automaton.states(); s++) {
        for (int c = classes.nextSetBit(0); c >= 0; c = classes.nextSetBit(c + 1)) {
          int to = automaton.nextOfClass(s, c);
          if (to != Automaton.DEAD) {
            if (round == 1) {
              before[to][counts[to]] = s;
            }
            counts[to]++;
          }
        }
      }
      for (int s = 0; s < counts.length && round == 0; s++) {
        before[s] = new int[counts[s]];
        counts[s] = 0;
      }
    }
    return before;
  }

  private static void spread(BitSet found, int[][] before, int[] from) {
    int[] open = Arrays.copyOf(from, Math.max(before.length, from.length));
    int count = from.length;
    while (count > 0) {
      for (int s : before[open[--count]]) {
        if (!found.get(s)) {
          found.set(s);
          open[count++] = s;
        }
      }
    }
  }

  private boolean leadsOn(int state, boolean first) {
    return automaton.accepts(state) || leadsTo(state, first && vocabulary.beginsOtherwise(), live);
  }

  /** Whether some token leads to one of the states. */
  private boolean leadsTo(int state, boolean first, BitSet targets) {
    Vocabulary.Tree tree = vocabulary.tree(first);
    for (int n = 0; n < tree.edge().length; ) {
      if (++visits > MOST_VISITS) {
        throw GrammarRefusal.tooLarge(MOST_VISITS + " steps of looking for tokens that spell it");
      }
      int depth = tree.depth()[n];
      int to = automaton.next(depth == 0 ? state : path[depth - 1], tree.edge()[n]);
      path[depth] = to;
      if (to == Automaton.DEAD) {
        n = tree.behind()[n];
      } else if (targets.get(to) && tree.from()[n] < tree.from()[n + 1]) {
        return true;
      } else {
        n++;
      }
    }
    return false;
  }

  /** The state before the first token. */
  int start() {
    return vocabulary.beginsOtherwise() ? automaton.states() : 0;
  }

  private boolean isStart(int state) {
    return state == automaton.states();
  }

  /** The state behind a token; {@link Automaton#DEAD} for one that is not allowed, and for an end of sequence. */
  int next(int state, int token) {
    byte[] bytes = vocabulary.bytes(token, isStart(state));
    if (bytes.length == 0) {
      return Automaton.DEAD;
    }
    int at = isStart(state) ? 0 : state;
    for (int i = 0; i < bytes.length && at != Automaton.DEAD; i++) {
      at = automaton.next(at, bytes[i]);
    }
    return at != Automaton.DEAD && live.get(at) ? at : Automaton.DEAD;
  }

  /** The tokens that may come next, as bits: at least one, but for a model without an end of sequence at the end. */
  int[] mask(int state) {
    return step(state).mask();
  }

  /** Whether the answer is complete and no text goes on from it. */
  boolean complete(int state) {
    return !step(state).goesOn();
  }

  /** Masks that were made so far, those among them that were made again. */
  long made() {
    return made;
  }

  private Step step(int state) {
    int place = isStart(state) ? state : alike[state];
    Step step = steps[place];
    if (step == null) {
      if ((shared.size() + 1L) * ((vocabulary.size() + 31) / 32) * 4 > MOST_BYTES) {
        shared.clear();
        Arrays.fill(steps, null);
      }
      step = make(place);
      steps[place] = step;
    }
    return step;
  }

  private Step make(int state) {
    made++;
    int[] mask = new int[(vocabulary.size() + 31) / 32];
    boolean goesOn = false;
    int start = isStart(state) ? 0 : state;
    Vocabulary.Tree tree = vocabulary.tree(isStart(state));
    byte[] edge = tree.edge();
    int[] depths = tree.depth();
    int[] behind = tree.behind();
    int[] from = tree.from();
    int[] ids = tree.ids();
    for (int n = 0; n < edge.length; ) {
      int depth = depths[n];
      int to = automaton.next(depth == 0 ? start : path[depth - 1], edge[n]);
      if (to == Automaton.DEAD) {
        n = behind[n];
        continue;
      }
      path[depth] = to;
      if (from[n] < from[n + 1] && live.get(to)) {
        goesOn = true;
        for (int i = from[n]; i < from[n + 1]; i++) {
          mask[ids[i] >> 5] |= 1 << ids[i];
        }
      }
      n++;
    }
    if (automaton.accepts(start)) {
      for (int id : vocabulary.ends()) {
        mask[id >> 5] |= 1 << id;
      }
    }
    // Many states allow the same tokens, as the places of a text of limited length do.
    int[] known = shared.putIfAbsent(new Bits(mask), mask);
    return new Step(known == null ? mask : known, goesOn);
  }
}
