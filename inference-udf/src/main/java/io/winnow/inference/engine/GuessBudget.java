// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import java.util.Arrays;
import java.util.stream.Stream;

/**
 * Whether steps may hold guesses, by what they cost and bring. A step with guesses is worth the time that its tokens
 * would have taken in steps without; what it takes beyond that is a loss. Losses are paid from {@value #PART} of all
 * engine time, and from what guesses have won, so no job is slower by more than that part and one step, whatever its
 * text and however much a row costs on this machine.
 *
 * <p>While guesses lose, they rest, twice as long each time, so that text without repeats costs much less than the
 * bound. All times are in nanoseconds; the engine's thread alone comes here.
 */
class GuessBudget {
  /** Part of the time that may be lost. */
  static final double PART = 0.01;

  private static final int SHORTEST_REST = 8;
  private static final int LONGEST_REST = 512;
  /**
   * Steps without guesses by which their cost is known: it is that of the second quickest of them. Rather too little
   * than too much, because a machine's first steps are slow, and so are others now and then.
   */
  private static final int LATEST = 8;
  private static final int QUICKER = 1;
  /** Steps after which it is looked at again; after twice as many it is forgotten: contexts grow, machines get busy. */
  private static final int REFRESH = 64;
  /** The same while few have been looked at. */
  private static final int REFRESH_EARLY = 16;
  private static final int EARLY = 32;
  private static final double WEIGHT_OF_LATEST = 0.25;
  /** Winnings that are kept, in steps: what would be lost again where a text stops repeating itself. */
  private static final int MOST_STEPS = 8;

  /** Steps of so many sequences that hold no guesses. */
  private static final class Plain {
    private final double[] nanos = new double[LATEST];
    private long count;
    private long latest;
    private double typical;

    void add(double took) {
      nanos[(int) (count++ % LATEST)] = took;
      if (count >= LATEST) {
        double[] sorted = nanos.clone();
        Arrays.sort(sorted);
        typical = sorted[QUICKER];
      }
    }

    boolean known(long step) {
      return count >= LATEST && step - latest < (count < EARLY ? REFRESH_EARLY : REFRESH);
    }
  }

  /** By the number of sequences. */
  private final Plain[] plain;
  private long steps;
  private double credit;
  /** What a step with guesses won lately, as part of one without. */
  private double worth;
  private int rest = SHORTEST_REST;
  private int resting;

  /** @param mostSequences that guess */
  GuessBudget(int mostSequences) {
    plain = Stream.generate(Plain::new).limit(mostSequences + 1).toArray(Plain[]::new);
  }

  /** Whether the next step, of sequences that all draw, may hold guesses. */
  boolean allows(int running) {
    return running < plain.length && plain[running].known(steps) && credit > 0 && (resting == 0 || --resting == 0);
  }

  /**
   * Takes in a step.
   *
   * @param running sequences that drew in it, if it computed nothing else; 0 for all other steps
   * @param guesses tokens that were guessed in it
   * @param tokens that the sequences came forward by
   */
  void took(int running, int guesses, int tokens, long nanos) {
    steps++;
    if (guesses > 0) {
      guessed(plain[running], (double) tokens / running, nanos);
      return;
    }
    keep(PART * nanos, nanos);
    if (running > 0 && running < plain.length) {
      Plain known = plain[running];
      if (steps - known.latest > 2 * REFRESH) {
        known.count = 0;
      }
      known.latest = steps;
      known.add(nanos);
    }
  }

  /** Nothing is computed for a while: what comes then may cost other times, and is owed nothing. */
  void rests() {
    for (Plain known : plain) {
      known.count = 0;
    }
    credit = 0;
    worth = 0;
    rest = SHORTEST_REST;
    resting = 0;
  }

  private void guessed(Plain without, double forward, long nanos) {
    if (nanos < without.typical) {
      // It has more rows than those, so they take less than was thought: to be looked at again.
      without.add(nanos);
      without.latest = steps - REFRESH;
    }
    double won = without.typical * forward - nanos;
    keep(won, without.typical);
    worth += WEIGHT_OF_LATEST * (won / without.typical - worth);
    if (worth < 0) {
      resting = rest;
      rest = Math.min(LONGEST_REST, 2 * rest);
      worth = 0; // one step that wins is enough to go on with
    } else if (won > 0) {
      rest = SHORTEST_REST;
    }
  }

  /** What is there already stays. */
  private void keep(double won, double step) {
    credit = Math.min(credit + won, Math.max(credit, MOST_STEPS * step));
  }
}
