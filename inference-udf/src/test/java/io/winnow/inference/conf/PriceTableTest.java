// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PriceTableTest {
  private static final String TABLE =
      "{\"models\": {\"m\": {\"prompt_per_million\": 2, \"completion_per_million\": 10.5},"
          + " \"ab12\": {\"prompt_per_million\": 0, \"completion_per_million\": 1}}, \"engine_hour\": 3.6}";

  private static double cost(String table, List<String> names, int slots) {
    return PriceTable.parse("f", table).of(names, slots).of(1_000, 2_000, 500);
  }

  @Test
  void addsPromptCompletionAndTheShareOfAnEngine() {
    // 1,000 · 2 / 10⁶ + 2,000 · 10.5 / 10⁶ + 0.5 s · 3.6 / 3,600 s / 4 slots
    assertEquals(0.002 + 0.021 + 0.000125, cost(TABLE, List.of("m"), 4), 1e-15);
  }

  @Test
  void findsAModelByTheFirstOfItsNames() {
    assertEquals(0.002 + 0.0005, cost(TABLE, List.of("other", "ab12", "m"), 1), 1e-15);
  }

  @Test
  void anEngineHourAloneOrTokensAloneAreEnough() {
    assertEquals(0.0005, cost("{\"engine_hour\": 3.6}", List.of("x"), 1), 1e-15);
    String tokens = "{\"models\": {\"m\": {\"prompt_per_million\": 0, \"completion_per_million\": 1}}}";
    assertEquals(0.002, cost(tokens, List.of("m"), 1), 1e-15);
  }

  @Test
  void cachedTokensHaveAPriceOfTheirOwnWhereItIsNamed() {
    String tokens =
        "{\"models\": {\"m\": {\"prompt_per_million\": 2, \"completion_per_million\": 10%s}}}";
    List<String> names = List.of("m");
    String own = tokens.formatted(", \"cached_prompt_per_million\": 0.5");
    // 600 · 2 / 10⁶ + 400 · 0.5 / 10⁶ + 100 · 10 / 10⁶
    assertEquals(0.0012 + 0.0002 + 0.001, PriceTable.parse("f", own).of(names, 1).of(1_000, 400, 100, 0), 1e-15);
    assertEquals(0.002 + 0.001, PriceTable.parse("f", tokens.formatted("")).of(names, 1).of(1_000, 400, 100, 0), 1e-15);
  }

  @Test
  void hoursAreThoseOfTheMachineThatComputes() {
    PriceTable table =
        PriceTable.parse(
            "f.yaml",
            "models:\n  ours: {gpus: 8, at_once: 100}\n  hosted: {prompt_per_million: 0, completion_per_million: 0}\n"
                + "engine_hour: 1\ncore_hour: 0.5\ngpu_hour: 3\n");
    PriceTable.Machine executor = new PriceTable.Machine(10, 4, 2, true);
    PriceTable.Machine server = new PriceTable.Machine(10, 4, 2, false);
    long hour = 3_600_000;
    // An hour of a tenth of 1 + 4 · 0.5 + 2 · 3.
    assertEquals(0.9, table.of(List.of("embedded"), executor).of(0, 0, hour), 1e-12);
    // An hour of a hundredth of 8 · 3, wherever it runs.
    assertEquals(0.24, table.of(List.of("ours"), server).of(0, 0, hour), 1e-12);
    assertEquals(0.24, table.of(List.of("ours"), executor).of(0, 0, hour), 1e-12);
    assertEquals(0, table.of(List.of("hosted"), server).of(0, 0, hour), 0);
    UsageException e = assertThrows(UsageException.class, () -> table.of(List.of("other"), server));
    assertTrue(e.getMessage().contains("hours are paid by engines of Winnow's own"), e.getMessage());
  }

  @Test
  void otherCurrenciesSayWhatADollarIs() {
    String euros =
        "{\"currency\": \"EUR\", \"usd\": 1.1, \"models\": {\"m\": {\"prompt_per_million\": 2,"
            + " \"completion_per_million\": 10}}, \"engine_hour\": 3.6}";
    assertEquals(1.1 * (0.002 + 0.02 + 0.0005), cost(euros, List.of("m"), 1), 1e-15);
  }

  @Test
  void theCheaperModelRanksFirstAndHoursCountNothingThere() {
    PriceTable table =
        PriceTable.parse(
            "f",
            "{\"models\": {\"a\": {\"prompt_per_million\": 3, \"completion_per_million\": 5}, \"b\":"
                + " {\"prompt_per_million\": 1, \"completion_per_million\": 6}}, \"engine_hour\": 99}");
    assertTrue(table.of(List.of("b"), 1).rank() < table.of(List.of("a"), 1).rank());
    assertEquals(0, table.of(List.of("own"), 1).rank());
  }

  @Test
  void refusesAModelWithoutAPrice() {
    String tokens = "{\"models\": {\"m\": {\"prompt_per_million\": 0, \"completion_per_million\": 1}}}";
    UsageException e = assertThrows(UsageException.class, () -> cost(tokens, List.of("other", "f00"), 1));
    assertEquals(
        "Cannot use --prices 'f': it has no price of the model other, only of m. Add the model by its name or its"
            + " fingerprint, or an engine_hour.",
        e.getMessage());
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
      "{\"models\": {}} | it has no price",
      "{} | it has no price",
      "[] | the table is no JSON object",
      "{\"modles\": {}} | 'modles' in the table, known are models, engine_hour, core_hour,",
      "{\"engine_hour\": -1} | engine_hour is -1 and not a number",
      "{\"engine_hour\": \"1\"} | engine_hour is \"1\" and not a number",
      "{\"engine_hour\": 1e999} | engine_hour is",
      "{\"engine_hour\": null} | engine_hour is null",
      "{\"engine_hour\": 1, \"engine_hour\": 2} | Duplicate field",
      "{\"engine_hour\": 1} x | it is not JSON (line 1",
      "{\"models\": []} | 'models' is no object",
      "{\"currency\": \"EUR\", \"engine_hour\": 1} | it is in EUR and lacks 'usd'",
      "{\"usd\": 1.1, \"engine_hour\": 1} | 'currency' must be three capital letters",
      "{\"models\": {\"m\": {\"gpus\": 8}}} | the model 'm' pays for its machine, and the table has no 'gpu_hour'",
      "{\"models\": {\"m\": 3}} | the model 'm' is no JSON object",
      "{\"models\": {\"m\": {\"prompt_per_million\": 1}}} | lacks 'completion_per_million', which may be 0",
      "{\"models\": {\"m\": {\"prompt\": 1}}} | unknown field 'prompt' in the model 'm'",
      "{\"models\": {\"m\": {\"prompt_per_million\": 1, \"completion_per_million\": -0.1}}} | of 'm' is -0.1 and not",
  })
  void refusesWhatIsNoPriceTable(String json, String why) {
    UsageException e = assertThrows(UsageException.class, () -> PriceTable.parse("f", json));
    assertTrue(e.getMessage().startsWith("Cannot use --prices 'f': "), e.getMessage());
    assertTrue(e.getMessage().contains(why), e.getMessage());
    assertFalse(e.getMessage().contains("\n"), e.getMessage());
  }

  @Test
  void isReadBeforeAnythingStarts(@TempDir Path folder) throws Exception {
    Path good = Files.writeString(folder.resolve("good.json"), TABLE);
    Path bad = Files.writeString(folder.resolve("bad.json"), "{\"engine_hour\": -2}");
    Map<String, String> base = Map.of("prompts", "p", "model", "m", "out", "o", "max-cost", "1");
    GenerateSettings.validate(values(base, good.toString()));
    assertTrue(refusal(base, bad.toString()).contains("engine_hour is -2"));
    assertTrue(refusal(base, folder + "/none").startsWith("Cannot read --prices '" + folder + "/none': there is no"));
    assertTrue(refusal(base, null).startsWith("Cannot use --max-cost without --prices"));
  }

  private static SettingValues values(Map<String, String> options, String prices) {
    Map<String, String> all = new java.util.HashMap<>(options);
    if (prices != null) {
      all.put("prices", prices);
    }
    return SettingValues.ofMap(GenerateSettings.ALL, all, key -> null);
  }

  private static String refusal(Map<String, String> options, String prices) {
    return assertThrows(UsageException.class, () -> GenerateSettings.validate(values(options, prices))).getMessage();
  }
}
