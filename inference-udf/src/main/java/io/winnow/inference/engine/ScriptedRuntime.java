// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.ScriptParams;
import io.winnow.inference.tokenizer.ByteTokenizer;
import io.winnow.inference.tokenizer.ModelText;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;

/**
 * The engine around a made-up model: loop, scheduler, sessions and pages are those of every other, the arithmetic is
 * {@link ScriptedDecoder}. Pages are counted and hold nothing.
 */
final class ScriptedRuntime {
  /** Prompt tokens of a step: they cost nothing here. */
  private static final int PREFILL_ROWS = 4096;

  private ScriptedRuntime() {}

  static ModelInfo describe(ScriptParams script, ModelText text) {
    return new ModelInfo(
        "scripted", "scripted", sha256(script.canonical()), text.tokenizer().fingerprint(), text.templateFingerprint(),
        "none", script.context(), text.tokenizer().vocabSize(), 0, 0, List.of());
  }

  static EngineCore start(EngineSpec spec, ScriptParams script, ModelText text) {
    try {
      Thread.sleep((long) script.loadMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while the made-up model was loading", e);
    }
    int sequences = MemoryBudget.sequences(spec, script.context());
    int rows = sequences + PREFILL_ROWS;
    EngineCore.Limits limits =
        new EngineCore.Limits(
            text.tokenizer().vocabSize(), script.context(), Set.of(ByteTokenizer.END), sequences, rows);
    // Halted, as by native code: no hook runs, nothing is flushed.
    StepRunner step = new ScriptedDecoder(script, () -> Runtime.getRuntime().halt(ScriptedDecoder.CRASHED));
    int tokens =
        spec.kvCacheTokens() > 0
            ? spec.kvCacheTokens()
            : MemoryBudget.typicalTokens(sequences, script.context());
    return new EngineCore(limits, Scheduler.pagesFor(tokens), spec.prefixCache(), step, text.tokenizer());
  }

  private static String sha256(String text) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-256.", e);
    }
  }
}
