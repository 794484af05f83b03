// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.EngineHosting;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.InferenceException;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.RuntimeSpec;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.conf.AdaptiveSettings;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.LabelSettings;
import io.winnow.inference.conf.PriceTable;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.SidecarSettings;
import io.winnow.inference.conf.UsageException;
import io.winnow.inference.udf.EngineHost;
import io.winnow.inference.udf.SidecarHost;
import io.winnow.jobs.sampling.AdaptiveSampling;
import io.winnow.jobs.sampling.SampleControllers;
import java.util.List;

/**
 * The settings of {@code generate} in the types that the parts of the job take.
 *
 * @param samples of a prompt, at most
 * @param known decides when a prompt has enough of them; null where all get as many
 */
record GenerateOptions(
    RuntimeSpec runtime,
    EngineHosting hosting,
    String model,
    SamplingParams sampling,
    String out,
    int samples,
    int partitions,
    long commitIntervalMillis,
    List<String> verifiers,
    boolean tokenIds,
    boolean promptLogprobs,
    List<String> retryFailed,
    boolean messagesGiven,
    LabelColumn label,
    KnownSamples known) {

  /**
   * Looks for the model's files if they lie on another file system.
   *
   * @throws io.winnow.inference.conf.UsageException when the settings cannot be used, or those files are not there
   */
  static GenerateOptions of(SettingValues values) {
    GenerateSettings.validate(values);
    SidecarSettings.spec(values).ifPresent(SidecarHost::check);
    SamplingParams sampling = GenerateSettings.samplingParams(values);
    LabelColumn label = null;
    if (sampling.answer() != null) {
      label = new LabelColumn(values.get(LabelSettings.LABEL_COLUMN), sampling.answer());
    }
    RuntimeSpec runtime = EngineHost.seen(GenerateSettings.runtimeSpec(values));
    return new GenerateOptions(
        runtime,
        GenerateSettings.hosting(values),
        runtime instanceof EngineSpec ? values.get(GenerateSettings.MODEL).get(0) : runtime.model(),
        sampling,
        values.find(GenerateSettings.OUT).orElse(""),
        AdaptiveSettings.most(values),
        values.get(GenerateSettings.PARTITIONS),
        values.get(GenerateSettings.COMMIT_INTERVAL).toMillis(),
        values.get(GenerateSettings.VERIFY),
        values.get(GenerateSettings.TOKEN_IDS),
        values.get(GenerateSettings.PROMPT_LOGPROBS),
        values.get(GenerateSettings.RETRY_FAILED),
        values.find(GenerateSettings.MESSAGES_COLUMN).isPresent(),
        label,
        AdaptiveSettings.rule(values)
            .map(rule -> new AdaptiveSampling(SampleControllers.of(rule), AdaptiveSettings.ends(values)))
            .map(KnownSamples::new)
            .orElse(null));
  }

  /**
   * The model.
   *
   * @throws io.winnow.inference.conf.UsageException when a setting names tokens that it does not know, or answers that
   *     it cannot give
   * @throws io.winnow.inference.InferenceException when it cannot be opened
   */
  ModelInfo describe(SettingValues values) {
    ModelInfo info = EngineHost.describe(runtime);
    GenerateSettings.checkTokenIds(values, info.vocabSize());
    try {
      if (sampling.answer() != null) {
        EngineHost.check(runtime, sampling.answer(), info.vocabSize());
        label.reader();
      }
      if (sampling.thinkingBudget() > 0 && runtime instanceof EngineSpec spec) {
        EngineHost.checkThinking(spec, info.vocabSize());
      }
    } catch (InferenceException e) {
      throw new UsageException(e.getMessage(), e);
    }
    return info;
  }

  /**
   * What a trace of the model costs; null without prices.
   *
   * @throws io.winnow.inference.conf.UsageException when the price table has no price for it
   */
  PriceTable.Price price(SettingValues values, ModelInfo info) {
    List<String> names = List.of(model, info.name(), info.fingerprint());
    return GenerateSettings.priceTable(values)
        .map(table -> table.of(names, EngineHost.machine(runtime)))
        .orElse(null);
  }

  /** The same on another number of partitions, where none was asked for, and by another runtime. */
  GenerateOptions on(RuntimeSpec other, int number) {
    return new GenerateOptions(
        other, hosting, model, sampling, out, samples, partitions == 0 ? number : partitions, commitIntervalMillis,
        verifiers, tokenIds, promptLogprobs, retryFailed, messagesGiven, label, known);
  }

  /** Which rows of the table are made anew. */
  Redo redo(ModelInfo info, String runId) {
    return new Redo(runId, retryFailed, sampling.maxTokens(), info.contextLength(), sampling.logprobs());
  }

  /** What all rows of a run have in common. */
  TraceRows.Run run(String runId, ModelInfo info) {
    return new TraceRows.Run(
        runId, model, info.fingerprint(), sampling.seed(), tokenIds, promptLogprobs, verifiers, messagesGiven,
        label);
  }
}
