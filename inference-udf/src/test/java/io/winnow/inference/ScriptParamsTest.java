// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ScriptParamsTest {
  private static SettingValues values(String model) {
    return SettingValues.ofMap(
        GenerateSettings.ALL, Map.of("prompts", "p.jsonl", "out", "t", "model", model), key -> null);
  }

  @Test
  void bareNameTakesTheDefaults() {
    assertEquals(new ScriptParams(0, 32, 0.1, 4096, null, null, null, 0), ScriptParams.of("scripted:"));
    assertFalse(ScriptParams.isScripted("models/scripted"));
    assertFalse(ScriptParams.isScripted("./scripted:"));
  }

  @Test
  void allParametersAreRead() {
    assertEquals(
        new ScriptParams(0.5, 100, 0.25, 512, "boom", "oops", "nil", 70),
        ScriptParams.of(
            "scripted:step-ms=.5,tokens=100,tail=0.25,context=512,crash=boom,fault=oops,nan=nil,load-ms=70"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "tokns=5", "tokens", "tokens=", "=5", "tokens=0", "tokens=1.5", "tokens=-1", "tokens=100001", "tokens=x",
        "tail=1.1", "tail=NaN", "tail=1e0", "context=15", "context=2000000", "step-ms=-1", "step-ms=60001",
        "load-ms=-1", "crash=",
        "tokens=5,tokens=5"
      })
  void whatCannotBeIsRefusedBeforeWorkStarts(String parameters) {
    String model = "scripted:" + parameters;
    UsageException e = assertThrows(UsageException.class, () -> GenerateSettings.validate(values(model)));
    assertTrue(e.getMessage().startsWith("Cannot use the made-up model '" + model + "': "), e.getMessage());
    assertTrue(
        e.getMessage().contains("step-ms, tokens, tail, context, crash, fault, nan and load-ms"), e.getMessage());
    assertFalse(e.getMessage().contains("\n"));
  }

  @Test
  void onlyWhatChangesTokensIsInTheContent() {
    String plain = ScriptParams.of("scripted:").canonical();
    assertEquals(
        plain, ScriptParams.of("scripted:tokens=32,step-ms=3,crash=a,fault=b,nan=c,load-ms=9,tail=.1").canonical());
    for (String other : new String[] {"tokens=33", "tail=0.2", "context=4095"}) {
      assertNotEquals(plain, ScriptParams.of("scripted:" + other).canonical());
    }
  }

  @Test
  void theNameIsNoPath() {
    String model = "scripted:tokens=20,crash=a/../b";
    GenerateSettings.validate(values(model));
    assertEquals(model, GenerateSettings.engineSpec(values(model)).model());
  }
}
