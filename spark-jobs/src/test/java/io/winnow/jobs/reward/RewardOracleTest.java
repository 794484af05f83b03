// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Holds the rewards to Open-R1's, double by double: on cases of the repository, whose rewards a Python model of the
 * described formulas gave, and on an oracle's where {@code -Dwinnow.oracle} names its folder.
 */
class RewardOracleTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  /** Those that go by a verifier's verdicts; all others must agree on every case. */
  private static final Set<String> BY_VERDICT = Set.of("accuracy", "cosine", "length");

  private static final class Tally {
    int cases;
    int agree;

    @Override
    public String toString() {
      return String.format(Locale.ROOT, "%5d of %5d cases agree (%.3f %%)", agree, cases, 100.0 * agree / cases);
    }
  }

  @Test
  void agreesWithTheCasesOfTheRepository() throws IOException {
    Map<String, Tally> tallies = run(Path.of("src/test/resources/reward-cases.jsonl"), "reward own       ");
    assertEquals(Rewards.names(), tallies.keySet());
    tallies.forEach((reward, tally) -> assertEquals(tally.cases, tally.agree, reward));
  }

  @Test
  void agreesWithTheOracle() throws IOException {
    String oracle = System.getProperty("winnow.oracle");
    assumeTrue(oracle != null && !oracle.isBlank(), "no -Dwinnow.oracle=DIR");
    List<Path> files;
    try (Stream<Path> all = Files.list(Path.of(oracle, "rewards"))) {
      files = all.filter(file -> file.toString().endsWith(".jsonl")).sorted().toList();
    }
    assertTrue(!files.isEmpty(), "no cases under " + oracle);
    for (Path file : files) {
      run(file, "reward oracle    ").forEach(
          (reward, tally) -> {
            if (!BY_VERDICT.contains(reward)) {
              assertEquals(tally.cases, tally.agree, reward);
            }
          });
    }
  }

  private static Map<String, Tally> run(Path file, String label) throws IOException {
    RewardCases cases = new RewardCases();
    Map<String, Tally> tallies = new TreeMap<>();
    List<String> differences = new ArrayList<>();
    try (BufferedReader lines = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        RewardCases.Filled filled = cases.fill(line);
        assertNull(filled.error(), () -> filled.line());
        JsonNode expected = JSON.readTree(line);
        JsonNode actual = JSON.readTree(filled.line());
        String reward = expected.get("reward").asText();
        Tally tally = tallies.computeIfAbsent(reward, name -> new Tally());
        tally.cases++;
        if (bits(expected.get("rewards")).equals(bits(actual.get("rewards")))) {
          tally.agree++;
        } else {
          differences.add(reward + " " + actual.get("rewards") + " for " + line);
        }
      }
    }
    tallies.forEach((reward, tally) -> System.out.printf("%s%-26s%s%n", label, reward, tally));
    Path out = Path.of(System.getProperty("java.io.tmpdir"), "reward-differences.jsonl");
    Files.deleteIfExists(out);
    if (!differences.isEmpty()) {
      // Bytes, not a writer: a completion may hold lone surrogates.
      Files.write(out, String.join("\n", differences).getBytes(StandardCharsets.UTF_8));
      System.out.println(label + differences.size() + " lines in " + out);
    }
    return tallies;
  }

  /** Doubles by their bits, so that 0.0 and -0.0 differ. */
  private static List<Long> bits(JsonNode rewards) {
    List<Long> out = new ArrayList<>();
    rewards.forEach(each -> out.add(each.isNull() ? null : Double.doubleToRawLongBits(each.doubleValue())));
    return out;
  }
}
