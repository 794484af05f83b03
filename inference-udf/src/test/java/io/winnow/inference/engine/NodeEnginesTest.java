// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.winnow.inference.Completion;
import io.winnow.inference.EngineHosting;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.InferenceException;
import io.winnow.inference.Message;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.tokenizer.ModelText;
import io.winnow.kernels.CpuAffinity;
import io.winnow.kernels.NativeBuffer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Engines for the nodes of a machine that is made up of folders, on the real processors of this one. */
@Timeout(60)
class NodeEnginesTest {
  private static final Path MODEL = Path.of(System.getProperty("winnow.root"), "examples", "model");
  private static final EngineHosting PER_NODE = new EngineHosting(null, true, true);
  private static final EngineSpec SPEC = new EngineSpec(MODEL.toString(), "auto", 4, 8, 4096, null, Map.of());
  private static final ModelText TEXT = ModelText.load(MODEL, null, Map.of());

  @TempDir Path folder;

  @AfterEach
  void nothingStays() {
    System.clearProperty(NumaNodes.FOLDER);
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  private void node(int number, String processors) throws IOException {
    Path node = Files.createDirectories(folder.resolve("node" + number));
    Files.writeString(node.resolve("cpulist"), processors + "\n");
    System.setProperty(NumaNodes.FOLDER, folder.toString());
  }

  @Test
  void nodesAreReadAsLinuxTellsThem() throws IOException {
    node(10, "8-9,12");
    node(2, "0-3");
    node(3, "");
    node(4, "5");
    Files.writeString(folder.resolve("online"), "2-4,10\n");
    assertEquals(List.of(List.of(1, 3), List.of(8, 12)), NumaNodes.read(folder, Set.of(1, 3, 4, 8, 12, 64)));
    node(5, "6-x");
    IOException e = assertThrows(IOException.class, () -> NumaNodes.read(folder, Set.of(1)));
    assertTrue(e.getMessage().contains("cannot be read"), e.getMessage());
    assertThrows(NoSuchFileException.class, () -> NumaNodes.read(folder.resolve("none"), Set.of(1)));
  }

  @Test
  void aThreadAndThoseThatItStartsStayWhereTheyArePinned() throws Exception {
    assumeTrue(CpuAffinity.supported(), "there are no native kernels");
    List<Integer> all = CpuAffinity.ofThread();
    List<Integer> last = all.subList(all.size() - 1, all.size());
    List<List<Integer>> seen = new ArrayList<>();
    Thread outer =
        new Thread(
            () -> {
              try {
                CpuAffinity.pin(last);
                seen.add(CpuAffinity.ofThread());
                Thread inner = new Thread(() -> seen.add(affinity()));
                inner.start();
                inner.join();
              } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
              }
            });
    outer.start();
    outer.join();
    assertEquals(List.of(last, last), seen);
    assertEquals(all, CpuAffinity.ofThread());
    assertThrows(IOException.class, () -> CpuAffinity.pin(List.of(8000)));
    assertThrows(IOException.class, () -> CpuAffinity.pin(List.of(-1)));
  }

  private static List<Integer> affinity() {
    try {
      return CpuAffinity.ofThread();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Tokens by request and sample, with a session for each request, all open at once. */
  private static Map<String, int[]> tokens(ModelRuntime runtime) throws InterruptedException {
    SamplingParams params = new SamplingParams(0.6, 0.95, 0, 0, 1, 24, List.of(), 7, false, 0);
    List<ModelRuntime.Session> sessions = new ArrayList<>();
    Map<String, int[]> out = new TreeMap<>();
    try {
      for (int i = 0; i < 4; i++) {
        int[] prompt = TEXT.renderer().render(List.of(Message.of("user", "What is " + i + " + 5?"))).tokenIds();
        ModelRuntime.Session session = runtime.open();
        sessions.add(session);
        assertTrue(session.hasRoom());
        session.submit(new GenerationRequest(i, prompt, new int[] {0, 1, 2}, params));
      }
      for (ModelRuntime.Session session : sessions) {
        while (session.pending() > 0) {
          for (Completion c : session.poll(1000)) {
            out.put(c.requestId() + "/" + c.sampleIndex(), c.tokenIds());
          }
        }
        assertTrue(session.generatedTokens() > 0);
      }
    } finally {
      sessions.forEach(ModelRuntime.Session::close);
    }
    return out;
  }

  /** Makes two nodes of the processors that there are, half each, and says which these are. */
  private List<Integer> twoNodes() throws IOException {
    assumeTrue(CpuAffinity.supported(), "there are no native kernels");
    List<Integer> processors = CpuAffinity.ofThread();
    assumeTrue(processors.size() >= 2, "there is one processor");
    int half = processors.size() / 2;
    node(0, commas(processors.subList(0, half)));
    node(1, commas(processors.subList(half, processors.size())));
    return processors;
  }

  /**
   * Processors on which the threads of engines may run, by what Linux says, each list once: the engines' own and those
   * of their kernels, which have the name of the thread that loaded the engine and has ended.
   */
  private static Set<String> enginesRunOn() throws IOException {
    Set<String> out = new TreeSet<>();
    try (Stream<Path> threads = Files.list(Path.of("/proc/self/task"))) {
      for (Path thread : threads.toList()) {
        List<String> status;
        try {
          status = Files.readAllLines(thread.resolve("status"));
        } catch (IOException e) {
          continue; // it has ended
        }
        if (status.get(0).matches("Name:\\s+winnow-(engine|node-loa)")) {
          status.stream().filter(line -> line.startsWith("Cpus_allowed_list:")).forEach(out::add);
        }
      }
    }
    return out;
  }

  @Test
  void eachNodeHasItsEngineAndTheTokensAreThoseOfOne() throws Exception {
    twoNodes();
    Map<String, int[]> expected;
    try (ModelRuntime one = EmbeddedRuntime.load(SPEC, TEXT, MemoryBudget.host(0))) {
      expected = tokens(one);
    }
    try (ModelRuntime two = NodeEngines.load(SPEC, TEXT, MemoryBudget.host(0), PER_NODE)) {
      assertInstanceOf(NodeEngines.class, two);
      Map<String, int[]> got = tokens(two);
      assertEquals(expected.keySet(), got.keySet());
      expected.forEach((key, ids) -> assertArrayEquals(ids, got.get(key), key));
      assertEquals(2, enginesRunOn().size(), () -> "engines are not on nodes of their own");
      // A cache of 64 pages, half of it each; four sessions, so each engine had two of them.
      assertEquals(64, two.stats().load().pages());
      assertEquals(8, two.stats().load().places());
      assertEquals(expected.values().stream().mapToLong(ids -> ids.length).sum(), two.stats().generatedTokens());
      assertEquals(12, two.stats().finished());
      assertTrue(!two.ended() && two.info().contextLength() > 0);
      two.close();
      assertTrue(two.ended());
    }
  }

  @Test
  void threadsAreSharedOutAndNoneIsAdded() {
    assertArrayEquals(new int[] {2, 2}, NodeEngines.shares(4, new int[] {8, 8}));
    assertArrayEquals(new int[] {2, 1}, NodeEngines.shares(3, new int[] {8, 8}));
    assertArrayEquals(new int[] {1, 3}, NodeEngines.shares(4, new int[] {2, 6}));
    assertArrayEquals(new int[] {1, 7}, NodeEngines.shares(8, new int[] {1, 60}));
    assertArrayEquals(new int[] {0, 1, 1, 0}, NodeEngines.shares(2, new int[] {3, 4, 4, 3}));
    Random random = new Random(7);
    for (int i = 0; i < 500; i++) {
      int[] processors = random.ints(1 + random.nextInt(9), 1, 65).toArray();
      int threads = 1 + random.nextInt(200);
      int[] shares = NodeEngines.shares(threads, processors);
      assertEquals(threads, Arrays.stream(shares).sum());
      long idle = Arrays.stream(shares).filter(share -> share == 0).count();
      assertEquals(Math.max(0, processors.length - threads), idle);
    }
  }

  @Test
  void fewerThreadsThanNodesAreFewerEngines() throws Exception {
    twoNodes();
    try (ModelRuntime one = NodeEngines.load(SPEC.withThreads(1), TEXT, MemoryBudget.host(0), PER_NODE)) {
      assertInstanceOf(EmbeddedRuntime.class, one);
    }
  }

  /** The JVM's common pool outlives the engine; its threads belong to everybody. */
  @Test
  void loadingBindsNoThreadOfOthers() throws Exception {
    List<Integer> processors = twoNodes();
    NodeEngines.load(SPEC, TEXT, MemoryBudget.host(0), PER_NODE).close();
    Set<List<Integer>> seen = ConcurrentHashMap.newKeySet();
    IntStream.range(0, 64).parallel().forEach(i -> {
      try {
        seen.add(CpuAffinity.ofThread());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      LockSupport.parkNanos(1_000_000);
    });
    assertEquals(Set.of(processors), seen);
  }

  @Test
  void whereThereIsOneNodeThereIsOneEngine() throws Exception {
    node(0, commas(IntStream.range(0, 4096).boxed().toList()));
    try (ModelRuntime one = NodeEngines.load(SPEC, TEXT, MemoryBudget.host(0), PER_NODE)) {
      assertInstanceOf(EmbeddedRuntime.class, one);
    }
    System.setProperty(NumaNodes.FOLDER, folder.resolve("nothing").toString());
    try (ModelRuntime one = NodeEngines.load(SPEC, TEXT, MemoryBudget.host(0), PER_NODE)) {
      assertInstanceOf(EmbeddedRuntime.class, one);
    }
  }

  @Test
  void anEngineThatDoesNotFitItsShareLeavesNothingBehind() throws Exception {
    assumeTrue(CpuAffinity.supported() && CpuAffinity.ofThread().size() >= 2, "there is one processor");
    List<Integer> processors = CpuAffinity.ofThread();
    node(0, commas(processors.subList(0, 1)));
    node(1, commas(processors.subList(1, 2)));
    EngineSpec huge = SPEC.withRoom(SPEC.maxSequences(), Integer.MAX_VALUE);
    assertThrows(
        InferenceException.class,
        () -> NodeEngines.load(huge, TEXT, MemoryBudget.host(0), PER_NODE));
  }

  private static String commas(List<Integer> processors) {
    return String.join(",", processors.stream().map(String::valueOf).toList());
  }
}
