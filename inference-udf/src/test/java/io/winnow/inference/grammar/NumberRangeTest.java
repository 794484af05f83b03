// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.inference.AnswerFormat;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Bounds of decimals beside comparisons of {@link BigDecimal}; those of whole numbers are in JsonSchemaTest. */
@Timeout(120)
class NumberRangeTest {
  private static final BigDecimal LEAST = new BigDecimal("1e-18");

  private static Automaton automaton(JsonNode schema) {
    return AnswerGrammars.automaton(AnswerFormat.jsonSchema(schema.toString()));
  }

  private static boolean matches(Automaton automaton, String text) {
    return automaton.matches(text.getBytes(StandardCharsets.UTF_8));
  }

  private static BigDecimal decimal(Random random) {
    BigDecimal whole = new BigDecimal(random.nextInt(1 << 1 + random.nextInt(20)));
    return (random.nextBoolean() ? whole : whole.negate()).movePointLeft(random.nextInt(7));
  }

  @Test
  void aTextIsAllowedWhereItsNumberIsBetweenTheBounds() {
    Random random = Seed.random("NumberRangeTest");
    for (int i = 0; i < 400; i++) {
      ObjectNode schema = JsonNodeFactory.instance.objectNode().put("type", "number");
      BigDecimal low = decimal(random);
      BigDecimal high = low.add(decimal(random).abs()).add(random.nextInt(4) == 0 ? LEAST : new BigDecimal("0.01"));
      List<BigDecimal> values = new ArrayList<>(List.of(BigDecimal.ZERO, BigDecimal.ONE, new BigDecimal("-0.5")));
      int kind = random.nextInt(3);
      if (kind != 0) {
        schema.put(random.nextBoolean() ? "minimum" : "exclusiveMinimum", low);
      }
      if (kind != 1) {
        schema.put(random.nextBoolean() ? "maximum" : "exclusiveMaximum", high);
      }
      for (BigDecimal bound : List.of(low, high)) {
        for (BigDecimal step : List.of(BigDecimal.ZERO, LEAST, new BigDecimal("0.1"), BigDecimal.ONE, BigDecimal.TEN)) {
          values.add(bound.add(step));
          values.add(bound.subtract(step));
        }
      }
      for (int k = 0; k < 20; k++) {
        values.add(decimal(random));
        values.add(low.add(high.subtract(low).multiply(new BigDecimal(random.nextInt(1001)).movePointLeft(3))));
      }
      Automaton automaton = automaton(schema);
      for (BigDecimal value : values) {
        boolean within = RandomSchema.conforms(schema, JsonNodeFactory.instance.numberNode(value));
        String text = value.toPlainString();
        String more = text + (text.contains(".") ? "0" : ".0");
        for (String one : List.of(text, more, value.stripTrailingZeros().toPlainString())) {
          boolean fits = !one.contains(".") || one.length() - one.indexOf('.') <= 19;
          assertEquals(within && fits, matches(automaton, one), one + " of " + schema);
        }
        assertFalse(matches(automaton, text + "e0"), "an exponent beside bounds");
        assertFalse(matches(automaton, (text.startsWith("-") ? "-0" : "0") + text.replace("-", "")), "0" + text);
      }
    }
  }

  @Test
  void boundsWithMoreDigitsThanTextsHaveLieWhereTheyLie() {
    String half = "0.5" + "0".repeat(24) + "1";
    String[][] cases = {
        {"\"minimum\": " + half, "0.500000000000000001", "0.5"},
        {"\"maximum\": " + half, "0.5", "0.500000000000000001"},
        {"\"minimum\": 0.4" + "9".repeat(24), "0.5", "0.499999999999999999"},
        {"\"maximum\": 0.4" + "9".repeat(24), "0.499999999999999999", "0.5"},
        {"\"minimum\": -" + half, "-0.5", "-0.500000000000000001"},
        {"\"maximum\": -" + half, "-0.500000000000000001", "-0.5"},
        {"\"minimum\": 0e-999999999", "0", "-1"},
        {"\"minimum\": 1e-999999999", "0.000000000000000001", "0"},
        {"\"maximum\": -1e-999999999", "-0.000000000000000001", "0"},
        {"\"maximum\": 1e999999999", "999999999999999999.999999999999999999", "1000000000000000000"},
        {"\"minimum\": -1e999999999, \"maximum\": 0", "-999999999999999999.9", "0.1"},
        {"\"minimum\": 0, \"exclusiveMinimum\": 0, \"maximum\": 2, \"exclusiveMaximum\": 3", "2.000", "0.0"},
    };
    for (String[] one : cases) {
      Automaton automaton =
          AnswerGrammars.automaton(AnswerFormat.jsonSchema("{\"type\": \"number\", " + one[0] + "}"));
      assertTrue(matches(automaton, one[1]), one[1] + " of " + one[0]);
      assertFalse(matches(automaton, one[2]), one[2] + " of " + one[0]);
    }
    Automaton both =
        AnswerGrammars.automaton(
            AnswerFormat.jsonSchema("{\"type\": [\"integer\", \"number\"], \"minimum\": 0}"));
    assertTrue(matches(both, "5") && matches(both, "0.5"));
    assertFalse(matches(both, "-5"));
    Automaton whole =
        AnswerGrammars.automaton(AnswerFormat.jsonSchema("{\"type\": \"integer\", \"minimum\": 1e-999999999}"));
    assertTrue(matches(whole, "1"));
    assertFalse(matches(whole, "0"));
  }
}
