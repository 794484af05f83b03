// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.EngineHosting;
import io.winnow.inference.EngineMemory;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.EngineStats;
import io.winnow.inference.HostMemory;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.ScriptParams;
import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.inference.checkpoint.Checkpoints;
import io.winnow.inference.checkpoint.ModelConfig;
import io.winnow.inference.checkpoint.TensorInfo;
import io.winnow.inference.model.DecoderModel;
import io.winnow.inference.model.WeightPrecision;
import io.winnow.inference.tokenizer.IncrementalDetokenizer;
import io.winnow.inference.tokenizer.ModelText;
import io.winnow.inference.tokenizer.Tokenizer;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KernelsLadder;
import io.winnow.kernels.KvCache;
import io.winnow.kernels.KvFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** The engine inside this JVM: model files in, completions out. */
public final class EmbeddedRuntime implements ModelRuntime {
  /** Prompt tokens that a step takes beside the running sequences. */
  private static final int PREFILL_ROWS = 256;

  private static final System.Logger LOG = System.getLogger(EmbeddedRuntime.class.getName());

  private final ModelInfo info;
  private final EngineCore core;

  private EmbeddedRuntime(ModelInfo info, EngineCore core) {
    this.info = info;
    this.core = core;
  }

  /**
   * What the model is, from its headers and tokenizer; no weight is loaded.
   *
   * @param text the model's tokenizer and template
   * @param host the memory that its engine must fit into, null when it will not be built here
   * @throws io.winnow.inference.InferenceException as {@link #load}
   */
  public static ModelInfo describe(EngineSpec spec, ModelText text, HostMemory host) {
    if (ScriptParams.isScripted(spec.model())) {
      return ScriptedRuntime.describe(ScriptParams.of(spec.model()), text);
    }
    try (Checkpoint checkpoint = open(spec)) {
      if (host != null) {
        checkNumerics(spec);
        MemoryBudget.checked(spec, checkpoint, precision(spec, checkpoint), host);
      }
      return describe(spec, text, checkpoint, precision(spec, checkpoint));
    }
  }

  private static ModelInfo describe(EngineSpec spec, ModelText text, Checkpoint checkpoint, WeightPrecision precision) {
    long parameters = 0;
    for (TensorInfo t : checkpoint.tensors()) {
      parameters += t.rows() * t.cols();
    }
    String path = spec.model().replaceAll("/+$", "");
    return new ModelInfo(
        path.substring(path.lastIndexOf('/') + 1),
        checkpoint.config().modelType(),
        checkpoint.fingerprint(),
        text.tokenizer().fingerprint(),
        text.templateFingerprint(),
        precision.label(),
        checkpoint.config().contextLength(),
        checkpoint.config().vocabSize(),
        parameters,
        DecoderModel.weightBytes(checkpoint, precision),
        text.ends().stream().filter(id -> !checkpoint.config().eosTokenIds().contains(id)).toList());
  }

  /**
   * The implementations of the kernels, best first: which one is taken and why the others are not; then whether native
   * numerics can be had.
   */
  public static List<String> kernelsLadder() {
    List<String> lines = new ArrayList<>();
    for (KernelsLadder.Rung rung : KernelsLadder.rungs()) {
      lines.add(rung.name() + (rung.unusableReason() == null ? ": taken" : ": not taken, " + rung.unusableReason()));
    }
    String why = KernelsLadder.nativeRefusal();
    lines.add("--numerics native: " + (why == null ? "available" : "not available, " + why));
    return lines;
  }

  /** Instruction sets that the native kernels of this build have and this machine can run, the best last. */
  public static List<String> instructionSets() {
    return KernelsLadder.instructionSets();
  }

  /** Why the instruction set that the environment asks for cannot be had; null if it can, or none is asked for. */
  public static String kernelsRefusal() {
    return KernelsLadder.refusal();
  }

  static Checkpoint open(EngineSpec spec) {
    return Checkpoints.open(Path.of(spec.model()));
  }

  /**
   * Loads the model and starts its engine.
   *
   * @param host the memory there is
   * @throws io.winnow.inference.InferenceException memory_exceeded, before anything is loaded, when the engine does not
   *     fit; numerics_unavailable when this machine has none of the kind asked for; others when the model cannot be
   *     opened
   */
  public static EmbeddedRuntime load(EngineSpec spec, ModelText text, HostMemory host) {
    return load(spec, text, host, EngineHosting.PLAIN);
  }

  /** As above, and writes a trace of the steps where that is asked for. */
  public static EmbeddedRuntime load(EngineSpec spec, ModelText text, HostMemory host, EngineHosting hosting) {
    if (ScriptParams.isScripted(spec.model())) {
      ScriptParams script = ScriptParams.of(spec.model());
      return new EmbeddedRuntime(
          ScriptedRuntime.describe(script, text), ScriptedRuntime.start(spec, script, text).hosted(hosting));
    }
    checkNumerics(spec);
    try (Checkpoint checkpoint = open(spec)) {
      WeightPrecision precision = precision(spec, checkpoint);
      EngineMemory memory = MemoryBudget.checked(spec, checkpoint, precision, host);
      ModelInfo info = describe(spec, text, checkpoint, precision);
      ModelConfig config = checkpoint.config();
      int threads = spec.threads() > 0 ? spec.threads() : Runtime.getRuntime().availableProcessors();
      int pages = (int) (memory.kvCache() / pageBytes(spec, config));
      int contextLength = config.contextLength();
      Kernels kernels = KernelsLadder.open(threads);
      DecoderModel model = null;
      KvCache cache = null;
      EngineCore core = null;
      try {
        int sequences = memory.sequences();
        int maxRows = maxRows(sequences);
        int draws = EngineCore.draws(sequences);
        int positions = (int) Math.min(contextLength, (long) pages * KvCache.PAGE_TOKENS);
        boolean shared = !hosting.enginePerNode();
        model = new DecoderModel(checkpoint, kernels, precision, maxRows, draws, positions, shared);
        cache = cache(spec, config, pages);
        EngineCore.Limits limits =
            new EngineCore.Limits(
                config.vocabSize(), contextLength, ends(spec, config, info), sequences, maxRows);
        StepRunner step = new DecoderStep(model, kernels, cache, draws);
        core = new EngineCore(limits, pages, spec.prefixCache(), step, text.tokenizer());
        return new EmbeddedRuntime(info, core.hosted(hosting));
      } catch (RuntimeException | Error e) {
        if (core != null) {
          core.close(); // and its thread the others
          throw e;
        }
        if (cache != null) {
          cache.close();
        }
        if (model != null) {
          model.close();
        }
        kernels.close();
        throw e;
      }
    }
  }

  private static Set<Integer> ends(EngineSpec spec, ModelConfig config, ModelInfo info) {
    Set<Integer> ends = new HashSet<>(config.eosTokenIds());
    ends.addAll(info.addedEnds());
    if (ends.isEmpty()) {
      LOG.log(
          System.Logger.Level.WARNING, "{0} names no end of sequence, so that traces end with --max-tokens, --stop or"
              + " --stop-token-ids alone.", spec.model());
    }
    return ends;
  }

  static StopDetector detector(Tokenizer tokenizer, List<String> stop) {
    IncrementalDetokenizer text = new IncrementalDetokenizer(tokenizer, stop);
    return new StopDetector() {
      @Override
      public boolean append(int token, boolean mayStop) {
        return text.add(token, mayStop);
      }

      @Override
      public String text() {
        return text.finish();
      }
    };
  }

  static WeightPrecision precision(EngineSpec spec, Checkpoint checkpoint) {
    if (spec.nativeNumerics()) {
      return WeightPrecision.BF16_TILES;
    }
    if (spec.weights().equals("auto")) {
      return WeightPrecision.of(checkpoint);
    }
    for (WeightPrecision precision : WeightPrecision.values()) {
      if (precision != WeightPrecision.BLOCKS && precision.label().equals(spec.weights())) {
        return precision;
      }
    }
    throw InferenceErrors.weightsUnknown(spec.weights());
  }

  /** Other kernels would give other bits, so there is no second choice. */
  private static void checkNumerics(EngineSpec spec) {
    String why = spec.nativeNumerics() ? KernelsLadder.nativeRefusal() : null;
    if (why != null) {
      throw InferenceErrors.numericsUnavailable(why);
    }
  }

  private static KvFormat kvFormat(EngineSpec spec) {
    return KvFormat.valueOf(spec.kvCacheType().toUpperCase(Locale.ROOT));
  }

  /** Bytes of a page of the KV cache over all layers. */
  static long pageBytes(EngineSpec spec, ModelConfig config) {
    return KvCache.bytesPerPage(kvFormat(spec), config.layers(), config.kvHeads(), config.headDim());
  }

  /** A KV cache of so many pages. */
  static KvCache cache(EngineSpec spec, ModelConfig config, int pages) {
    return new KvCache(kvFormat(spec), config.layers(), config.kvHeads(), config.headDim(), pages);
  }

  /** Tokens of a step at most: one for each running sequence and a piece of prompts. */
  static int maxRows(int sequences) {
    return Math.min(sequences, Integer.MAX_VALUE - PREFILL_ROWS) + PREFILL_ROWS;
  }

  @Override
  public ModelInfo info() {
    return info;
  }

  @Override
  public EngineStats stats() {
    return core.stats();
  }

  @Override
  public boolean ended() {
    return core.ended();
  }

  @Override
  public Session open() {
    return core.open();
  }

  @Override
  public void close() {
    core.close();
  }
}
