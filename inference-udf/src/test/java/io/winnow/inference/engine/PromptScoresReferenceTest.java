// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.Completion;
import io.winnow.inference.Conformance;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.model.WeightPrecision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Log-probabilities of prompts' tokens against the softmax of the reference logits (folder of winnow.fixtures). */
class PromptScoresReferenceTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  /** Logits are off by 2e-4 at most, so their logarithm of the sum of exponentials is too; then float32. */
  private static final double TOLERANCE = 2 * 2e-4 + 1e-5;
  private static final int TOKENS = 24;

  @TestFactory
  Stream<DynamicTest> tokensAreAsLikelyAsTheReferenceSays() throws IOException {
    String fixtures = System.getProperty("winnow.fixtures", "");
    assumeTrue(!fixtures.isEmpty(), "no winnow.fixtures: the reference logits are not here");
    try (Stream<Path> folders = Files.list(Path.of(fixtures, "models"))) {
      return folders
          .filter(f -> Files.exists(f.resolve("reference.json")) && Files.exists(f.resolve("config.json")))
          .filter(PromptScoresReferenceTest::supported)
          .sorted()
          .map(f -> Conformance.test("scores/" + f.getFileName(), () -> check(f)))
          .toList()
          .stream();
    }
  }

  private static boolean supported(Path folder) {
    try {
      JsonNode reference = JSON.readTree(folder.resolve("reference.json").toFile());
      return reference.has("sequences") && List.of("llama", "qwen2").contains(reference.path("model_type").asText());
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void check(Path folder) throws Exception {
    List<float[]> logits = new ArrayList<>();
    List<GenerationRequest> asked = new ArrayList<>();
    SamplingParams nothing = SamplingParams.DEFAULT.withMaxTokens(0, false);
    for (JsonNode sequence : JSON.readTree(folder.resolve("reference.json").toFile()).get("sequences")) {
      int[] tokens = JSON.convertValue(sequence.get("tokens"), int[].class);
      float[] last = JSON.convertValue(sequence.get("last_logits"), float[].class);
      for (int i = 0; i < TOKENS; i++) {
        // The reference has the logits behind the whole sequence: any token may stand there.
        int[] prompt = Arrays.copyOf(tokens, tokens.length + 1);
        prompt[tokens.length] = (int) ((long) i * (last.length - 1) / (TOKENS - 1));
        GenerationRequest request = new GenerationRequest(logits.size(), prompt, new int[] {0}, nothing);
        asked.add(request.scoring(i % 2 == 0 ? 1 : tokens.length));
        logits.add(last);
      }
    }
    EngineCore core = new EngineSetup(2, 16, 100, 60, 1).open(folder, WeightPrecision.F32);
    int scored = 0;
    try (EngineSession session = core.open()) {
      asked.forEach(session::submit);
      for (Completion c : EngineCoreTest.all(session)) {
        assertEquals(FinishReason.LENGTH, c.finishReason(), c.errorMessage());
        int[] prompt = asked.get((int) c.requestId()).promptTokens();
        int token = prompt[prompt.length - 1];
        double expected = logSoftmax(logits.get((int) c.requestId()), token);
        double got = c.promptLogprobs()[prompt.length - 1];
        assertTrue(Math.abs(expected - got) <= TOLERANCE, "token " + token + ": " + got + " and not " + expected);
        scored++;
      }
    } finally {
      core.close();
    }
    assertTrue(scored >= TOKENS, "nothing was scored");
  }

  private static double logSoftmax(float[] logits, int token) {
    double max = Double.NEGATIVE_INFINITY;
    for (float l : logits) {
      max = Math.max(max, l);
    }
    double sum = 0;
    for (float l : logits) {
      sum += Math.exp(l - max);
    }
    return logits[token] - max - Math.log(sum);
  }
}
