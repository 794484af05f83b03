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
      "{\"modles\": {}} | 'modles' in the table, known are models, engine_hour, perhaps 'models' is meant",
      "{\"engine_hour\": -1} | engine_hour is -1 and not a number",
      "{\"engine_hour\": \"1\"} | engine_hour is \"1\" and not a number",
      "{\"engine_hour\": 1e999} | engine_hour is",
      "{\"engine_hour\": null} | engine_hour is null",
      "{\"engine_hour\": 1, \"engine_hour\": 2} | Duplicate field",
      "{\"engine_hour\": 1} x | it is not JSON (line 1",
      "{\"models\": []} | 'models' is no object",
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
