// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.AnswerFormat;
import io.winnow.inference.Completion;
import io.winnow.inference.EndpointSpec;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.EngineStats;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.InferenceException;
import io.winnow.inference.Message;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.SamplingParams;
import io.winnow.kernels.KernelsLadder;
import io.winnow.kernels.NativeBuffer;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The executor's one engine and the function over Arrow batches, on the shipped model. */
class EngineHostTest {
  private static final SamplingParams PARAMS =
      new SamplingParams(0.6, 0.95, 0, 0, 1, 24, List.of(), 7, true, 0);

  @TempDir Path folder;
  private EngineSpec spec;

  @BeforeEach
  void copyModel() throws IOException {
    Path shipped = Path.of(System.getProperty("winnow.root"), "examples", "model");
    try (Stream<Path> files = Files.list(shipped)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    }
    spec = EngineSpec.ofModel(folder.toString());
  }

  @AfterEach
  void nothingLeaks() {
    EngineHost.closeIdle();
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  /** What a server would ignore, or whose answers no label could be read from, is paid for and lost. */
  @Test
  void formatsAreLookedAtForEndpointsAsForEngines() {
    EndpointSpec endpoint = EndpointSpec.of("m", List.of("http://127.0.0.1:1/v1"));
    for (AnswerFormat format : List.of(
        AnswerFormat.jsonSchema("{\"$ref\": \"#\"}"),
        AnswerFormat.jsonSchema("{\"allOf\": []}"),
        AnswerFormat.regex("(a"),
        AnswerFormat.choice(List.of("a", "")))) {
      InferenceException served =
          assertThrows(InferenceException.class, () -> EngineHost.check(endpoint, format, 100), format::toString);
      InferenceException embedded =
          assertThrows(InferenceException.class, () -> EngineHost.check(spec, format, 100), format::toString);
      assertEquals(embedded.getMessage(), served.getMessage());
      assertEquals(embedded.errorClass(), served.errorClass());
    }
    EngineHost.check(endpoint, AnswerFormat.jsonSchema("{\"type\": \"integer\"}"), 100);
  }

  @Test
  void tasksShareOneEngine() {
    try (EngineHost.Lease one = EngineHost.acquire(spec);
        EngineHost.Lease other = EngineHost.acquire(spec)) {
      assertSame(one.runtime(), other.runtime());
    }
  }

  private static EngineSpec scripted(String parameters) {
    return new EngineSpec("scripted:" + parameters, "auto", 1, 4, 1024, null, Map.of());
  }

  private static boolean waits(Thread thread) {
    return Arrays.stream(thread.getStackTrace()).anyMatch(frame -> frame.getMethodName().equals("await"));
  }

  /** Of several teachers one loads for minutes, and tasks of the others come, go and are killed. */
  @Test
  @Timeout(60)
  void anEngineThatLoadsHoldsNobodyElseUp() throws Exception {
    EngineSpec slow = scripted("load-ms=3000");
    List<Thread> threads = new ArrayList<>();
    List<FutureTask<EngineHost.Lease>> tasks = new ArrayList<>();
    EngineHost.Lease held = EngineHost.acquire(scripted(""));
    for (int i = 0; i < 3; i++) {
      tasks.add(new FutureTask<>(() -> EngineHost.acquire(slow)));
      threads.add(new Thread(tasks.get(i)));
      threads.get(i).start();
    }
    while (threads.stream().filter(EngineHostTest::waits).count() < 2) {
      Thread.sleep(1);
    }
    EngineHost.acquire(scripted("")).close();
    held.close();
    assertEquals(0, EngineHost.stats().steps());
    int victim = IntStream.range(0, 3).filter(i -> waits(threads.get(i))).findFirst().orElseThrow();
    threads.get(victim).interrupt();
    ExecutionException e = assertThrows(ExecutionException.class, tasks.get(victim)::get);
    assertTrue(e.getMessage().contains("interrupted while it waited"), e.getMessage());
    assertEquals(1, tasks.stream().filter(FutureTask::isDone).count(), "the others still load");
    tasks.remove(victim);
    try (EngineHost.Lease one = tasks.get(0).get(); EngineHost.Lease other = tasks.get(1).get()) {
      assertSame(one.runtime(), other.runtime());
    }
  }

  /** Whoever waited tries for itself. */
  @Test
  void anEngineThatCannotBeLoadedIsLoadedByNobody() {
    EngineSpec broken = scripted("tokens=x");
    for (int i = 0; i < 2; i++) {
      assertThrows(InferenceException.class, () -> EngineHost.acquire(broken));
    }
  }

  @Test
  void eachStepIsToldOnceWhicheverTaskAsks() throws InterruptedException {
    EngineStats all;
    try (EngineHost.Lease one = EngineHost.acquire(spec);
        EngineHost.Lease other = EngineHost.acquire(spec)) {
      assertEquals(one.name(), other.name());
      EngineStats told = one.news();
      for (EngineHost.Lease lease : List.of(one, other, one)) {
        decode(lease);
        told = told.plus(lease.news());
      }
      all = one.runtime().stats();
      assertTrue(all.steps() > 0 && all.busyNanos() > 0 && !all.opNanos().isEmpty(), all::toString);
      assertEquals(all.withLoad(EngineStats.Load.NONE), told.withLoad(EngineStats.Load.NONE));
      assertEquals(0, other.news().steps());
      decode(other); // and nobody asks any more
    }
    try (EngineHost.Lease next = EngineHost.acquire(spec)) {
      assertTrue(next.runtime().stats().steps() > all.steps());
      assertEquals(0, next.news().steps(), "what was done for others before");
    }
  }

  private void decode(EngineHost.Lease lease) throws InterruptedException {
    try (ModelRuntime.Session session = lease.runtime().open()) {
      session.submit(new GenerationRequest(1, prompt("What is 1 + 2?"), new int[] {0, 1}, PARAMS));
      while (session.pending() > 0) {
        session.poll(1000);
      }
    }
  }

  @Test
  void aModelWrittenAnewAtTheSamePlaceIsAnother() throws IOException {
    ModelInfo before;
    try (EngineHost.Lease lease = EngineHost.acquire(spec)) {
      before = lease.runtime().info();
      assertEquals(before, EngineHost.describe(spec));
    }
    Path weights = folder.resolve("model.safetensors");
    try (RandomAccessFile file = new RandomAccessFile(weights.toFile(), "rw")) {
      file.seek(file.length() - 2);
      file.write(new byte[] {0, 0x3f});
    }
    Files.setLastModifiedTime(weights, FileTime.fromMillis(1_000_000_000_000L));
    try (EngineHost.Lease lease = EngineHost.acquire(spec)) {
      assertNotEquals(before.fingerprint(), lease.runtime().info().fingerprint());
      assertEquals(EngineHost.describe(spec), lease.runtime().info());
    }
  }

  @Test
  void aDeadEngineIsReplaced() {
    ModelRuntime dead;
    try (EngineHost.Lease lease = EngineHost.acquire(spec)) {
      dead = lease.runtime();
      dead.close();
      assertTrue(dead.ended());
    }
    try (EngineHost.Lease lease = EngineHost.acquire(spec)) {
      assertNotEquals(dead, lease.runtime());
    }
  }

  @Test
  void anEngineThatDoesNotFitFailsWhoeverAsksForIt() {
    EngineSpec huge = new EngineSpec(spec.model(), "auto", 1, 64, Integer.MAX_VALUE, null, Map.of());
    InferenceException e = assertThrows(InferenceException.class, () -> EngineHost.acquire(huge));
    assertEquals("memory_exceeded", e.errorClass());
    // A driver whose executors compute elsewhere has no say in it.
    assertEquals(EngineHost.describe(spec), EngineHost.describe(huge));
  }

  @Test
  void nativeNumericsRunWhereTheirTilesAreAndNowhereElse() {
    EngineSpec tiles = spec.withNumerics("native");
    assertNotEquals(spec.numericsVersion(), tiles.numericsVersion());
    // A driver whose executors compute elsewhere has no say in it.
    assertEquals("bf16", EngineHost.describe(tiles).weightFormat());
    String why = KernelsLadder.nativeRefusal();
    if (why == null) {
      EngineHost.acquire(tiles).close();
      return;
    }
    InferenceException e = assertThrows(InferenceException.class, () -> EngineHost.acquire(tiles));
    assertEquals("numerics_unavailable", e.errorClass());
    assertTrue(e.getMessage().contains(why) && e.getMessage().contains("--numerics portable"), e.getMessage());
  }

  @Test
  void whatTheClusterGrantsOutsideTheHeapIsSparksOwnReckoning() {
    assertEquals(0, overhead("spark.master", "local[2]", "spark.executor.memoryOverhead", "2g"));
    assertEquals(0, overhead("spark.master", "spark://h:7077", "spark.executor.memoryOverhead", "2g"));
    assertEquals(2L << 30, overhead("spark.master", "yarn", "spark.executor.memoryOverhead", "2g"));
    assertEquals(700L << 20, overhead("spark.master", "k8s://h", "spark.executor.memoryOverhead", "700"));
    assertEquals(384L << 20, overhead("spark.master", "yarn", "spark.executor.memory", "1g"));
    assertEquals(819L << 20, overhead("spark.master", "yarn", "spark.executor.memory", "8g"));
    assertEquals(
        4L << 30,
        overhead(
            "spark.master", "k8s://h", "spark.executor.memory", "8g", "spark.kubernetes.memoryOverheadFactor", "0.5"));
    assertEquals(
        2L << 30,
        overhead("spark.master", "yarn", "spark.executor.memory", "8g", "spark.executor.memoryOverheadFactor", "0.25"));
  }

  private static long overhead(String... pairs) {
    SparkConf conf = new SparkConf(false);
    for (int i = 0; i < pairs.length; i += 2) {
      conf.set(pairs[i], pairs[i + 1]);
    }
    return EngineHost.memoryOverhead(conf);
  }

  @Test
  void batchesOfRequestsBecomeBatchesOfCompletions() {
    int[] prompt = prompt("Tom has 3 apples and buys 4 more. How many apples does he have?");
    List<GenerationRequest> requests =
        LongStream.range(0, 5).mapToObj(i -> new GenerationRequest(i, prompt, new int[] {0, 3}, PARAMS)).toList();
    List<Completion> out = generate(requests.iterator(), EngineHost.describe(spec));
    assertEquals(10, out.size());
    for (Completion c : out) {
      // Equal prompts and sample indexes give equal tokens.
      Completion twin = out.stream().filter(o -> o.sampleIndex() == c.sampleIndex()).findFirst().orElseThrow();
      assertEquals(twin.text(), c.text());
      assertEquals(c.tokenIds().length, c.logprobs().length);
      assertTrue(c.tokenIds().length > 0 && c.tokenIds().length <= 24);
      assertTrue(List.of(FinishReason.STOP, FinishReason.LENGTH).contains(c.finishReason()));
    }
  }

  @Test
  void aCutTraceGoesOnThroughArrowToTheSameTokensTextAndLogProbabilities() {
    long seed = System.nanoTime();
    System.out.println("EngineHostTest: -Dwinnow.seed=" + seed);
    Random random = new Random(Long.getLong("winnow.seed", seed));
    SamplingParams params = new SamplingParams(0.8, 0.95, 0, 0, 1.1, 120, List.of("</answer>"), 3, true, 0);
    List<GenerationRequest> whole = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      int[] prompt = prompt("Tom has " + (i + 3) + " apples and buys 4 more. How many apples does he have?");
      whole.add(new GenerationRequest(i, prompt, new int[] {0, 1, 2}, params));
    }
    Map<String, Completion> expected = new HashMap<>();
    for (Completion c : generate(whole.iterator(), EngineHost.describe(spec), params)) {
      expected.put(c.requestId() + "/" + c.sampleIndex(), c);
    }
    List<GenerationRequest> cut = new ArrayList<>();
    for (GenerationRequest r : whole) {
      int[][] generated = new int[3][];
      for (int i = 0; i < 3; i++) {
        int[] tokens = expected.get(r.requestId() + "/" + i).tokenIds();
        generated[i] = r.requestId() == 0 || i == 2 ? null : Arrays.copyOf(tokens, random.nextInt(tokens.length));
      }
      cut.add(
          new GenerationRequest(
              r.requestId(), r.promptTokens(), r.sampleIndexes(), params, r.requestId() == 0 ? null : generated));
    }
    List<Completion> got = generate(cut.iterator(), EngineHost.describe(spec), params);
    assertEquals(18, got.size());
    for (Completion c : got) {
      Completion one = expected.get(c.requestId() + "/" + c.sampleIndex());
      assertArrayEquals(one.tokenIds(), c.tokenIds());
      assertEquals(one.text(), c.text());
      assertEquals(one.finishReason(), c.finishReason());
      int[][] lists = cut.get((int) c.requestId()).generated();
      int given = lists == null || lists[c.sampleIndex()] == null ? 0 : lists[c.sampleIndex()].length;
      for (int i = 0; i < c.tokenIds().length; i++) {
        assertEquals(
            i < given ? Float.floatToIntBits(Float.NaN) : Float.floatToIntBits(one.logprobs()[i]),
            Float.floatToIntBits(c.logprobs()[i]));
      }
    }
  }

  @Test
  void aRequestThatCannotBeDoneComesBackWithItsError() {
    GenerationRequest empty = new GenerationRequest(1, new int[0], new int[] {0, 1}, PARAMS);
    List<Completion> out = generate(List.of(empty).iterator(), EngineHost.describe(spec));
    assertEquals(List.of("prompt_empty", "prompt_empty"), out.stream().map(Completion::errorClass).toList());
  }

  @Test
  void anotherModelThanTheDriversIsRefused() {
    ModelInfo here = EngineHost.describe(spec);
    ModelInfo other =
        new ModelInfo(
            here.name(), here.architecture(), "0".repeat(64), here.tokenizerFingerprint(), here.templateFingerprint(),
            here.weightFormat(), here.contextLength(), here.vocabSize(), here.parameters(), here.weightBytes(),
            here.addedEnds());
    InferenceException e =
        assertThrows(InferenceException.class, () -> generate(Collections.emptyIterator(), other));
    assertTrue(e.getMessage().contains("is not that on the driver"), e.getMessage());
  }

  /** As a task does that is killed, or whose other attempt was faster. */
  @Test
  void closingEarlyTakesWhatIsOpenOutOfTheEngine() throws InterruptedException {
    SamplingParams endless =
        new SamplingParams(0.6, 1, 0, 0, 1, 900, List.of(), 7, false, 0).withEnds(List.of(), 0, true);
    int[] prompt = prompt("Ann has 5 pens. She gives away 2. How many are left?");
    GenerationRequest request = new GenerationRequest(1, prompt, IntStream.range(0, 32).toArray(), endless);
    try (EngineHost.Lease other = EngineHost.acquire(spec)) {
      try (BufferAllocator allocator = new RootAllocator();
          var in = ArrowRequests.batches(List.of(request).iterator(), allocator, 1);
          CompletionStream out =
              new GenerateFunction(spec, endless, 0, EngineHost.describe(spec)).apply(in, allocator)) {
        while (other.runtime().stats().generatedTokens() == 0) {
          out.next();
        }
      }
      decode(other);
      EngineStats after = other.runtime().stats();
      assertTrue(after.generatedTokens() < 32 * 900, "they had come to their end before");
      assertEquals(2, after.finished(), "those of the request that stayed");
      assertTrue(after.load().running() <= 2 && after.load().waiting() == 0, after.load()::toString);
      assertTrue(after.load().usedPages() <= 4, after.load()::toString);
    }
  }

  private int[] prompt(String question) {
    return EngineHost.renderer(spec).render(List.of(Message.of("user", question))).tokenIds();
  }

  private List<Completion> generate(Iterator<GenerationRequest> requests, ModelInfo expected) {
    return generate(requests, expected, PARAMS);
  }

  private List<Completion> generate(
      Iterator<GenerationRequest> requests, ModelInfo expected, SamplingParams params) {
    List<Completion> all = new ArrayList<>();
    try (BufferAllocator allocator = new RootAllocator();
        CloseableIterator<VectorSchemaRoot> in = ArrowRequests.batches(requests, allocator, 2);
        CompletionStream out = new GenerateFunction(spec, params, 50, expected).apply(in, allocator)) {
      while (out.hasNext()) {
        all.addAll(ArrowCompletions.read(out.next()));
      }
    }
    return all;
  }
}
