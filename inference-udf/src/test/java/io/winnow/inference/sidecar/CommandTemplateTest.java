// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.sidecar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.conf.UsageException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CommandTemplateTest {
  private static List<String> words(String command, String... more) {
    CommandTemplate template = CommandTemplate.of(command);
    template.check();
    return template.words(name -> "<" + name + " $x>", List.of(more));
  }

  private static String refusal(String command) {
    return assertThrows(UsageException.class, () -> words(command)).getMessage();
  }

  @Test
  void wordsAreThoseOfAShellWithoutItsExpansions() {
    assertEquals(
        List.of("a", "b c", "d\"e", "f\\g", "", "$HOME", "*", "x;y", "two words"),
        CommandTemplate.split("--sidecar", " a 'b c'\t\"d\\\"e\" 'f\\g' ''  $HOME * x;y two\\ words "));
    assertTrue(
        assertThrows(UsageException.class, () -> CommandTemplate.split("--sidecar-args", "--x 'y")).getMessage()
            .contains("--sidecar-args '--x 'y': a ' is not closed"));
  }

  @Test
  void placeholdersAreFilledInAfterTheWordsAreParted() {
    assertEquals(
        List.of("s", "--m=<model $x>", "<port $x>", "{\"a\": {\"b\": 1}}", "--more", "<cores $x>"),
        words("s --m={model} {port} '{\"a\": {\"b\": 1}}'", "--more", "{cores}"));
    assertEquals(List.of("s", "--more", "<port $x>"), words("s {args} {port}", "--more"));
    assertEquals(List.of("s", "<port $x>"), words("s {args} {port}"));
  }

  @Test
  void whatCannotWorkIsRefused() {
    assertTrue(refusal("vlm").contains("none of llama.cpp, sglang, tensorrt-llm, vllm"));
    assertTrue(refusal("serve --x 1").contains("{port}"));
    assertTrue(refusal("serve {port} {gpu}").contains("no placeholder {gpu}"));
    assertTrue(refusal("serve --p={args} {port}").contains("{args} as a word of its own"));
    assertTrue(refusal("{args} {port}").contains("names no program"));
  }

  @Test
  void theReadyOnesAreWhole() {
    for (String name : CommandTemplate.names()) {
      List<String> words = words(name, "--more");
      assertTrue(words.contains("<model $x>"), name);
      assertTrue(words.contains("<port $x>"), name);
      assertEquals("--more", words.get(words.size() - 1), name);
      assertEquals("/health", CommandTemplate.of(name).health());
    }
  }

  @Test
  void aLogIsBoundedAndTellsTheLastPercentage(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("a/x.log");
    ServerLog log = new ServerLog(file, 100, "secret");
    for (int i = 0; i < 50; i++) {
      log.add("line " + i + " with a secret");
    }
    log.close();
    assertTrue(Files.size(file) <= 100);
    assertTrue(Files.size(folder.resolve("a/x.log.1")) <= 100);
    assertEquals("line 49 with a [key]", log.lastLine());
    assertEquals(30, log.tail().size());
    assertFalse(Files.readString(file).contains("secret"));
    assertEquals(OptionalInt.of(66), ServerLog.percent("shards:  66% Completed | 2/3 [00:01<00:00]"));
    assertEquals(OptionalInt.of(12), ServerLog.percent("Capturing CUDA graphs: 12.5 %|##"));
    assertEquals(OptionalInt.empty(), ServerLog.percent("loaded 3 files, 1234% of nothing"));
  }
}
