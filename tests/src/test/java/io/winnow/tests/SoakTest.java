// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** By {@code make soak}. */
@Tag("soak")
@EnabledIfSystemProperty(named = "winnow.soak.minutes", matches = "[0-9.]+", disabledReason = "make soak MINUTES=N")
class SoakTest {
  @TempDir Path folder;

  @Test
  void aJobThatIsKilledAgainAndAgainEndsWhole() throws Exception {
    double minutes = Double.parseDouble(System.getProperty("winnow.soak.minutes"));
    int killSeconds = Integer.getInteger("winnow.soak.kill", 20);
    long seed = Long.getLong("winnow.seed", System.nanoTime() % 1_000_000);
    System.out.printf("SoakTest: %s minutes, -Dwinnow.seed=%d%n", minutes, seed);
    assertTrue(new Soak(folder, seed, System.out).run(minutes, killSeconds), "see above");
  }
}
