// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.EngineMemory;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.HostMemory;
import io.winnow.inference.InferenceException;
import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.inference.checkpoint.Checkpoints;
import io.winnow.inference.model.DecoderModel;
import io.winnow.inference.model.TinyCheckpoint;
import io.winnow.inference.tokenizer.ModelText;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KernelsLadder;
import io.winnow.kernels.NativeBuffer;
import io.winnow.inference.model.WeightPrecision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryBudgetTest {
  private static final long MIB = 1L << 20;
  private static final HostMemory PLENTY = new HostMemory(1L << 40, 1L << 30, 0, 0);
  private static final Path SHIPPED = Path.of(System.getProperty("winnow.root"), "examples", "model");

  @TempDir Path folder;

  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  private static EngineSpec spec(Path model, String weights, int maxSequences, int kvCacheTokens) {
    return new EngineSpec(model.toString(), weights, 1, maxSequences, kvCacheTokens, null, Map.of());
  }

  /** A host with that much room for an engine. */
  private static HostMemory room(long bytes) {
    return new HostMemory(bytes + 700 * MIB, 600 * MIB, 100 * MIB, 0);
  }

  @Test
  void theShippedModelTakesWhatTheBudgetSays() {
    try (ModelText text = ModelText.load(SHIPPED, null, Map.of())) {
      for (String weights : new String[] {"f32", "bf16"}) {
        for (int kvCacheTokens : new int[] {0, 1, 64, 1000}) {
          String type = kvCacheTokens == 1 ? "bf16" : kvCacheTokens == 64 ? "int8" : "f32";
          EngineSpec spec = spec(SHIPPED, weights, 7, kvCacheTokens).withKvCacheType(type);
          EngineMemory memory = MemoryBudget.of(spec, PLENTY);
          EmbeddedRuntime runtime = EmbeddedRuntime.load(spec, text, PLENTY);
          // All but the estimate for the tokenizer, which does not allocate here, is exact.
          long tokenizer = text.tokenizer().vocabSize() * MemoryBudget.TOKENIZER_BYTES_AN_ENTRY;
          assertEquals(memory.total() - tokenizer, NativeBuffer.outstandingBytes(), spec.toString());
          assertTrue(memory.kvCacheTokens() > 0);
          runtime.close();
        }
      }
    }
  }

  @Test
  void narrowKeysAndValuesTakeLess() {
    long f32 = MemoryBudget.of(spec(SHIPPED, "f32", 7, 640), PLENTY).kvCache();
    long bf16 = MemoryBudget.of(spec(SHIPPED, "f32", 7, 640).withKvCacheType("bf16"), PLENTY).kvCache();
    long int8 = MemoryBudget.of(spec(SHIPPED, "f32", 7, 640).withKvCacheType("int8"), PLENTY).kvCache();
    assertEquals(f32, 2 * bf16);
    assertTrue(int8 > bf16 / 2 && int8 < bf16, "codes of 8 bits and their scales take " + int8);
    long room = MemoryBudget.of(spec(SHIPPED, "f32", 7, 640), PLENTY).total();
    HostMemory host = room(room);
    int tokens = MemoryBudget.of(spec(SHIPPED, "f32", 7, 0), host).kvCacheTokens();
    int more = MemoryBudget.of(spec(SHIPPED, "f32", 7, 0).withKvCacheType("bf16"), host).kvCacheTokens();
    assertTrue(more > 1.5 * tokens, more + " tokens in the room of " + tokens);
  }

  @Test
  void weightsWithBiasesAndAnOwnHeadAreCounted() throws IOException {
    for (String type : new String[] {"llama", "qwen2"}) {
      for (WeightPrecision format : WeightPrecision.values()) {
        Path model = TinyCheckpoint.write(folder.resolve(type + format), type, "F32", 1);
        try (Checkpoint checkpoint = Checkpoints.open(model);
            Kernels kernels = KernelsLadder.open(1)) {
          long expected =
              DecoderModel.weightBytes(checkpoint, format)
                  + DecoderModel.activationBytes(checkpoint.config(), 77, 5, 300);
          try (DecoderModel decoder = new DecoderModel(checkpoint, kernels, format, 77, 5, 300)) {
            assertEquals(expected, NativeBuffer.outstandingBytes(), type + " " + format);
          }
        }
      }
    }
  }

  @Test
  void aCacheThatSizesItselfNeverGoesOver() throws IOException {
    Path model = TinyCheckpoint.write(folder, "llama", "F32", 1);
    long seed = Script.seed("MemoryBudgetTest");
    Random random = new Random(seed);
    EngineMemory plenty = MemoryBudget.of(spec(model, "f32", 64, 0), PLENTY);
    assertEquals(64 * TinyCheckpoint.CONTEXT, plenty.kvCacheTokens());
    long page = plenty.kvCache() / Scheduler.pagesFor(plenty.kvCacheTokens());
    long smallest = plenty.weights() + plenty.scratch() + page;
    int less = 0;
    for (int i = 0; i < 200; i++) {
      long bytes = (long) (random.nextDouble() * 1.2 * plenty.total());
      EngineMemory memory = MemoryBudget.of(spec(model, "f32", 64, 0), room(bytes));
      assertEquals(bytes, memory.host().available());
      assertTrue(memory.fits() || bytes < smallest, () -> memory + " of " + bytes);
      if (memory.fits()) {
        assertNull(memory.remedy());
        // What is left over would not hold another page, or the cache has all it can use.
        boolean all = memory.kvCacheTokens() == plenty.kvCacheTokens();
        assertTrue(all || bytes - memory.total() < 2 * page, memory + " of " + bytes);
        less += all ? 0 : 1;
      }
    }
    assertTrue(less > 20, "the cache was hardly ever cut");
  }

  @Test
  void whatGoesOverIsRefusedWithItsNumbersAndNothingIsLoaded() throws IOException {
    try (ModelText text = ModelText.load(SHIPPED, null, Map.of())) {
      refused(text, spec(SHIPPED, "f32", 4, 100_000_000), room(100 * MIB),
          "KV cache", "100,000,000 tokens", "100.0 MiB for it", "Leave --kv-cache-tokens out", "800.0 MiB of this host",
          "600.0 MiB of heap", "100.0 MiB for the JVM itself");
      refused(text, spec(SHIPPED, "f32", 1_000_000, 0), room(100 * MIB), "Set --max-sequences to", "scratch");
      refused(text, spec(SHIPPED, "f32", Integer.MAX_VALUE, 0), room(100 * MIB), "Set --max-sequences to");
      refused(text, spec(SHIPPED, "f32", 1, 64), room(100_000), "Use a smaller model, or give the JVM less heap");
      HostMemory granted = new HostMemory(1L << 40, 1L << 30, 384 * MIB, 385 * MIB);
      refused(text, spec(SHIPPED, "f32", 64, 0), granted, "raise spark.executor.memoryOverhead",
          "385.0 MiB of spark.executor.memoryOverhead less 384.0 MiB");
    }
  }

  @Test
  void whereTheNumberOfSequencesIsLeftOpenTheMemoryDecides() throws IOException {
    Path model = TinyCheckpoint.write(folder, "llama", "F32", 1);
    assertEquals(256, MemoryBudget.of(spec(model, "f32", 0, 0), PLENTY).sequences());
    assertEquals(3, MemoryBudget.of(spec(model, "f32", 3, 0), PLENTY).sequences());
    int length = Math.min(256, TinyCheckpoint.CONTEXT);
    assertEquals(256, MemoryBudget.of(spec(model, "f32", 0, 256 * length), PLENTY).sequences());
    assertEquals(128, MemoryBudget.of(spec(model, "f32", 0, 256 * length - 1), PLENTY).sequences());
    assertEquals(64, MemoryBudget.of(spec(model, "f32", 0, 64), PLENTY).sequences());
    long plenty = MemoryBudget.of(spec(model, "f32", 0, 0), PLENTY).total();
    int before = 256;
    Set<Integer> seen = new HashSet<>();
    for (long bytes = plenty; bytes > 0; bytes -= plenty / 300) {
      EngineMemory memory = MemoryBudget.of(spec(model, "f32", 0, 0), room(bytes));
      assertTrue(memory.sequences() <= before, "less memory, more sequences");
      assertTrue(
          memory.sequences() <= 64 || memory.kvCacheTokens() >= memory.sequences() * length, memory.toString());
      before = memory.sequences();
      seen.add(before);
      // Whatever fits with some number of sequences fits with the number that is chosen.
      assertEquals(MemoryBudget.of(spec(model, "f32", 1, 0), room(bytes)).fits(), memory.fits(), memory.toString());
    }
    assertTrue(seen.containsAll(Set.of(256, 128, 64, 32, 1)), seen.toString());
  }

  @Test
  void theEngineThatChoosesItsSequencesTakesWhatTheBudgetSays() {
    try (ModelText text = ModelText.load(SHIPPED, null, Map.of())) {
      for (int kvCacheTokens : new int[] {0, 1000}) {
        EngineSpec spec = spec(SHIPPED, "f32", 0, kvCacheTokens);
        EngineMemory memory = MemoryBudget.of(spec, PLENTY);
        EmbeddedRuntime runtime = EmbeddedRuntime.load(spec, text, PLENTY);
        long tokenizer = text.tokenizer().vocabSize() * MemoryBudget.TOKENIZER_BYTES_AN_ENTRY;
        assertEquals(memory.total() - tokenizer, NativeBuffer.outstandingBytes(), spec.toString());
        runtime.close();
      }
    }
  }

  private static void refused(ModelText text, EngineSpec spec, HostMemory host, String... said) {
    InferenceException e =
        assertThrows(InferenceException.class, () -> EmbeddedRuntime.load(spec, text, host));
    assertEquals("memory_exceeded", e.errorClass());
    assertEquals(0, NativeBuffer.outstandingBytes());
    for (String part : said) {
      assertTrue(e.getMessage().contains(part), () -> "'" + part + "' is not in: " + e.getMessage());
    }
    InferenceException described =
        assertThrows(InferenceException.class, () -> EmbeddedRuntime.describe(spec, text, host));
    assertEquals(e.getMessage(), described.getMessage());
    // Whoever does not build it may still ask what the model is.
    assertEquals("model", EmbeddedRuntime.describe(spec, text, null).name());
  }

  @Test
  void halfTheWeightsMayBeTheRemedy() throws IOException {
    Path model = TinyCheckpoint.write(folder, "llama", "F32", 1);
    EngineMemory bf16 = MemoryBudget.of(spec(model, "bf16", 1, 64), PLENTY);
    EngineMemory tight = MemoryBudget.of(spec(model, "f32", 1, 64), room(bf16.total() + 100_000));
    assertTrue(tight.remedy().startsWith("Use --weights bf16"), tight.toString());
  }

  @Test
  void theHostIsWhatIsLeftBesideTheHeap() {
    HostMemory host = MemoryBudget.host(0);
    assertTrue(host.heap() >= Runtime.getRuntime().maxMemory());
    assertTrue(host.limit() > 0 && host.reserve() >= 384 * MIB);
    assertEquals(Math.max(0, host.limit() - host.heap() - host.reserve()), host.available());
    assertEquals(0, new HostMemory(8, 10, 1, 0).available());
    assertEquals(3, new HostMemory(100, 50, 2, 5).available());
    assertEquals(48, new HostMemory(100, 50, 2, 70).available());
  }
}
