// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The limit against a made-up server with a clock of its own. */
class ConcurrencyLimitTest {
  private static final long MILLI = 1_000_000;

  /**
   * A server that works on so many requests at once without getting slower, and lets others wait; each takes a time of
   * its own. Refuses what goes beyond another number.
   */
  private record Server(int together, int most) {}

  private record Open(long sent, long ends, boolean refused) {}

  /** Keeps the limit full for so many answers; returns the mean limit over the last half. */
  private static double run(ConcurrencyLimit limit, Server server, int answers, long seed) {
    Random random = new Random(seed);
    PriorityQueue<Open> open = new PriorityQueue<>(Comparator.comparingLong(Open::ends));
    PriorityQueue<Long> free = new PriorityQueue<>();
    for (int i = 0; i < server.together(); i++) {
      free.add(0L);
    }
    long now = MILLI;
    int accepted = 0;
    double sum = 0;
    for (int done = 0; done < answers; ) {
      while (open.size() < limit.now()) {
        limit.sent(open.size() + 1, now);
        if (accepted >= server.most()) {
          open.add(new Open(now, now + MILLI, true));
          continue;
        }
        accepted++;
        long start = Math.max(now, free.poll());
        long end = start + (long) ((50 + 100 * random.nextDouble()) * MILLI);
        free.add(end);
        open.add(new Open(now, end, false));
      }
      Open next = open.poll();
      now = Math.max(now, next.ends());
      if (next.refused()) {
        limit.refused(next.sent(), now);
      } else {
        accepted--;
        limit.answered(100, now);
        done++;
        sum += done > answers / 2 ? limit.now() : 0;
      }
    }
    return sum / (answers - answers / 2);
  }

  @Test
  void findsWhatAServerWorksOnTogether() {
    for (int together : new int[] {4, 16, 64, 200}) {
      double mean = run(new ConcurrencyLimit(1, 1000), new Server(together, Integer.MAX_VALUE), 20_000, together);
      assertTrue(mean >= 0.9 * together, "an idle server: " + mean + " of " + together);
      assertTrue(mean <= 3 * together + 16, "a crowd before the server: " + mean + " of " + together);
    }
  }

  @Test
  void staysUnderWhatAServerRefuses() {
    double mean = run(new ConcurrencyLimit(1, 1000), new Server(50, 20), 5_000, 1);
    assertTrue(mean >= 12 && mean <= 24, "mean limit " + mean + " where 20 are accepted");
  }

  @Test
  void keepsWithinItsBounds() {
    assertEquals(32, run(new ConcurrencyLimit(32, 32), new Server(4, 10), 1_000, 2));
    assertEquals(12, new ConcurrencyLimit(12, 40).now());
    assertTrue(run(new ConcurrencyLimit(1, 24), new Server(100, 1000), 5_000, 3) <= 24);
  }

  @Test
  void requestsThatWereSentBeforeACutDoNotCutAgain() {
    ConcurrencyLimit limit = new ConcurrencyLimit(8, 100);
    limit.refused(10, 20);
    int once = limit.now();
    for (int i = 0; i < 50; i++) {
      limit.refused(10 + i % 10, 21 + i);
    }
    assertEquals(once, limit.now());
  }

  /**
   * A server that streams answers of 10,000 pieces, each 50 a second, to so many requests at once; others wait, or
   * share with those, or are refused. Returns the limit after a minute, long before the first answer is whole.
   */
  private static int afterAMinute(ConcurrencyLimit limit, int together, boolean share, int most) {
    int[] begins = new int[1000];
    double[] pieces = new double[1000];
    int open = 0;
    int peak = 0;
    for (int tick = 1; tick <= 600; tick++) {
      long now = tick * 100 * MILLI;
      while (open < limit.now()) {
        limit.sent(open + 1, now);
        if (open >= most) {
          limit.refused(now, now + MILLI);
          break;
        }
        begins[open++] = tick + 10; // a second for the prompt
      }
      double each = share ? 5 * Math.min(1, (double) together / open) : 5;
      int begun = 0;
      long sum = 0;
      for (int i = 0; i < open; i++) {
        pieces[i] += tick >= begins[i] && (share || i < together) ? each : 0;
        begun += pieces[i] >= 1 ? 1 : 0;
        sum += (long) pieces[i];
      }
      limit.streamed(open, begun, sum, now);
      peak = Math.max(peak, limit.now());
    }
    assertTrue(peak <= 2 * Math.min(together, most), "at once " + peak + " where it takes " + together);
    return limit.now();
  }

  @Test
  void longAnswersTellBeforeTheyAreWhole() {
    assertEquals(256, afterAMinute(new ConcurrencyLimit(1, 256), 1000, false, 1000));
    for (boolean share : new boolean[] {true, false}) {
      int found = afterAMinute(new ConcurrencyLimit(1, 256), 32, share, 1000);
      assertTrue(found >= 32 && found <= 40, "limit " + found + " where 32 are answered at once");
    }
    int accepted = afterAMinute(new ConcurrencyLimit(1, 256), 1000, false, 20);
    assertTrue(accepted >= 12 && accepted <= 24, "limit " + accepted + " where 20 are accepted");
  }
}
