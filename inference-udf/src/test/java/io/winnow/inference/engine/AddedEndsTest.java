// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.Completion;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.tokenizer.ModelText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Map.Entry;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A model of chats whose configuration still names the end of the model that it was made of. */
@Timeout(60)
class AddedEndsTest {
  private static final Path MODEL = Path.of(System.getProperty("winnow.root"), "examples", "model");

  @TempDir Path tmp;

  /** The shipped model, some texts of its files replaced. */
  private Path model(Map<String, String> replaced) throws IOException {
    Path out = Files.createDirectory(tmp.resolve("m" + replaced.size()));
    try (Stream<Path> files = Files.list(MODEL)) {
      for (Path file : files.toList()) {
        Path to = out.resolve(file.getFileName());
        if (file.endsWith("generation_config.json")) {
          continue;
        }
        if (!file.toString().endsWith("config.json")) {
          Files.copy(file, to);
          continue;
        }
        String text = Files.readString(file);
        for (Entry<String, String> one : replaced.entrySet()) {
          text = text.replace(one.getKey(), one.getValue());
        }
        Files.writeString(to, text);
      }
    }
    return out;
  }

  private static Map<Integer, Completion> run(Path model, List<Integer> added) throws InterruptedException {
    Map<Integer, Completion> out = new TreeMap<>();
    EngineSpec spec = new EngineSpec(model.toString(), "auto", 2, 8, 4096, null, Map.of());
    try (ModelText text = ModelText.load(model, null, Map.of());
        ModelRuntime runtime = EmbeddedRuntime.load(spec, text, MemoryBudget.host(0));
        ModelRuntime.Session session = runtime.open()) {
      assertEquals(added, runtime.info().addedEnds());
      int[] prompt = text.tokenizer().encode("<|im_start|>user\nWhat is 2 + 3?<|im_end|>\n<|im_start|>assistant\n");
      SamplingParams params = new SamplingParams(0.6, 1, 0, 0, 1, 200, List.of(), 3, false, 0);
      session.submit(new GenerationRequest(0, prompt, new int[] {0, 1, 2, 3}, params));
      while (session.pending() > 0) {
        for (Completion c : session.poll(1000)) {
          assertNull(c.errorClass(), c.errorMessage());
          out.put(c.sampleIndex(), c);
        }
      }
    }
    return out;
  }

  @Test
  void theTokenizersOwnEndCounts() throws Exception {
    Map<Integer, Completion> expected = run(MODEL, List.of());
    assertTrue(expected.values().stream().allMatch(c -> c.finishReason() == FinishReason.STOP));
    Path made = model(Map.of("\"eos_token_id\": 1021", "\"eos_token_id\": 1019"));
    Map<Integer, Completion> got = run(made, List.of(1021));
    expected.forEach((sample, c) -> {
      assertArrayEquals(c.tokenIds(), got.get(sample).tokenIds());
      assertEquals(FinishReason.STOP, got.get(sample).finishReason());
    });
  }
}
