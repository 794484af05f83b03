// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.jobs.verify.Verdict.Value;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class MathVerifierTest {
  private final Verifier verifier = Verifiers.byName("math", Map.of());

  private Verdict verify(String gold, String text) {
    return verifier.verify(VerificationRequest.of(gold, text));
  }

  private static List<JsonNode> cases() throws IOException {
    ObjectMapper json = new ObjectMapper();
    List<JsonNode> cases = new ArrayList<>();
    try (BufferedReader reader = new BufferedReader(new InputStreamReader(
        MathVerifierTest.class.getResourceAsStream("/verify/math.jsonl"), StandardCharsets.UTF_8))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        cases.add(json.readTree(line));
      }
    }
    return cases;
  }

  private static VerificationRequest request(JsonNode node) {
    String gold = node.get("gold").isNull() ? null : node.get("gold").asText();
    return new VerificationRequest(gold, node.get("completion").asText(), node.path("truncated").asBoolean());
  }

  @TestFactory
  Stream<DynamicTest> judgesTheCasesByMathematics() throws IOException {
    List<JsonNode> cases = cases();
    assertTrue(cases.size() >= 150, () -> cases.size() + " cases");
    return cases.stream().map(node -> DynamicTest.dynamicTest(node.get("id").asText(), () -> {
      Verdict verdict = verifier.verify(request(node));
      assertEquals(node.get("verdict").asText(), verdict.value().label(), () -> node + " → " + verdict);
    }));
  }

  @Test
  void carriesItsEvidence() {
    Verdict verdict = verify("$1,080", "so \\boxed{\\frac{2160}{2}}.");
    assertEquals(Value.CORRECT, verdict.value());
    assertEquals("correct", verdict.value().label());
    assertEquals(1.0, verdict.score());
    assertEquals("\\frac{2160}{2}", verdict.extracted());
    assertEquals("boxed:number", verdict.rule());
    assertEquals("1080 = 1080", verdict.detail());
    assertEquals("math/2", verdict.version());
    assertEquals(Map.of(), verdict.params());
    assertTrue(verdict.micros() >= 0);
  }

  @Test
  void saysWhatDiffersAndWhatIsMissing() {
    Verdict wrong = verify("1/3", "The answer is 0.333.");
    assertEquals(0.0, wrong.score());
    assertEquals("phrase:number", wrong.rule());
    assertEquals("gold 1/3 ≠ answer 333/1000", wrong.detail());
    Verdict none = verify("18", "I do not know.\nSorry.");
    assertEquals("no answer found", none.detail());
    assertNull(none.extracted());
    Verdict empty = verify("", "\\boxed{1}");
    assertEquals("the gold is empty", empty.detail());
    assertNull(empty.score());
    assertEquals("the gold is null", verify(null, "\\boxed{1}").detail());
    assertTrue(verify("\\frac{", "\\boxed{1}").detail().startsWith("the gold cannot be read: "));
  }

  @Test
  void truncatedIsIncorrectWhateverItHolds() {
    Verdict verdict = verifier.verify(new VerificationRequest("18", "\\boxed{18}", true));
    assertEquals(Value.INCORRECT, verdict.value());
    assertEquals("truncated", verdict.detail());
    assertEquals(Value.UNDECIDED, verifier.verify(new VerificationRequest(" ", "x", true)).value());
  }

  @Test
  void nullTextIsAnEmptyOne() {
    assertEquals("no answer found", verifier.verify(new VerificationRequest("18", null, false)).detail());
  }

  /** Each of these ends by counted work; the time is only there so that a hang fails instead of waiting. */
  @Test
  @Tag("slow")
  void hostileAnswersEndUndecidedOrRight() {
    String nested = "{".repeat(10_000) + "5" + "}".repeat(10_000);
    String brackets = "(".repeat(1_500) + "5" + ")".repeat(1_500);
    List<String> hostile = List.of(
        "9^{9^{9}}", "9^{9^{9^{9}}}", "10^{10^{10}}", "(9!)!", "((9!)!)!", "1e999999999", "1e99999999999999999999",
        "2^{-99999999}",
        nested, brackets, "\\frac{".repeat(600) + "1" + "}{2}".repeat(600), "\\sqrt{".repeat(600) + "2"
        + "}".repeat(600),
        "\\text{".repeat(600) + "2" + "}".repeat(600), "9".repeat(4_000), "9".repeat(1_000_000), "-".repeat(4_000)
        + "5",
        "(x+1)^{64}".repeat(20), "(x+y+z+w)^{60}", "(1+\\sqrt{2}+\\sqrt{3}+\\sqrt{5}+\\sqrt{7}+\\sqrt{11})^{64}",
        "1/(x+1)+1/(x+2)+1/(x+3)+1/(x+4)+1/(x+5)+1/(x+6)+1/(x+7)+1/(x+8)+1/(x+9)", "1,".repeat(2_000) + "1",
        "\\pm".repeat(1_000),
        "x=".repeat(2_000) + "1", "1<".repeat(2_000) + "x", "!".repeat(4_000), "5" + "!".repeat(4_000), "5"
        + "%".repeat(4_000),
        "a_{".repeat(1_000) + "}".repeat(1_000), "|".repeat(4_000), "\\".repeat(4_001), "{,}".repeat(1_300),
        "1{,}000".repeat(500),
        "\\begin{pmatrix}" + "1&".repeat(1_900) + "1\\end{pmatrix}", "\\sqrt{" + "7".repeat(4_000) + "}",
        "\\frac{1}{0}", "0^{-1}", "0^0",
        "\\binom{1000}{500}^{900}", "\\sqrt[1000]{2}^{999}", "\uD83D\uDE42".repeat(2_000), "\uD83D", "\u0000",
        "1/x".repeat(1_300), "1:".repeat(2_000) + "1", "\\cup x".repeat(600), "x^".repeat(2_000) + "2",
        "\\sin".repeat(900));
    for (String answer : hostile) {
      String name = answer.length() > 40 ? answer.substring(0, 40) + "…" : answer;
      Verdict verdict = assertTimeoutPreemptively(
          Duration.ofSeconds(5), () -> verify("5", "\\boxed{" + answer + "}"), name);
      assertNotEquals(Value.ERROR, verdict.value(), () -> name + ": " + verdict.detail());
      boolean isFive = answer.equals(nested) || answer.equals(brackets) || answer.startsWith("----");
      assertTrue(isFive || verdict.value() != Value.CORRECT, () -> name + ": " + verdict);
      Verdict same = assertTimeoutPreemptively(
          Duration.ofSeconds(5), () -> verify(answer, "\\boxed{" + answer + "}"), name);
      assertNotEquals(Value.ERROR, same.value(), () -> name + ": " + same.detail());
      assertNotNull(same.detail(), name);
    }
    assertEquals(Value.INCORRECT, verify("5", "\\boxed{9^{9^{9}}}").value());
    assertEquals(Value.INCORRECT, verify("9^{9^{9}}", "\\boxed{9^{9^{9}}\\cdot 2}").value());
    assertEquals(Value.UNDECIDED, verify("5", "\\boxed{9^{9^{9^{9}}}}").value());
    assertEquals(Value.CORRECT, verify("9^{9^{9}}", "\\boxed{9^{9^{9}}}").value());
    assertEquals(Value.CORRECT, verify(nested, "\\boxed{" + nested + "}").value());
  }

  @Test
  @Tag("slow")
  void hostileTextsAreSearchedInLinearTime() {
    int mega = 1 << 20;
    List<String> texts = List.of(
        "\\boxed{".repeat(mega / 7), "\\boxed{}".repeat(mega / 8), "\\boxed".repeat(mega / 6), "{".repeat(mega),
        "}".repeat(mega),
        "answer ".repeat(mega / 7), "the answer is ".repeat(mega / 14), "####".repeat(mega / 4), "$".repeat(mega),
        "\\(".repeat(mega / 2),
        "1".repeat(mega), "1,".repeat(mega / 2), "= 1 ".repeat(mega / 4), "\n".repeat(mega), "<think>".repeat(mega / 7),
        "</think>".repeat(mega / 8), "*".repeat(mega), ".".repeat(mega), " ".repeat(mega),
        "\\boxed 1 ".repeat(mega / 9));
    for (String text : texts) {
      String name = text.substring(0, 16);
      Verdict verdict = assertTimeoutPreemptively(Duration.ofSeconds(5), () -> verify("5", text), name);
      assertTrue(verdict.value() == Value.INCORRECT || verdict.value() == Value.UNDECIDED, () -> name + ": "
          + verdict.value());
      assertTrue(verdict.detail().length() < 1_000, name);
      assertTimeoutPreemptively(Duration.ofSeconds(5), () -> verify(text, text), name);
    }
  }

  @Test
  @Tag("slow")
  void randomTextsNeverFailTheVerifier() {
    long seed = Long.getLong("winnow.seed", 20_260_101L);
    System.out.println("MathVerifierTest seed " + seed);
    SplittableRandom random = new SplittableRandom(seed);
    String[] parts = {
      "\\frac", "{", "}", "(", ")", "[", "]", "1", "23", "0", ".", ",", "x", "y", "\\pi", "^", "_", "+", "-", "*",
      "/", "=", "<", "\\le",
      "\\sqrt", "\\text{ cm}", "\\{", "\\}", "|", "!", "%", "\\pm", "\\cup", "\\infty", " ", "\\\\", "&",
      "\\begin{pmatrix}",
      "\\end{pmatrix}", "sin", "and", ":", ";", "½", "°", "e5", "\\boxed{", "$", "\\overline{3}", "words", "\\over",
      "'", "~", "pm", "\\in"
    };
    for (int i = 0; i < 40_000; i++) {
      String gold = sample(random, parts);
      String answer = random.nextInt(4) == 0 ? gold : sample(random, parts);
      Verdict verdict = verify(gold, "\\boxed{" + answer + "}");
      String shown = "seed " + seed + " round " + i + " gold «" + gold + "» answer «" + answer + "»: " + verdict;
      assertNotEquals(Value.ERROR, verdict.value(), shown);
    }
  }

  private static String sample(SplittableRandom random, String[] parts) {
    StringBuilder text = new StringBuilder();
    for (int n = random.nextInt(1, 14); n > 0; n--) {
      text.append(parts[random.nextInt(parts.length)]);
    }
    return text.toString();
  }

  @Test
  @Tag("slow")
  void verdictsAreTheSameFromManyThreads() throws IOException {
    List<JsonNode> cases = cases();
    List<String> wrong = IntStream.range(0, 20).boxed().flatMap(i -> cases.stream()).parallel()
        .filter(node -> !verifier.verify(request(node)).value().label().equals(node.get("verdict").asText()))
        .map(node -> node.get("id").asText()).toList();
    assertEquals(List.of(), wrong);
  }

  @Test
  void spentWorkIsUndecidedAndNotAnError() {
    Verifier poor = new MathVerifier(Map.of(), 20);
    Verdict verdict = poor.verify(VerificationRequest.of("(x+1)^9", "\\boxed{(1+x)^{9}}"));
    assertEquals(Value.UNDECIDED, verdict.value());
    assertTrue(verdict.detail().contains("limit"), verdict.detail());
  }

  @Test
  void registryNamesWhatItKnows() {
    assertEquals("math", Verifiers.byName("math", Map.of("config", "winnow")).name());
    assertTrue(Verifiers.names().contains("math"));
    assertEquals("Unknown verifier 'maths'. Known verifiers: choice, exact, math, normalized, numeric, regex.",
        assertThrows(IllegalArgumentException.class, () -> Verifiers.byName("maths", Map.of())).getMessage());
    assertEquals("Unknown parameter 'x' of verifier math. Known parameters: config, compat.",
        assertThrows(IllegalArgumentException.class, () -> Verifiers.byName("math", Map.of("x", "1"))).getMessage());
    assertEquals("Unknown value 'loose' of parameter config of verifier math. Known values: winnow; with"
            + " compat=math-verify: default, open-r1.",
        assertThrows(IllegalArgumentException.class, () -> Verifiers.byName("math", Map.of("config",
        "loose"))).getMessage());
  }
}
