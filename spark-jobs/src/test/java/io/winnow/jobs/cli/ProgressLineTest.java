// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.EngineStats;
import io.winnow.inference.EngineStats.Load;
import io.winnow.jobs.cli.ProgressLine.Snapshot;
import io.winnow.jobs.job.Accounts;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProgressLineTest {
  private static final EngineStats ENGINES =
      new EngineStats(
          1000, 20_000, 60_000, 48_000, 3, 4800, 80_000, 10_000, 48_000, new Load(0, 0, 64, 0, 700, 1000), Map.of());

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private long seconds;

  private ProgressLine line(boolean terminal) {
    return new ProgressLine(
        new PrintStream(bytes, true, StandardCharsets.UTF_8), terminal, () -> seconds * 1_000_000_000L);
  }

  private String text() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void workWithoutTokensTellsItsOwnSpeed() {
    ProgressLine line =
        new ProgressLine(
            new PrintStream(bytes, true, StandardCharsets.UTF_8), false, () -> seconds * 1_000_000_000L, "rows");
    line.update(new Snapshot(0, 800, 0, 0, 0, 0));
    seconds = 10;
    line.update(new Snapshot(120, 800, 2, 0, 60, 100));
    assertEquals("120/800 rows · 15.0 % · 12 rows/s · verified 60 % · 2 failed · ETA 57 s", text().strip());
  }

  @Test
  void printsALineEachTenSecondsWhereThereIsNoTerminal() {
    ProgressLine line = line(false);
    line.update(new Snapshot(0, 800, 0, 0, 0, 0));
    seconds = 5;
    line.update(new Snapshot(6, 800, 0, 1550, 3, 5));
    assertEquals("", text());
    seconds = 10;
    line.update(new Snapshot(12, 800, 0, 3100, 6, 10));
    assertEquals("12/800 traces · 1.5 % · 310 tok/s · verified 60 % · ETA 11 min", text().strip());
    seconds = 12;
    line.close();
    assertEquals(2, text().lines().count());
    assertFalse(text().contains("\r1"));
  }

  @Test
  void redrawsInPlaceOnATerminal() {
    ProgressLine line = line(true);
    line.update(new Snapshot(0, 10, 0, 0, 0, 0));
    seconds = 1;
    line.update(new Snapshot(5, 10, 1, 100, 0, 0));
    seconds = 2;
    line.update(new Snapshot(10, 10, 1, 200, 0, 0));
    line.close();
    String[] drawn = text().split("\r");
    assertEquals("5/10 traces · 50.0 % · 100 tok/s · 1 failed · ETA 1.0 s", drawn[1]);
    assertEquals("10/10 traces · 100.0 % · 100 tok/s · 1 failed", drawn[2].strip());
    assertTrue(drawn[2].length() >= drawn[1].length(), "the longer line before is painted over");
    assertTrue(text().endsWith(System.lineSeparator()));
  }

  @Test
  void speedIsThatOfTheLastHalfMinute() {
    ProgressLine line = line(false);
    for (seconds = 0; seconds <= 100; seconds += 10) {
      line.update(new Snapshot(seconds, 0, 0, seconds <= 50 ? 0 : (seconds - 50) * 7, 0, 0));
    }
    assertTrue(text().strip().endsWith("100 traces · 7 tok/s"), text());
  }

  @ParameterizedTest
  @CsvSource({"0,0.0 s", "9.94,9.9 s", "42.4,42 s", "60,1 min", "185,3 min 5 s", "900,15 min", "7800,2 h 10 min"})
  void timesAreShort(double time, String text) {
    assertEquals(text, ProgressLine.duration(time));
  }

  @Test
  void theSummaryIsAligned() {
    PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    SummaryPrinter.print(
        out,
        new RunSummary(
            "target/traces", 1200, 4800, 16, 2440, 4000, Map.of("prompt_empty", 2L, "broken_line", 1L), 500_000, 200,
            250, true, true, "--max-tokens-total 500,000 reached (500,016 tokens seen)", 0.1234567,
            new Accounts(9600, 16, 4800, 4786, -2), ENGINES));
    String text = text();
    assertTrue(text.contains("prompts        1,200"), text);
    assertTrue(text.contains("traces         4,800 (and 16 from earlier runs)"), text);
    assertTrue(text.contains("verified       61.0 % correct (2,440 of 4,000 decided)"), text);
    assertTrue(text.contains("failed         3 (broken_line 1, prompt_empty 2)"), text);
    assertTrue(text.contains("tokens/s       2500.0"), text);
    String prefill = "20,000 tokens, 12.5 % of the engine's time; 60,000 more were in the cache (75.0 %)";
    assertTrue(text.contains("prefill        " + prefill), text);
    assertTrue(text.contains("mean batch     48.0 of 64 sequences"), text);
    assertTrue(text.contains("KV cache       70.0 % at most; 3 preemptions"), text);
    assertTrue(text.contains("wall time      4 min 10 s"), text);
    assertTrue(
        text.contains("accounted      9,600 wanted = 16 before + 4,800 now + 4,786 to do - 2 by others meanwhile"), text);
    assertTrue(text.contains("cost           0.123457 USD by the price table"), text);
    assertTrue(
        text.contains(
            "stopped        --max-tokens-total 500,000 reached (500,016 tokens seen); more is to do; the same command"),
        text);
    assertTrue(text.contains("FROM delta.`target/traces` LIMIT 20"), text);
  }

  @Test
  void theSummaryOfATableNamesIt() {
    PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    SummaryPrinter.print(
        out,
        new RunSummary(
            "lake.math.traces", 1, 0, 8, 0, 0, Map.of(), 0, 0, 1, false, false, null, null, null, EngineStats.NONE));
    assertTrue(text().contains("nothing to do  all traces were there already"), text());
    assertTrue(text().contains("FROM lake.math.traces LIMIT"), text());
    assertTrue(text().contains("spark.table(\"lake.math.traces\")"), text());
    assertFalse(text().contains("verified"), text());
    assertFalse(text().contains("prefill") || text().contains("batch") || text().contains("KV"), text());
  }

  @Test
  void theLineTellsHowFullEnginesAre() {
    ProgressLine line = line(false);
    line.update(new Snapshot(0, 800, 0, 0, 0, 0, EngineStats.NONE));
    seconds = 10;
    line.update(new Snapshot(0, 800, 0, 5000, 0, 0, engines(100, 1000, 0, 5000, 0, new Load(50, 0, 64, 20, 20, 50))));
    assertEquals("0/800 traces · 0.0 % · 500 tok/s · prefill 100 tok/s · batch 50/64 · KV 40 %", text().strip());
    bytes.reset();
    seconds = 40;
    line.update(
        new Snapshot(
            20, 800, 0, 20_000, 0, 0, engines(350, 1000, 3000, 20_000, 2, new Load(10, 7, 64, 50, 50, 50))));
    // The last half minute: 15,000 tokens in 250 steps, and no prompt that was not in the cache.
    assertEquals(
        "20/800 traces · 2.5 % · 500 tok/s · batch 60/64 · KV 100 % · prefix 75 % · 2 preempted · queue 7 · ETA 20 min",
        text().strip());
  }

  private static EngineStats engines(
      long steps, long prompt, long prefix, long decode, long preemptions, Load load) {
    return new EngineStats(steps, prompt, prefix, decode, preemptions, 0, 1, 0, decode, load, Map.of());
  }

  @Test
  void theLineFitsATerminal() {
    long m = 1_000_000;
    for (boolean all : new boolean[] {false, true}) {
      bytes.reset();
      seconds = 0;
      ProgressLine line = line(false);
      line.update(new Snapshot(0, 8 * m, 0, 0, 0, 0, EngineStats.NONE));
      seconds = 30;
      long failed = all ? 1_234_567 : 0;
      Load load = new Load(255, 123_456, 256, 999, 999, 1000);
      line.update(
          new Snapshot(
              7 * m + 654_321, 8 * m, failed, 60 * m, m, 3 * m, engines(m / 4, 30 * m, 20 * m, 60 * m, 12_345, load)));
      String shown = text().strip();
      assertTrue(shown.length() <= ProgressLine.COLUMNS, shown.length() + ": " + shown);
      assertTrue(shown.startsWith("7654321/8000000 traces · 95.7 % · 2000000 tok/s"), shown);
      assertTrue(shown.endsWith("verified 33 %" + (all ? " · 1234567 failed" : "") + " · ETA 1.4 s"), shown);
    }
  }
}
