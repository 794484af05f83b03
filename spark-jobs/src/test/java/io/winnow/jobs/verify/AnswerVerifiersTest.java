// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Choice, texts, regular expressions and numbers; the cases are data, their verdicts written by hand. */
class AnswerVerifiersTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static List<JsonNode> cases() throws IOException {
    List<JsonNode> out = new ArrayList<>();
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                AnswerVerifiersTest.class.getResourceAsStream("/verify/answers.jsonl"), StandardCharsets.UTF_8))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        out.add(JSON.readTree(line));
      }
    }
    return out;
  }

  private static Map<String, String> params(JsonNode node) {
    Map<String, String> out = new TreeMap<>();
    node.path("params").fields().forEachRemaining(f -> out.put(f.getKey(), f.getValue().asText()));
    return out;
  }

  @Test
  void judgesAsThePeopleWhoWroteTheCases() throws IOException {
    List<String> wrong = new ArrayList<>();
    for (JsonNode node : cases()) {
      Verifier verifier = Verifiers.byName(node.get("verifier").asText(), params(node));
      String gold = node.get("gold").isNull() ? null : node.get("gold").asText();
      Verdict verdict =
          verifier.verify(
              new VerificationRequest(gold, node.get("text").asText(), node.path("truncated").asBoolean()));
      boolean same =
          verdict.value().label().equals(node.get("verdict").asText())
              && (!node.has("extracted") || verdict.value() == Verdict.Value.INCORRECT && node.get("extracted").isNull()
                  || node.get("extracted").asText().equals(verdict.extracted()))
              && (!node.has("detail") || node.get("detail").asText().equals(verdict.detail()));
      if (!same) {
        wrong.add(node + " → " + verdict);
      }
      assertNotNull(verdict.detail(), () -> node + " has no evidence");
      boolean decided = verdict.value() == Verdict.Value.CORRECT || verdict.value() == Verdict.Value.INCORRECT;
      assertEquals(decided, verdict.score() != null);
    }
    assertEquals(List.of(), wrong);
  }

  @Test
  void parametersAreCheckedWhenAVerifierIsMade() {
    String[][] wrong = {
      {"choice", "choices", "1"}, {"choice", "choices", "x"}, {"choice", "options", "[1"},
      {"choice", "options", "[\"a\"]"}, {"choice", "index", "2"}, {"choice", "multiple", "yes"},
      {"choice", "extract", "none"}, {"choice", "case", "fold"},
      {"exact", "case", "fold"}, {"normalized", "case", "lower"}, {"regex", "pattern", "("}, {"regex", "flags", "q"},
      {"numeric", "abs", "-1"}, {"numeric", "rel", "x"}, {"numeric", "rel", "1e999999"},
      {"numeric", "percent", "maybe"},
    };
    for (String[] each : wrong) {
      IllegalArgumentException refused =
          assertThrows(
              IllegalArgumentException.class, () -> Verifiers.byName(each[0], Map.of(each[1], each[2])),
              each[0] + each[1]);
      assertTrue(refused.getMessage().contains(each[1]), refused.getMessage());
      assertEquals(1, refused.getMessage().lines().count());
    }
    assertThrows(
        IllegalArgumentException.class, () -> Verifiers.byName("regex", Map.of("pattern", "a", "match", "find")));
    assertThrows(
        IllegalArgumentException.class,
        () -> Verifiers.byName("choice", Map.of("options", "[\"a\", \"b\"]", "choices", "3")));
  }

  @Test
  void evidenceNamesVerifierVersionAndParameters() {
    Verdict verdict =
        Verifiers.byName("numeric", Map.of("abs", "0.5")).verify(VerificationRequest.of("1", "\\boxed{1.25}"));
    assertEquals("numeric/1", verdict.version());
    assertEquals(Map.of("abs", "0.5"), verdict.params());
    assertEquals("boxed:number", verdict.rule());
    assertEquals("gold 1 ≈ answer 1.25 (abs 0.5, rel 0)", verdict.detail());
    assertNull(Verifiers.byName("numeric", Map.of()).verify(VerificationRequest.of("x", "1")).score());
  }

  /** Whatever stands there, each gives a verdict and none fails or takes long. */
  @Test
  void anyTextHasAVerdict() {
    long seed = Long.getLong("winnow.seed", 20240607L);
    Random random = new Random(seed);
    String[] pieces = {
      "answer", " is ", ":", "(", ")", "A", "b", "\\boxed{", "}", "{", "1", ",", "000", ".", "e", "9", "\\frac{", "/",
      "-", "%", "**", "$", "\n", " ", "<think>", "</think>", "<answer>", "</answer>", "####", "option", "\\text{",
      "é", "😀", "\uD800", "=", "and", "\t", "\\", "^", "[", "]", "*", "+", "?", "|"
    };
    for (String name : List.of("choice", "exact", "normalized", "regex", "numeric")) {
      Verifier verifier = Verifiers.byName(name, Map.of());
      for (int i = 0; i < 3000; i++) {
        StringBuilder text = new StringBuilder();
        StringBuilder gold = new StringBuilder();
        for (int n = random.nextInt(40); n > 0; n--) {
          text.append(pieces[random.nextInt(pieces.length)]);
          if (n % 4 == 0) {
            gold.append(pieces[random.nextInt(pieces.length)]);
          }
        }
        Verdict verdict = verifier.verify(VerificationRequest.of(gold.toString(), text.toString()));
        String shown = name + " seed " + seed + " gold '" + gold + "' text '" + text + "' → " + verdict;
        assertTrue(verdict.value() != Verdict.Value.ERROR, shown);
      }
      for (String piece : pieces) {
        Verdict verdict = verifier.verify(VerificationRequest.of("B 12", "answer" + piece.repeat(50_000)));
        assertTrue(verdict.value() != Verdict.Value.ERROR, name + " '" + piece + "' → " + verdict);
      }
    }
  }
}
