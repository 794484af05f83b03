// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.ScriptParams;
import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.inference.checkpoint.Checkpoints;
import io.winnow.inference.checkpoint.DType;
import io.winnow.inference.checkpoint.ModelConfig;
import io.winnow.inference.checkpoint.TensorInfo;
import io.winnow.inference.model.DecoderModel;
import io.winnow.inference.tokenizer.IncrementalDetokenizer;
import io.winnow.inference.tokenizer.ModelText;
import io.winnow.inference.tokenizer.Tokenizer;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KernelsLadder;
import io.winnow.kernels.KvCache;
import io.winnow.kernels.WeightFormat;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** The engine inside this JVM: model files in, completions out. */
public final class EmbeddedRuntime implements ModelRuntime {
  /** Prompt tokens that a step takes beside the running sequences. */
  private static final int PREFILL_ROWS = 256;
  /** Positions a sequence is expected to take when the cache is sized by itself. */
  private static final int TYPICAL_LENGTH = 1024;

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
   */
  public static ModelInfo describe(EngineSpec spec, ModelText text) {
    if (ScriptParams.isScripted(spec.model())) {
      return ScriptedRuntime.describe(ScriptParams.of(spec.model()), text);
    }
    try (Checkpoint checkpoint = open(spec)) {
      return describe(spec, text, checkpoint, format(spec, checkpoint));
    }
  }

  private static ModelInfo describe(EngineSpec spec, ModelText text, Checkpoint checkpoint, WeightFormat format) {
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
        format.name().toLowerCase(Locale.ROOT),
        checkpoint.config().contextLength(),
        parameters,
        parameters * format.bytesPerWeight());
  }

  /** The implementations of the kernels, best first: which one is taken, and why those before it are not. */
  public static List<String> kernelsLadder() {
    List<String> lines = new ArrayList<>();
    for (KernelsLadder.Rung rung : KernelsLadder.rungs()) {
      lines.add(rung.name() + (rung.unusableReason() == null ? ": taken" : ": not taken, " + rung.unusableReason()));
    }
    return lines;
  }

  private static Checkpoint open(EngineSpec spec) {
    return Checkpoints.open(Path.of(spec.model()));
  }

  /** Loads the model and starts its engine. */
  public static EmbeddedRuntime load(EngineSpec spec, ModelText text) {
    if (ScriptParams.isScripted(spec.model())) {
      ScriptParams script = ScriptParams.of(spec.model());
      return new EmbeddedRuntime(
          ScriptedRuntime.describe(script, text), ScriptedRuntime.start(spec, script, text));
    }
    try (Checkpoint checkpoint = open(spec)) {
      WeightFormat format = format(spec, checkpoint);
      ModelInfo info = describe(spec, text, checkpoint, format);
      ModelConfig config = checkpoint.config();
      int threads = spec.threads() > 0 ? spec.threads() : Runtime.getRuntime().availableProcessors();
      int pages = Scheduler.pagesFor(cacheTokens(spec, config));
      int contextLength = config.contextLength();
      Kernels kernels = KernelsLadder.open(threads);
      DecoderModel model = null;
      KvCache cache = null;
      try {
        int maxRows = spec.maxSequences() + PREFILL_ROWS;
        int positions = Math.min(contextLength, pages * KvCache.PAGE_TOKENS);
        model = new DecoderModel(checkpoint, kernels, format, maxRows, spec.maxSequences(), positions);
        cache = new KvCache(config.layers(), config.kvHeads(), config.headDim(), pages);
        EngineCore.Limits limits =
            new EngineCore.Limits(
                config.vocabSize(), contextLength, Set.copyOf(config.eosTokenIds()), spec.maxSequences(), maxRows);
        StepRunner step = new DecoderStep(model, kernels, cache, spec.maxSequences());
        return new EmbeddedRuntime(info, new EngineCore(limits, pages, step, stop -> detector(text.tokenizer(), stop)));
      } catch (RuntimeException | Error e) {
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

  static StopDetector detector(Tokenizer tokenizer, List<String> stop) {
    IncrementalDetokenizer text = new IncrementalDetokenizer(tokenizer, stop);
    return new StopDetector() {
      @Override
      public boolean append(int token) {
        return text.add(token);
      }

      @Override
      public String text() {
        return text.finish();
      }
    };
  }

  /** Auto keeps what the file has: BF16 for a file whose matrices all are BF16, else F32. */
  private static WeightFormat format(EngineSpec spec, Checkpoint checkpoint) {
    switch (spec.weights()) {
      case "f32":
        return WeightFormat.F32;
      case "bf16":
        return WeightFormat.BF16;
      case "auto":
        boolean bf16 =
            checkpoint.tensors().stream().filter(t -> t.rows() > 1).allMatch(t -> t.dtype() == DType.BF16);
        return bf16 ? WeightFormat.BF16 : WeightFormat.F32;
      default:
        throw InferenceErrors.weightsUnknown(spec.weights());
    }
  }

  /**
   * Positions of the KV cache: what the user says; else room for all sequences at a typical length, at least one at the
   * full context, but no more than a quarter of the machine's memory.
   */
  private static int cacheTokens(EngineSpec spec, ModelConfig config) {
    if (spec.kvCacheTokens() > 0) {
      return spec.kvCacheTokens();
    }
    long perToken = KvCache.bytesPerPage(config.layers(), config.kvHeads(), config.headDim()) / KvCache.PAGE_TOKENS;
    long wanted = typicalCacheTokens(spec.maxSequences(), config.contextLength());
    long affordable = Math.max(KvCache.PAGE_TOKENS, physicalMemory() / 4 / perToken);
    return (int) Math.min(Integer.MAX_VALUE, Math.min(wanted, affordable));
  }

  /** Room for all sequences at a typical length, at least for one at the full context. */
  static int typicalCacheTokens(int maxSequences, int contextLength) {
    long typical = (long) maxSequences * Math.min(TYPICAL_LENGTH, contextLength);
    return (int) Math.min(Integer.MAX_VALUE - KvCache.PAGE_TOKENS, Math.max(contextLength, typical));
  }

  /** Memory of the machine or of the container that the JVM runs in. */
  private static long physicalMemory() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getTotalMemorySize();
  }

  @Override
  public ModelInfo info() {
    return info;
  }

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
