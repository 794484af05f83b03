// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.jobs.verify.Verdict;
import io.winnow.jobs.verify.Verdict.Value;
import io.winnow.jobs.verify.VerificationRequest;
import io.winnow.jobs.verify.Verifier;
import io.winnow.jobs.verify.Verifiers;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Cases of our own, with the verdicts that Math-Verify 0.9.0 gave when it was asked. */
class MathVerifyVerifierTest {
  private static final List<String> CONFIGS = List.of("open-r1", "default");
  private static final String[] PIECES = {
    "\\frac{1}{2}", "\\sqrt{", "}", "{", "(", ")", "[", "]", "\\left(", "\\right]", "\\boxed{", "$", "$$", "\\(", "\\)",
    "\\[", "\\]", "12", "3.5", "1,000", "x", "i", "e", "d", "\\pi", "^", "_", "^{2}", "_{1}", "+", "-", "\\cdot ", "/",
    "=", "<", "\\le ", "\\in ", ",", ";", "\\%", "%", "!", "|", "\\{", "\\}", "\\cup ", "\\pm ", "\\infty", "\\sin ",
    "\\log_", "\\text{ cm}", "\\begin{pmatrix}", "\\end{pmatrix}", "&", "\\\\", "answer is ", "answer: ", "final ",
    ". I hope", " and ", "\\int ", "dx", "\\sum_{i=1}^{n}", "\\lim_{x\\to 0}", "\\gcd(", "\\binom{5}{2}", "9^{9^{9}}",
    "\n", " ", "√", "é", "\\circ", "\\choose ", "\\operatorname{lcm}", "\\approx ", "'", "**", "0.5", "\\displaystyle ",
  };

  private static Verifier verifier(String config) {
    return Verifiers.byName("math", Map.of("compat", "math-verify", "config", config));
  }

  private static Verdict verify(String config, String gold, String text) {
    return verifier(config).verify(VerificationRequest.of(gold, text));
  }

  private static List<JsonNode> cases() throws IOException {
    ObjectMapper json = new ObjectMapper();
    List<JsonNode> cases = new ArrayList<>();
    try (BufferedReader reader = new BufferedReader(new InputStreamReader(
        MathVerifyVerifierTest.class.getResourceAsStream("/verify/math-verify.jsonl"), StandardCharsets.UTF_8))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        cases.add(json.readTree(line));
      }
    }
    return cases;
  }

  @TestFactory
  Stream<DynamicTest> givesMathVerifysVerdicts() throws IOException {
    List<JsonNode> cases = cases();
    assertTrue(cases.size() >= 400, () -> cases.size() + " cases");
    return cases.stream().flatMap(node -> CONFIGS.stream().map(config ->
        DynamicTest.dynamicTest(node.get("id").asText() + " " + config, () -> {
          Verdict verdict = verify(config, node.get("gold").asText(), node.get("completion").asText());
          assertEquals(node.get(config).asText(), verdict.value().label(), () -> node + " → " + verdict);
        })));
  }

  @Test
  void tellsItsEvidence() {
    Verdict verdict = verify("open-r1", "$\\frac{1}{2}$", "So $x$ is \\boxed{0.5}.");
    assertEquals(Value.CORRECT, verdict.value());
    assertEquals("0.5", verdict.extracted());
    assertEquals("boxed:number", verdict.rule());
    assertEquals("\\frac{1}{2} = 0.5", verdict.detail());
    assertEquals("math-verify-0.9.0/1", verdict.version());
    assertEquals(Map.of("compat", "math-verify", "config", "open-r1"), verdict.params());
    assertEquals(1.0, verdict.score());
    Verdict wrong = verify("default", "$7$", "the answer is 8");
    assertEquals("answer:number", wrong.rule());
    assertEquals("gold 7 ≠ answer 8", wrong.detail());
    assertEquals(0.0, wrong.score());
  }

  @Test
  void aGoldThatCannotBeReadHasNoRewardUnderOpenR1() {
    Verdict openR1 = verify("open-r1", "x^2+7", "\\boxed{x^2+7}");
    assertEquals(Value.UNDECIDED, openR1.value());
    assertNull(openR1.score());
    assertTrue(openR1.detail().startsWith("the gold cannot be read"), openR1::detail);
    assertEquals(Value.INCORRECT, verify("default", "x^2+7", "\\boxed{x^2+7}").value());
    assertEquals(Value.UNDECIDED, verify("open-r1", null, "\\boxed{5}").value());
  }

  @Test
  void isNotSymmetric() {
    assertEquals(Value.CORRECT, verify("default", "$x<2$", "$(-\\infty,2)$").value());
    assertEquals(Value.INCORRECT, verify("default", "$(-\\infty,2)$", "$x<2$").value());
  }

  @Test
  void whatPassesTheLimitsIsIncorrectByThatRule() {
    String deep = "{".repeat(10_000) + "5" + "}".repeat(10_000);
    List<String> hard = List.of("9^{9^{9}}", "\\gcd(10^{100000},3)", deep, "1+".repeat(3_000) + "1",
        "\\frac{".repeat(200) + "1" + "}{2}".repeat(200), "1E99999999", "10^{10^{10}}!");
    for (String config : CONFIGS) {
      for (String answer : hard) {
        Verdict verdict = verify(config, "$5$", "\\boxed{" + answer + "}");
        assertEquals(Value.INCORRECT, verdict.value(), () -> config + " " + verdict);
        assertTrue(verdict.rule() != null && verdict.rule().endsWith("limit"), () -> config + " " + verdict);
        Verdict gold = verify(config, "$" + answer + "$", "\\boxed{5}");
        assertTrue(gold.value() != Value.ERROR && gold.value() != Value.CORRECT, () -> config + " " + gold);
      }
    }
    // The same text is the same answer, however large.
    assertEquals(Value.CORRECT, verify("open-r1", "$9^{9^{9}}$", "\\boxed{9^{9^{9}}}").value());
  }

  @Test
  void longTextsAndManyCandidatesEnd() {
    List<String> hard = List.of("$".repeat(20_000), "\\boxed{1} and ".repeat(2_000), "answer is $@$ ".repeat(2_000),
        "[5] ".repeat(20_000), "1,".repeat(20_000), "answer = ".repeat(5_000), "$x".repeat(10_000),
        "\\[".repeat(10_000),        "7\n".repeat(20_000), "|".repeat(3_000), "$" + "|x".repeat(400) + "$", "(".repeat(4_000));
    for (String config : CONFIGS) {
      for (String text : hard) {
        Verdict verdict = verify(config, "$5$", text);
        assertTrue(verdict.value() != Value.ERROR, () -> text.substring(0, 20) + " " + verdict);
        System.out.printf("math-verify hard %-8s %-14.14s %,9d characters %,9d µs %s%n", config,
            text.replace("\n", "⏎"), text.length(), verdict.micros(), verdict.value().label());
      }
    }
  }

  @Test
  void anyTextGetsAVerdictAndTheSameEachTime() throws IOException {
    long seed = Long.getLong("winnow.seed", 20_261_127L);
    System.out.println("math-verify fuzz: -Dwinnow.seed=" + seed);
    SplittableRandom random = new SplittableRandom(seed);
    List<JsonNode> cases = cases();
    for (int i = 0; i < 4_000; i++) {
      String gold = made(random, cases);
      String text = made(random, cases);
      String config = CONFIGS.get(i % 2);
      Verdict verdict = verify(config, gold, text);
      String what = config + " «" + gold + "» «" + text + "»";
      assertTrue(verdict.value() != Value.ERROR, () -> what + " → " + verdict);
      assertNotNull(verdict.detail(), what);
      assertEquals(verdict.value(), verify(config, gold, text).value(), what);
    }
  }

  private static String made(SplittableRandom random, List<JsonNode> cases) {
    StringBuilder text = new StringBuilder();
    if (random.nextInt(3) > 0) {
      JsonNode node = cases.get(random.nextInt(cases.size()));
      text.append(node.get(random.nextBoolean() ? "gold" : "completion").asText());
    }
    for (int n = random.nextInt(8); n >= 0; n--) {
      int at = random.nextInt(text.length() + 1);
      if (random.nextInt(4) == 0 && at < text.length()) {
        text.delete(at, Math.min(text.length(), at + 1 + random.nextInt(3)));
      } else {
        text.insert(at, PIECES[random.nextInt(PIECES.length)]);
      }
    }
    return text.toString();
  }

  @Test
  void refusesWhatItDoesNotKnow() {
    String unknown = assertThrows(IllegalArgumentException.class,
        () -> Verifiers.byName("math", Map.of("compat", "sympy"))).getMessage();
    assertTrue(unknown.contains("'sympy'") && unknown.contains("math-verify"), unknown);
    String config = assertThrows(IllegalArgumentException.class,
        () -> Verifiers.byName("math", Map.of("compat", "math-verify", "config", "winnow"))).getMessage();
    assertTrue(config.contains("'winnow'") && config.contains("open-r1"), config);
    assertThrows(IllegalArgumentException.class,
        () -> Verifiers.byName("math", Map.of("compat", "math-verify", "digits", "3")));
    assertEquals("math-verify-0.9.0/1", Verifiers.byName("math", Map.of("compat", "math-verify")).version());
  }
}
