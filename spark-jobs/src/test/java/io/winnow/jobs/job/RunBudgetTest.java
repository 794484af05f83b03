// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.SettingValues;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RunBudgetTest {
  private final AtomicLong clock = new AtomicLong(5_000_000_000L);
  private final AtomicBoolean asked = new AtomicBoolean();

  private RunBudget budget(Map<String, String> options) {
    return new RunBudget(
        SettingValues.ofMap(GenerateSettings.ALL, options, key -> null), asked::get, clock::get, clock.get());
  }

  @Test
  void withoutBudgetsOnlyAnAskedStopEndsTheRun() {
    RunBudget budget = budget(Map.of());
    clock.addAndGet(Long.MAX_VALUE / 2);
    budget.used(Long.MAX_VALUE, 1e300);
    assertFalse(budget.getAsBoolean());
    assertNull(budget.reason());
    asked.set(true);
    assertTrue(budget.getAsBoolean());
    assertEquals("asked to stop", budget.reason());
  }

  @Test
  void timeIsUpAtTheEndOfTheDuration() {
    RunBudget budget = budget(Map.of("max-duration", "1m"));
    clock.addAndGet(59_999_999_999L);
    assertFalse(budget.getAsBoolean());
    clock.addAndGet(1);
    assertTrue(budget.getAsBoolean());
    assertEquals("--max-duration 60 s reached (60.0 s)", budget.reason());
  }

  @Test
  void tokensAndCostCountWhatIsUsedAndNeverGoBack() {
    RunBudget tokens = budget(Map.of("max-tokens-total", "1000"));
    tokens.used(999, 5);
    assertFalse(tokens.getAsBoolean());
    tokens.used(1_016, 5);
    tokens.used(3, 0);
    assertTrue(tokens.getAsBoolean());
    assertEquals("--max-tokens-total 1,000 reached (1,016 tokens seen)", tokens.reason());

    RunBudget cost = budget(Map.of("max-cost", "0.25"));
    cost.used(1_000_000, 0.249999);
    assertFalse(cost.getAsBoolean());
    cost.used(1_000_001, 0.2500004);
    assertTrue(cost.getAsBoolean());
    assertEquals("--max-cost 0.25 reached (0.250000 USD seen)", cost.reason());
  }

  @Test
  void theFirstReasonStays() {
    RunBudget budget = budget(Map.of("max-tokens-total", "10", "max-duration", "1"));
    budget.used(10, 0);
    assertTrue(budget.getAsBoolean());
    clock.addAndGet(2_000_000_000L);
    asked.set(true);
    assertTrue(budget.getAsBoolean());
    assertTrue(budget.reason().startsWith("--max-tokens-total"), budget.reason());
  }
}
