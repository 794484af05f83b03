// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static io.winnow.tests.Invocation.winnow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code score --cases} from the command line. */
class RewardCasesTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path dir;

  @Test
  void casesComeOutWithTheirRewardsAndNothingElseChanged() throws IOException {
    Path cases = Invocation.ROOT.resolve("spark-jobs/src/test/resources/reward-cases.jsonl");
    Path out = dir.resolve("new/out.jsonl");
    Invocation run = winnow("score", "--cases", cases.toString(), "--out", out.toString(), "--strict").expect(0);
    List<String> before = Files.readAllLines(cases);
    assertEquals(before.size(), run.count("cases"));
    assertEquals(0, run.count("failed"));
    List<String> after = Files.readAllLines(out);
    assertEquals(before.size(), after.size());
    for (int i = 0; i < before.size(); i++) {
      String line = before.get(i);
      int rewards = line.indexOf("\"rewards\"");
      assertEquals(line.substring(0, rewards), after.get(i).substring(0, rewards));
      assertEquals(JSON.readTree(line), JSON.readTree(after.get(i)));
    }
  }

  @Test
  void badLinesAreToldAndTheOthersFilledIn() throws IOException {
    Path cases =
        Tables.lines(dir.resolve("cases.jsonl"), "no", "", "{\"reward\":\"format\",\"completions\":[\"a\"]}", "{}");
    Path out = Tables.lines(dir.resolve("out.jsonl"), "older");
    Invocation run = winnow("score", "--cases", cases.toString(), "--out", out.toString()).expect(0);
    assertEquals(3, run.count("cases"));
    assertEquals(2, run.count("failed"));
    assertTrue(run.summary("the first").startsWith("line 1 of " + cases + ": it is not JSON"), run.out());
    List<String> lines = Files.readAllLines(out);
    assertEquals(3, lines.size());
    assertEquals("no", JSON.readTree(lines.get(0)).get("line").asText());
    assertEquals("{\"reward\":\"format\",\"completions\":[\"a\"], \"rewards\": [0.0]}", lines.get(1));
    JsonNode last = JSON.readTree(lines.get(2));
    assertTrue(last.get("rewards").isNull() && last.get("error").asText().startsWith("it names no reward"));
    winnow("score", "--cases", cases.toString(), "--out", out.toString(), "--strict").expect(3);
  }

  @Test
  void whatCannotBeIsWrongUsage() throws IOException {
    Path cases = Tables.lines(dir.resolve("cases.jsonl"), "{}");
    Path out = dir.resolve("out.jsonl");
    said("there is no such local file", "--cases", dir.resolve("none").toString(), "--out", out.toString());
    said("it is a folder", "--cases", cases.toString(), "--out", dir.toString());
    said("--out", "--cases", cases.toString());
    said("Cannot use --cases and --advantage together", "--cases", cases.toString(), "--out", out.toString(),
        "--advantage", "grpo");
    said("Unknown reward 'fromat'", "--reward", "fromat", "--in", cases.toString(), "--out", out.toString());
    assertFalse(Files.exists(out));
  }

  private static void said(String message, String... words) {
    String[] all = new String[words.length + 1];
    all[0] = "score";
    System.arraycopy(words, 0, all, 1, words.length);
    Invocation run = winnow(all).expect(2);
    assertTrue(run.err().contains(message), run.err());
  }
}
