// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.jobs.verify.Verdict;
import io.winnow.jobs.verify.Verdict.Value;
import io.winnow.jobs.verify.VerificationRequest;
import io.winnow.jobs.verify.Verifier;
import io.winnow.jobs.verify.Verifiers;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * Holds the verdicts to those that Math-Verify 0.9.0 itself gave, class by class and under both configurations, and
 * measures the speed. Runs where {@code -Dwinnow.oracle} names the oracle's folder.
 */
class MathVerifyOracleTest {
  private static final List<String> CONFIGS = List.of("open-r1", "default");
  private static final double GOAL = 0.995;

  private static final class Tally {
    int cases;
    int differ;

    double share() {
      return 1 - (double) differ / cases;
    }

    @Override
    public String toString() {
      return String.format(Locale.ROOT, "%5d cases, %7.3f %% agree, %d differ", cases, 100 * share(), differ);
    }
  }

  private static Verifier verifier(String config) {
    return Verifiers.byName("math", Map.of("compat", "math-verify", "config", config));
  }

  @Test
  void givesMathVerifysVerdicts() throws IOException {
    Map<String, Tally> classes = new TreeMap<>();
    Map<String, Tally> disputed = new TreeMap<>();
    Map<String, Tally> whole = new TreeMap<>();
    List<String> differences = new ArrayList<>();
    for (JsonNode node : records()) {
      String config = node.get("config").asText();
      Verdict verdict = verifier(config).verify(request(node));
      assertTrue(verdict.value() != Value.ERROR, () -> node.get("id") + ": " + verdict.detail());
      Value expected = config.equals("open-r1") && node.get("reward").isNull() ? Value.UNDECIDED
          : node.get("verdict").asBoolean() ? Value.CORRECT : Value.INCORRECT;
      boolean differs = verdict.value() != expected;
      boolean settled = !node.hasNonNull("timeout") && !node.path("unstable").asBoolean();
      boolean comparable = settled && !node.path("disputed").asBoolean();
      if (comparable) {
        count(whole, config, differs);
        count(classes, config + " " + kind(node), differs);
      } else if (settled) {
        count(disputed, config, differs);
      }
      if (differs && settled) {
        differences.add((comparable ? "" : "disputed ") + node.get("id").asText() + " (" + kind(node) + ") gold "
            + node.get("gold") + " answer " + node.get("answer") + ": there " + expected + ", here " + verdict.value()
            + " " + verdict.rule() + " " + verdict.detail());
      }
    }
    classes.forEach((kind, tally) -> System.out.printf("math-verify class %-28s %s%n", kind, tally));
    disputed.forEach((config, tally) -> System.out.printf("math-verify disputed %-8s %s%n", config, tally));
    whole.forEach((config, tally) -> System.out.printf("math-verify parity %-8s %s%n", config, tally));
    Path file = Path.of(System.getProperty("java.io.tmpdir"), "math-verify-differences.txt");
    Files.write(file, String.join("\n", differences).getBytes(StandardCharsets.UTF_8));
    System.out.println("math-verify differences: " + differences.size() + " lines in " + file);
    for (String config : CONFIGS) {
      Tally tally = whole.get(config);
      assertTrue(tally.cases > 1_000 && tally.share() >= GOAL, () -> config + ": " + tally);
    }
  }

  @Test
  void verifiesManyTimesASecond() throws IOException {
    Map<String, List<JsonNode>> sets = new TreeMap<>();
    for (JsonNode node : records()) {
      String set = set(node.path("class").asText(""), node.get("config").asText());
      if (set != null) {
        sets.computeIfAbsent(set, s -> new ArrayList<>()).add(node);
      }
    }
    sets.forEach((set, nodes) -> {
      Verifier verifier = verifier(nodes.get(0).get("config").asText());
      List<VerificationRequest> requests = nodes.stream().map(MathVerifyOracleTest::request).toList();
      double best = 0;
      long[] micros = new long[requests.size()];
      for (int round = 0; round < 6; round++) {
        long start = System.nanoTime();
        long[] times = new long[requests.size()];
        for (int i = 0; i < times.length; i++) {
          times[i] = verifier.verify(requests.get(i)).micros();
        }
        double rate = times.length * 1e9 / (System.nanoTime() - start);
        micros = rate > best ? times : micros;
        best = Math.max(best, rate);
      }
      Arrays.sort(micros);
      System.out.printf(
          Locale.ROOT, "math-verify speed %-22s %,9.0f a second on one thread, p50 %d p99 %d most %,d µs%n", set, best, micros[micros.length / 2], micros[micros.length * 99 / 100], micros[micros.length - 1]);
    });
    assertEquals(5, sets.size());
  }

  /** The sets that Math-Verify's own rates are known for. */
  private static String set(String kind, String config) {
    boolean openR1 = config.equals("open-r1");
    return switch (kind) {
      case "gsm8k-raw" -> openR1 ? null : "gsm raw, default";
      case "gsm8k-boxed" -> openR1 ? "gsm boxed, open-r1" : null;
      case "math-real", "math-ref" -> openR1 ? "math, open-r1" : null;
      case "long-trace" -> openR1 ? "long traces, open-r1" : null;
      default -> openR1 && (kind.startsWith("sym-") || kind.startsWith("pub-")) ? "symbolic, open-r1" : null;
    };
  }

  private static VerificationRequest request(JsonNode node) {
    String gold = node.get("gold").isNull() ? null : node.get("gold").asText();
    return VerificationRequest.of(gold, node.get("answer").asText());
  }

  private static String kind(JsonNode node) {
    return node.hasNonNull("class") ? node.get("class").asText()
        : node.get("case").asText().replaceAll("-.*", "");
  }

  private static void count(Map<String, Tally> tallies, String name, boolean differs) {
    Tally tally = tallies.computeIfAbsent(name, n -> new Tally());
    tally.cases++;
    tally.differ += differs ? 1 : 0;
  }

  private static List<JsonNode> records() throws IOException {
    String oracle = System.getProperty("winnow.oracle", "");
    if (oracle.isEmpty()) {
      System.out.println("skipped: -Dwinnow.oracle is not set, so there are no verdicts to compare with");
    }
    assumeTrue(!oracle.isEmpty(), "winnow.oracle is not set");
    ObjectMapper json = new ObjectMapper();
    List<JsonNode> records = new ArrayList<>();
    try (BufferedReader reader = Files.newBufferedReader(Path.of(oracle, "math", "dev.jsonl"))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        JsonNode node = json.readTree(line);
        if (CONFIGS.contains(node.get("config").asText())) {
          records.add(node);
        }
      }
    }
    return records;
  }
}
