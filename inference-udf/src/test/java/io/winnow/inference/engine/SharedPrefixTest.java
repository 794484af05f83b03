// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What the scheduler makes of contexts that begin alike. */
class SharedPrefixTest {
  private int prefilled(DrivenScheduler d) {
    while (!d.scheduler.idle()) {
      d.step();
    }
    return d.step.steps.stream().mapToInt(s -> s.rows() - s.decodeRows()).sum();
  }

  private static int[] behind(int[] prefix, int length, int seed) {
    int[] prompt = Script.prompt(new Random(seed), prefix.length + length);
    System.arraycopy(prefix, 0, prompt, 0, prefix.length);
    return prompt;
  }

  @Test
  void whatRequestsBeginWithIsComputedOnceAlsoWhenTheyComeTogether() {
    for (boolean prefixes : new boolean[] {true, false}) {
      DrivenScheduler d = new DrivenScheduler(100, 16, 80, prefixes);
      int[] prefix = Script.prompt(new Random(1), 200);
      for (int id = 0; id < 5; id++) {
        d.add(Script.request(id, behind(prefix, 30, id), 2, Script.params(5)));
      }
      // Three whole pages of the prefix.
      assertEquals(prefixes ? 5 * 230 - 4 * 192 : 5 * 230, prefilled(d));
      assertEquals(prefixes ? 4 * 192 : 0, d.tree.hitTokens());
    }
  }

  @Test
  void whoWaitsForAPrefixGoesOnWhenItsOwnerLeaves() {
    DrivenScheduler d = new DrivenScheduler(100, 16, 20);
    int[] prefix = Script.prompt(new Random(1), 200);
    d.add(Script.request(0, behind(prefix, 30, 0), 2, Script.params(5)));
    List<Sequence> waits = d.add(Script.request(1, behind(prefix, 30, 1), 2, Script.params(5)));
    for (int i = 0; i < 4; i++) {
      d.step();
    }
    assertEquals(1, d.scheduler.prefilling.size());
    assertEquals(2, d.scheduler.remove(s -> s.request.id() == 0).size());
    // 80 tokens of the first were computed, and its only whole page serves the second.
    assertEquals(80 + 230 - 64, prefilled(d));
    assertTrue(waits.stream().allMatch(s -> s.finish != null));
  }

  @Test
  void whoWaitsForAPrefixMayLeave() {
    DrivenScheduler d = new DrivenScheduler(100, 16, 20);
    int[] prefix = Script.prompt(new Random(1), 200);
    d.add(Script.request(0, behind(prefix, 30, 0), 2, Script.params(5)));
    List<Sequence> waits = d.add(Script.request(1, behind(prefix, 30, 1), 2, Script.params(5)));
    for (int i = 0; i < 4; i++) {
      d.step();
    }
    assertEquals(waits, d.scheduler.remove(s -> s.request.id() == 1));
    assertEquals(230, prefilled(d));
    assertEquals(100, d.pool.freePages());
  }

  @Test
  void aPreemptedSequenceFindsWhatIsLeftOfItsPages() {
    int[] computed = new int[2];
    for (int on = 0; on < 2; on++) {
      DrivenScheduler d = new DrivenScheduler(9, 6, 400, on == 1);
      d.add(Script.request(0, SchedulerTest.longLived(100), 6, Script.params(60)));
      computed[on] = prefilled(d);
      assertTrue(d.scheduler.preemptions() > 0, "nothing was preempted");
    }
    assertTrue(computed[1] <= computed[0] - 64, computed[1] + " tokens instead of " + computed[0]);
  }

  @Test
  void rowsThatSharePagesAreNeighbours() {
    DrivenScheduler d = new DrivenScheduler(300, 40, 200);
    int[] one = SchedulerTest.longLived(64);
    int[] other = Script.prompt(new Random(2), 64);
    for (int id = 0; id < 8; id++) {
      int[] shot = behind(id % 2 == 0 ? one : other, 64, id % 4);
      d.add(Script.request(id, behind(shot, 10, 100 + id), 3, Script.params(40)));
    }
    int most = 0;
    while (!d.scheduler.idle()) {
      d.step();
      for (int depth = 0; depth < 2; depth++) {
        List<List<Integer>> runs = new ArrayList<>();
        for (int row = 0; row < d.batch.decodeRows; row++) {
          List<Integer> path = Arrays.stream(d.batch.pages[row], 0, depth + 1).boxed().toList();
          if (runs.isEmpty() || !runs.get(runs.size() - 1).equals(path)) {
            runs.add(path);
          }
        }
        assertEquals(new HashSet<>(runs).size(), runs.size(), "rows with the same pages are apart");
        most = Math.max(most, runs.size());
      }
    }
    assertEquals(4, most);
  }
}
