// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.udf.EngineHost;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Two engines in one JVM: each with its share of memory and threads, or none where they do not fit. */
class SideBySideTest {
  @AfterEach
  void close() {
    EngineHost.closeIdle();
  }

  private static EngineSpec spec(int threads, int cacheTokens) {
    return new EngineSpec(Invocation.MODEL.toString(), "auto", threads, 0, cacheTokens, null, Map.of());
  }

  @Test
  void sharesAddUpToWhatThereIs() {
    EngineSpec bf16 = new EngineSpec(Invocation.MODEL.toString(), "bf16", 4, 0, 0, null, Map.of());
    List<EngineSpec> both = EngineHost.sideBySide(List.of(spec(4, 0), bf16));
    assertEquals(List.of(2, 2), both.stream().map(EngineSpec::threads).toList());
    long total = both.stream().mapToLong(sized -> EngineHost.memory(sized).total()).sum();
    assertTrue(total <= EngineHost.memory().available(), total + " of " + EngineHost.memory().explained());
    // Both are held at once, and both are as they were asked for.
    try (EngineHost.Lease one = EngineHost.acquire(both.get(0));
        EngineHost.Lease two = EngineHost.acquire(both.get(1))) {
      ModelInfo first = one.runtime().info();
      assertEquals(first.fingerprint(), two.runtime().info().fingerprint());
      assertTrue(one.runtime() != two.runtime());
    }
  }

  @Test
  void whatDoesNotFitTogetherHasNoShares() {
    // Each alone would fit: its cache takes two thirds of the memory.
    long available = EngineHost.memory().available();
    long bytes = EngineHost.memory(spec(4, 100_000)).kvCache() / 100_000;
    int tokens = (int) Math.min(Integer.MAX_VALUE / 2, available * 2 / 3 / bytes);
    assertTrue(EngineHost.memory(spec(4, tokens)).fits());
    assertEquals(List.of(), EngineHost.sideBySide(List.of(spec(4, tokens), spec(4, tokens))));
    assertEquals(List.of(), EngineHost.sideBySide(List.of(spec(1, 0), spec(1, 0))));
  }
}
