// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.EngineMemory;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.HostMemory;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.ScriptParams;
import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.inference.checkpoint.Checkpoints;
import io.winnow.inference.checkpoint.ModelConfig;
import io.winnow.inference.model.DecoderModel;
import io.winnow.inference.model.WeightPrecision;
import io.winnow.kernels.KvCache;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;

/**
 * What an engine takes outside the heap, from a model's headers alone, and what there is for it. The one place that
 * decides how large a KV cache is.
 */
public final class MemoryBudget {
  /** As much as Spark leaves an executor outside its heap if nobody says more: a tenth of the heap, at least this. */
  private static final long LEAST_RESERVE = 384L << 20;
  /** Positions a sequence is expected to take when the cache is sized by itself. */
  private static final int TYPICAL_LENGTH = 1024;
  /** Where the number of sequences is left open, the cache holds at least so many positions of each … */
  private static final int LEAST_LENGTH = 256;
  /** … down to this number of them; with fewer the products are too small, and preemption is the lesser evil. */
  private static final int FEW_SEQUENCES = 64;

  /**
   * Native memory of a tokenizer for each entry of its vocabulary, from above: a byte-level BPE of 32,000 entries takes
   * 650 bytes an entry, one of 151,000 takes 480 (resident memory before and after loading).
   */
  static final long TOKENIZER_BYTES_AN_ENTRY = 1024;

  private MemoryBudget() {}

  /**
   * The memory of this JVM.
   *
   * @param stated bytes that whoever runs this JVM grants it outside its heap, 0 where nobody says
   */
  public static HostMemory host(long stated) {
    long heap = heap();
    return new HostMemory(
        Math.min(physical(), ContainerMemory.limit()), heap, Math.max(LEAST_RESERVE, heap / 10), stated);
  }

  /** What {@code -Xmx} says or the JVM has chosen; {@link Runtime#maxMemory()} may leave a survivor space out. */
  private static long heap() {
    long most = Runtime.getRuntime().maxMemory();
    try {
      String option =
          ManagementFactory.getPlatformMXBean(com.sun.management.HotSpotDiagnosticMXBean.class)
              .getVMOption("MaxHeapSize")
              .getValue();
      return Math.max(most, Long.parseLong(option));
    } catch (RuntimeException e) {
      return most;
    }
  }

  /** Memory of the machine, or of the container as far as the JVM knows of one. */
  private static long physical() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getTotalMemorySize();
  }

  /**
   * What the engine of a spec would take.
   *
   * @throws io.winnow.inference.InferenceException when the model cannot be opened
   */
  public static EngineMemory of(EngineSpec spec, HostMemory host) {
    if (ScriptParams.isScripted(spec.model())) {
      // Its pages are counted and hold nothing.
      int context = ScriptParams.of(spec.model()).context();
      int sequences = sequences(spec, context);
      return new EngineMemory(host, sequences, 0, typicalTokens(sequences, context), 0, 0, null);
    }
    try (Checkpoint checkpoint = Checkpoints.open(Path.of(spec.model()))) {
      return of(spec, checkpoint, EmbeddedRuntime.precision(spec, checkpoint), host);
    }
  }

  static EngineMemory of(EngineSpec spec, Checkpoint checkpoint, WeightPrecision precision, HostMemory host) {
    EngineMemory memory = sized(spec, checkpoint, precision, host);
    return memory.fits()
        ? memory
        : new EngineMemory(
            host, memory.sequences(), memory.weights(), memory.kvCacheTokens(), memory.kvCache(), memory.scratch(),
            remedy(spec, checkpoint, precision, host));
  }

  private static EngineMemory sized(EngineSpec spec, Checkpoint checkpoint, WeightPrecision precision, HostMemory host) {
    if (spec.maxSequences() == 0) {
      int sequences = EngineSpec.MOST_SEQUENCES;
      EngineMemory memory = sized(with(spec, sequences, spec.kvCacheTokens()), checkpoint, precision, host);
      while (sequences > 1 && !(memory.fits() && holds(memory, checkpoint.config().contextLength()))) {
        sequences /= 2;
        memory = sized(with(spec, sequences, spec.kvCacheTokens()), checkpoint, precision, host);
      }
      return memory;
    }
    ModelConfig config = checkpoint.config();
    // Also where they are mapped from a file that other executors share: the pages must stay in memory to be fast, and
    // a container may be charged for all of them.
    long weights = DecoderModel.weightBytes(checkpoint, precision);
    int rows = EmbeddedRuntime.maxRows(spec.maxSequences());
    long page = EmbeddedRuntime.pageBytes(spec, config);
    int tokens = spec.kvCacheTokens();
    if (tokens == 0) {
      long left = host.available() - weights - scratch(spec, config, rows, config.contextLength());
      long pages = Math.max(1, Math.min(left / page, Integer.MAX_VALUE / KvCache.PAGE_TOKENS));
      tokens = (int) Math.min(typicalTokens(spec.maxSequences(), config.contextLength()), pages * KvCache.PAGE_TOKENS);
    }
    int positions = (int) Math.min(config.contextLength(), (long) pages(tokens) * KvCache.PAGE_TOKENS);
    return new EngineMemory(
        host, spec.maxSequences(), weights, tokens, pages(tokens) * page, scratch(spec, config, rows, positions), null);
  }

  /** Whether the cache has room for so many sequences; where they are few, it is not asked. */
  private static boolean holds(EngineMemory memory, int contextLength) {
    return holds(memory.sequences(), memory.kvCacheTokens(), contextLength);
  }

  private static boolean holds(int sequences, int tokens, int contextLength) {
    return sequences <= FEW_SEQUENCES || tokens >= (long) sequences * Math.min(LEAST_LENGTH, contextLength);
  }

  /** Sequences decoded together where nothing but a given size of the cache bounds them. */
  static int sequences(EngineSpec spec, int contextLength) {
    int sequences = spec.maxSequences() > 0 ? spec.maxSequences() : EngineSpec.MOST_SEQUENCES;
    while (spec.maxSequences() == 0 && spec.kvCacheTokens() > 0
        && !holds(sequences, spec.kvCacheTokens(), contextLength)) {
      sequences /= 2;
    }
    return sequences;
  }

  private static int pages(int tokens) {
    return (int) (((long) tokens + KvCache.PAGE_TOKENS - 1) / KvCache.PAGE_TOKENS);
  }

  private static long scratch(EngineSpec spec, ModelConfig config, int rows, int positions) {
    return DecoderModel.activationBytes(config, rows, EngineCore.draws(spec.maxSequences()), positions)
        + config.vocabSize() * TOKENIZER_BYTES_AN_ENTRY;
  }

  /** Room for all sequences at a typical length, at least for one at the full context. */
  static int typicalTokens(int maxSequences, int contextLength) {
    long typical = (long) maxSequences * Math.min(TYPICAL_LENGTH, contextLength);
    return (int) Math.min(Integer.MAX_VALUE - KvCache.PAGE_TOKENS, Math.max(contextLength, typical));
  }

  /**
   * As {@link #of}, for an engine that is to be built.
   *
   * @throws io.winnow.inference.InferenceException memory_exceeded, with the numbers and what to set, when it does not
   *     fit
   */
  static EngineMemory checked(EngineSpec spec, Checkpoint checkpoint, WeightPrecision precision, HostMemory host) {
    EngineMemory memory = of(spec, checkpoint, precision, host);
    if (!memory.fits()) {
      throw InferenceErrors.memoryExceeded(spec.model(), memory);
    }
    return memory;
  }

  /** The settings with which the engine fits, if any do, else what else to change. */
  private static String remedy(EngineSpec spec, Checkpoint checkpoint, WeightPrecision precision, HostMemory host) {
    String more =
        host.boundByGrant() ? "raise spark.executor.memoryOverhead" : "give the JVM less heap, or the host more memory";
    boolean sized = spec.kvCacheTokens() > 0;
    if (spec.maxSequences() == 0) {
      EngineMemory auto = sized(with(spec, 0, 0), checkpoint, precision, host);
      if (auto.fits()) {
        return "Leave --kv-cache-tokens out, which makes it " + auto.kvCacheTokens() + ", or " + more;
      }
    }
    for (int sequences = spec.maxSequences(); sequences >= 1; sequences /= 2) {
      EngineMemory auto = sized(with(spec, sequences, 0), checkpoint, precision, host);
      if (!auto.fits()) {
        continue;
      }
      String cache = "leave --kv-cache-tokens out, which makes it " + auto.kvCacheTokens();
      String fewer = "set --max-sequences to " + sequences + " or less" + (sized ? " and " + cache : "");
      return capital(sequences == spec.maxSequences() ? cache : fewer) + ", or " + more;
    }
    if (precision == WeightPrecision.F32 && sized(with(spec, 1, 0), checkpoint, WeightPrecision.BF16, host).fits()) {
      return "Use --weights bf16 and fewer --max-sequences, or " + more;
    }
    return "Use a smaller model, or " + more;
  }

  private static String capital(String text) {
    return Character.toUpperCase(text.charAt(0)) + text.substring(1);
  }

  /** With another number of sequences and another cache. */
  private static EngineSpec with(EngineSpec spec, int maxSequences, int kvCacheTokens) {
    return spec.withRoom(maxSequences, kvCacheTokens);
  }
}
