// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * However a run is disturbed: nothing lost, nothing twice, nothing different. By {@code make faults}, or with {@code
 * -Dwinnow.trials}, {@code -Dwinnow.seed} and {@code -Dwinnow.fault}, as many of whichever kind one likes.
 */
@Tag("faults")
class FaultTrialsTest {
  /** Other kinds each time, so that a few runs of the tests have seen all; {@code make faults} takes each of them. */
  private static final int TRIALS = 6;

  @TempDir Path folder;

  @Test
  void noFaultChangesTheTable() throws Exception {
    int trials = Integer.getInteger("winnow.trials", TRIALS);
    long seed = Long.getLong("winnow.seed", System.nanoTime() % 1_000_000);
    String kind = System.getProperty("winnow.fault", "");
    List<FaultKind> kinds = kind.isEmpty() ? List.of(FaultKind.values()) : List.of(FaultKind.of(kind));
    System.out.printf("FaultTrialsTest: %d trials, -Dwinnow.seed=%d%n", trials, seed);
    List<FaultTrial> done = new FaultTrials(folder, System.out).run(trials, seed, kinds);
    FaultTrials.print(done, System.out);
    assertEquals(trials, done.size());
    assertEquals(List.of(), done.stream().filter(trial -> !trial.clean()).map(FaultTrial::toString).toList());
  }
}
