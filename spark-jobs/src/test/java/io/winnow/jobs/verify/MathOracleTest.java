// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.jobs.verify.Verdict.Value;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * Measures the verifier on labelled replies and beside Math-Verify, where {@code -Dwinnow.oracle} names the oracle's
 * folder.
 */
class MathOracleTest {
  private static final List<String> LABELLED = List.of("gsm", "gsmb", "qwen", "m500s");

  private static final class Tally {
    int cases;
    int right;
    int wrong;
    int undecided;
    final List<String> misses = new ArrayList<>();

    void add(boolean expected, Verdict verdict, String miss) {
      cases++;
      if (verdict.value() == Value.UNDECIDED) {
        undecided++;
        misses.add(miss);
      } else if ((verdict.value() == Value.CORRECT) == expected) {
        right++;
      } else {
        wrong++;
        misses.add(miss);
      }
    }

    double share() {
      return (double) right / cases;
    }

    @Override
    public String toString() {
      return String.format(Locale.ROOT, "%5d cases, %7.3f %% agree, %d differ, %d undecided (%.3f %%)",
          cases, 100 * share(), wrong, undecided, 100.0 * undecided / cases);
    }
  }

  @Test
  void agreesWithTheLabelsOfRealReplies() throws IOException {
    Verifier verifier = Verifiers.byName("math", Map.of());
    Map<String, Tally> labels = new TreeMap<>();
    Map<String, Tally> parity = new TreeMap<>();
    Map<String, Tally> read = new TreeMap<>();
    for (JsonNode node : openR1Records()) {
      String source = source(node.get("case").asText());
      Verdict verdict = verifier.verify(VerificationRequest.of(gold(node), node.get("answer").asText()));
      assertTrue(verdict.value() != Value.ERROR, () -> node.get("id") + ": " + verdict.detail());
      String miss = miss(node, verdict);
      if (node.hasNonNull("label")) {
        labels.computeIfAbsent(source, s -> new Tally()).add(node.get("label").asBoolean(), verdict, miss);
      }
      boolean comparable = !node.path("disputed").asBoolean() && !node.path("undelimited_gold").asBoolean()
          && !node.path("unstable").asBoolean() && !node.hasNonNull("timeout");
      // Raw replies without LaTeX are never read under open-r1: a contract of that configuration, not an opinion.
      if (comparable && !source.equals("gsm")) {
        parity.computeIfAbsent(source, s -> new Tally()).add(node.get("verdict").asBoolean(), verdict, miss);
        if (!node.get("answer_parsed").isEmpty() && !node.get("gold_parsed").isEmpty()) {
          read.computeIfAbsent(source, s -> new Tally()).add(node.get("verdict").asBoolean(), verdict, miss);
        }
      }
    }
    labels.forEach((source, tally) -> System.out.println("math label      " + pad(source) + tally));
    parity.forEach((source, tally) -> System.out.println("math parity     " + pad(source) + tally));
    read.forEach((source, tally) -> System.out.println("math both read  " + pad(source) + tally));
    List<String> misses = new ArrayList<>();
    labels.forEach((source, tally) -> tally.misses.forEach(miss -> misses.add("label " + miss)));
    parity.forEach((source, tally) -> tally.misses.forEach(miss -> misses.add("parity " + miss)));
    Path file = Path.of(System.getProperty("java.io.tmpdir"), "math-oracle-misses.txt");
    // Bytes, not a writer: the tail of a reply may begin inside a surrogate pair.
    Files.write(file, String.join("\n", misses).getBytes(StandardCharsets.UTF_8));
    System.out.println("math misses     " + misses.size() + " lines in " + file);
    for (String source : LABELLED) {
      Tally tally = labels.get(source);
      assertTrue(tally.wrong <= 0.002 * tally.cases, () -> source + ": " + tally);
      assertTrue(tally.share() >= (source.equals("qwen") ? 0.98 : 0.995), () -> source + ": " + tally);
    }
  }

  @Test
  void hardInputsEndSoon() {
    Verifier verifier = Verifiers.byName("math", Map.of());
    List<String> hard = List.of(
        "9^{9^{9}}", "{".repeat(10_000) + "5" + "}".repeat(10_000), "9".repeat(4_000), "9".repeat(1_000_000),
        "(x+1)^{64}".repeat(20), "(x+y+z+w)^{60}", "(1+\\sqrt{2}+\\sqrt{3}+\\sqrt{5}+\\sqrt{7}+\\sqrt{11})^{64}",
        "1,".repeat(2_000) + "1", "\\sqrt{" + "7".repeat(4_000) + "}", "\\binom{1000}{500}^{9}", "1/(x+1)".repeat(60));
    for (String answer : hard) {
      long fastest = Long.MAX_VALUE;
      Verdict verdict = null;
      for (int round = 0; round < 4; round++) {
        verdict = verifier.verify(VerificationRequest.of(round % 2 == 0 ? answer : "5", "\\boxed{" + answer + "}"));
        fastest = round % 2 == 0 ? Math.min(fastest, verdict.micros()) : fastest;
      }
      System.out.printf(Locale.ROOT, "math hard       %-32.32s %9d characters %,9d µs %s%n",
          answer, answer.length(), fastest, verdict.value().label());
      long micros = fastest;
      assertTrue(micros < 1_000_000, () -> micros + " µs for " + answer);
    }
  }

  @Test
  void verifiesManyTimesASecond() throws IOException {
    Map<String, List<VerificationRequest>> sets = new TreeMap<>();
    for (JsonNode node : openR1Records()) {
      String source = source(node.get("case").asText());
      String set = source.equals("gsm") || source.equals("gsmb") || source.equals("long") ? source
          : source.equals("qwen") || source.equals("m500s") ? "math" : source.equals("sym") || source.equals("cm")
          ? "symbolic" : "";
      sets.computeIfAbsent(set, s -> new ArrayList<>()).add(VerificationRequest.of(gold(node),
          node.get("answer").asText()));
    }
    Verifier verifier = Verifiers.byName("math", Map.of());
    sets.remove("");
    sets.forEach((set, requests) -> {
      long best = Long.MAX_VALUE;
      long slowest = 0;
      for (int round = 0; round < 5; round++) {
        long start = System.nanoTime();
        long worst = 0;
        for (VerificationRequest request : requests) {
          worst = Math.max(worst, verifier.verify(request).micros());
        }
        long took = System.nanoTime() - start;
        slowest = took < best ? worst : slowest;
        best = Math.min(best, took);
      }
      System.out.printf(Locale.ROOT, "math speed      %s%,9.0f verifications a second on one thread, slowest %,d µs%n",
          pad(set), requests.size() * 1e9 / best, slowest);
    });
    assertEquals(5, sets.size());
  }

  private static List<JsonNode> openR1Records() throws IOException {
    String oracle = System.getProperty("winnow.oracle", "");
    if (oracle.isEmpty()) {
      System.out.println("skipped: -Dwinnow.oracle is not set, so there are no cases to measure");
    }
    assumeTrue(!oracle.isEmpty(), "winnow.oracle is not set");
    ObjectMapper json = new ObjectMapper();
    List<JsonNode> records = new ArrayList<>();
    try (BufferedReader reader = Files.newBufferedReader(Path.of(oracle, "math", "dev.jsonl"))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        JsonNode node = json.readTree(line);
        if (node.get("config").asText().equals("open-r1")) {
          records.add(node);
        }
      }
    }
    return records;
  }

  private static String gold(JsonNode node) {
    return node.get("gold").isNull() ? null : node.get("gold").asText();
  }

  private static String source(String name) {
    int dash = name.indexOf('-');
    return (dash < 0 ? name : name.substring(0, dash)).replaceAll("(?<!m500)(?<=[a-z])\\d+$", "");
  }

  private static String miss(JsonNode node, Verdict verdict) {
    String answer = node.get("answer").asText();
    return node.get("case").asText() + " gold " + node.get("gold") + " label " + node.path("label") + " mv "
        + node.path("verdict")
        + " → " + verdict.value() + " " + verdict.rule() + " «" + verdict.extracted() + "» " + verdict.detail() + " …"
        + answer.substring(Math.max(0, answer.length() - 60)).replace("\n", "⏎");
  }

  private static String pad(String source) {
    return String.format("%-10s", source);
  }
}
