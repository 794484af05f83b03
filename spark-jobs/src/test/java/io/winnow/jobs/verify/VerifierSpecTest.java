// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.conf.UsageException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class VerifierSpecTest {
  @Test
  void readsNameAndParameters() {
    assertEquals(new VerifierSpec("math", Map.of()), VerifierSpec.parse("math"));
    VerifierSpec spec = VerifierSpec.parse("math:config=winnow");
    assertEquals(Map.of("config", "winnow"), spec.params());
    assertEquals("math", spec.verifier().name());
  }

  @Test
  void refusesWhatNamesNoVerifier() {
    for (String text : List.of("moth", "math:size=3", "math:config=odd", "math:config", "math:", "math:=winnow",
        "math:config=winnow,config=winnow")) {
      UsageException e = assertThrows(UsageException.class, () -> VerifierSpec.parse(text), text);
      assertTrue(e.getMessage().startsWith("Cannot use --verifier '" + text + "': "), e.getMessage());
    }
  }

  @Test
  void parametersGoIntoATableAndBack() {
    VerifierSpec spec = new VerifierSpec("v", Map.of("b", "2", "a", "\"x\""));
    assertEquals("{\"a\":\"\\\"x\\\"\",\"b\":\"2\"}", spec.paramsJson());
    assertEquals(spec, VerifierSpec.stored("v", spec.paramsJson()));
    assertEquals(Map.of(), VerifierSpec.stored("v", null).params());
    assertThrows(IllegalArgumentException.class, () -> VerifierSpec.stored("v", "[1]"));
  }
}
