// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.EngineHosting;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.EngineStats;
import io.winnow.inference.EngineStats.Load;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.Message;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.tokenizer.ModelText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The file as Perfetto reads it: a JSON array of events. */
@Timeout(60)
class StepTraceTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;

  private static List<JsonNode> events(Path file, String phase) throws IOException {
    List<JsonNode> out = new ArrayList<>();
    for (JsonNode event : JSON.readTree(file.toFile())) {
      assertTrue(event.get("pid").asLong() > 0 && event.has("tid") && event.has("name"), event::toString);
      if (event.get("ph").asText().equals(phase)) {
        out.add(event);
      }
    }
    return out;
  }

  private static long sum(List<JsonNode> steps, ToLongFunction<JsonNode> figure) {
    return steps.stream().map(step -> step.get("args")).mapToLong(figure).sum();
  }

  private Path onlyFile() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> all = files.toList();
      assertEquals(1, all.size(), all::toString);
      return all.get(0);
    }
  }

  private static void submitAndWait(ModelRuntime runtime, ModelText text) throws InterruptedException {
    try (ModelRuntime.Session session = runtime.open()) {
      SamplingParams params = new SamplingParams(0.6, 0.95, 0, 0, 1, 20, List.of(), 7, false, 0);
      for (int i = 0; i < 3; i++) {
        int[] prompt = text.renderer().render(List.of(Message.of("user", "What is 1 + " + i + "?"))).tokenIds();
        session.submit(new GenerationRequest(i, prompt, new int[] {0, 1, 2}, params));
      }
      while (session.pending() > 0) {
        session.poll(1000);
      }
    }
  }

  @Test
  void aFileWithoutStepsIsWhole() throws Exception {
    StepTrace trace = StepTrace.open(folder);
    assertEquals(1, events(trace.file(), "M").size(), "before anything is computed");
    trace.close();
    assertEquals(1, events(trace.file(), "M").size());
    assertEquals(List.of(), events(trace.file(), "X"));
  }

  @Test
  void itsSumsAreTheFiguresOfTheEngine() throws Exception {
    String model = Path.of(System.getProperty("winnow.root"), "examples", "model").toString();
    EngineSpec spec = new EngineSpec(model, "auto", 1, 4, 2048, null, Map.of());
    ModelText text = ModelText.load(Path.of(model), null, Map.of());
    long before = System.currentTimeMillis() * 1000;
    EngineStats stats;
    Path file;
    try (EmbeddedRuntime runtime =
        EmbeddedRuntime.load(spec, text, MemoryBudget.host(0), new EngineHosting(folder.toString(), false, true))) {
      submitAndWait(runtime, text);
      file = onlyFile();
      // As soon as the engine rests the file is whole, though it is open: so it is if the process ends now.
      while (!isWhole(file) || events(file, "X").size() < runtime.stats().steps()) {
        Thread.onSpinWait();
      }
      submitAndWait(runtime, text);
      stats = runtime.stats();
    }
    List<JsonNode> steps = events(file, "X");
    assertEquals(stats.steps(), steps.size());
    assertEquals(stats.busyNanos(), sum(steps, s -> s.get("nanos").asLong()));
    assertEquals(stats.promptTokens(), sum(steps, s -> s.get("prefill_rows").asLong()));
    assertEquals(stats.generatedTokens(), sum(steps, s -> s.get("tokens").asLong()));
    assertEquals(stats.preemptions(), sum(steps, s -> s.get("preemptions").asLong()));
    assertEquals(9, stats.opNanos().size());
    stats.opNanos().forEach(
        (op, nanos) -> assertEquals(nanos, sum(steps, s -> s.get("op_nanos").get(op).asLong()), op));
    long end = before;
    for (JsonNode step : steps) {
      long start = step.get("ts").asLong();
      assertTrue(start >= end - 1000, "steps follow each other, in microseconds since 1970");
      end = start + step.get("dur").asLong();
      assertEquals(step.get("args").get("nanos").asLong(), Math.round(step.get("dur").asDouble() * 1000));
      assertTrue(step.get("args").get("rows").asLong() >= step.get("args").get("draws").asLong());
      assertTrue(step.get("args").get("free_pages").asLong() < 32, step::toString);
    }
    assertTrue(end <= System.currentTimeMillis() * 1000 + 1000);
    assertEquals(steps.size(), events(file, "C").size());
  }

  private static boolean isWhole(Path file) throws IOException {
    try {
      return Files.size(file) > 0 && JSON.readTree(file.toFile()).isArray();
    } catch (JsonProcessingException e) {
      return false;
    }
  }

  @Test
  void itEndsAtItsSizeAndSaysSo() throws Exception {
    StepTrace trace = StepTrace.open(folder, 200_000);
    StepBatch batch = new StepBatch(4, 4);
    batch.rows = 3;
    batch.decodeRows = 2;
    for (int step = 1; step <= 5000; step++) {
      trace.step(
          batch,
          new EngineStats(step, step, 0, 2 * step, 0, 0, 1000 * step, 0, 0, new Load(2, 1, 4, 5, 5, 9), Map.of()),
          System.nanoTime());
    }
    trace.close();
    List<JsonNode> steps = events(trace.file(), "X");
    assertTrue(steps.size() > 300 && steps.size() < 1000, steps.size() + " steps");
    assertTrue(Files.size(trace.file()) < 201_000);
    List<JsonNode> said = events(trace.file(), "i");
    assertEquals(1, said.size());
    assertEquals("the trace ends here: it has its largest size", said.get(0).get("name").asText());
    assertEquals(4, steps.get(7).get("args").get("free_pages").asInt());
    assertEquals(1, steps.get(7).get("args").get("prefill_rows").asInt());
  }

  @Test
  void aFolderThatCannotBeWrittenCostsTheTraceAndNothingElse() throws Exception {
    Path file = Files.writeString(folder.resolve("file"), "");
    assertNull(StepTrace.open(file.resolve("below")));
    try (EngineCore core =
        new EngineCore(Script.limits(4, 68), 40, new ScriptedStep(40), LetterText::new)
            .hosted(new EngineHosting(file.toString(), false, true))) {
      EngineSession session = core.open();
      GenerationRequest request = Script.request(1, SchedulerTest.longLived(20), 2, Script.params(10));
      session.submit(request);
      EngineCoreTest.all(session).forEach(c -> EngineCoreTest.assertAlone(request, c));
    }
  }
}
