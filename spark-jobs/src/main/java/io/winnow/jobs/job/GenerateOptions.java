// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The settings of {@code generate} in the types that the parts of the job take. */
record GenerateOptions(
    EngineSpec engine,
    SamplingParams sampling,
    String out,
    int samples,
    int partitions,
    long commitIntervalMillis,
    List<String> verifiers,
    boolean tokenIds,
    boolean messagesGiven) {

  static GenerateOptions of(SettingValues values) {
    GenerateSettings.validate(values);
    SamplingParams sampling =
        new SamplingParams(
            values.get(GenerateSettings.TEMPERATURE),
            values.get(GenerateSettings.TOP_P),
            values.get(GenerateSettings.TOP_K),
            values.get(GenerateSettings.MIN_P),
            values.get(GenerateSettings.REPETITION_PENALTY),
            values.get(GenerateSettings.MAX_TOKENS),
            values.get(GenerateSettings.STOP),
            values.get(GenerateSettings.SEED),
            values.get(GenerateSettings.LOGPROBS),
            0);
    EngineSpec engine =
        new EngineSpec(
            values.get(GenerateSettings.MODEL).get(0),
            values.get(GenerateSettings.WEIGHTS),
            values.find(GenerateSettings.THREADS).orElse(0),
            values.get(GenerateSettings.MAX_SEQUENCES),
            values.find(GenerateSettings.KV_CACHE_TOKENS).orElse(0),
            values.find(GenerateSettings.CHAT_TEMPLATE).map(GenerateOptions::read).orElse(null),
            pairs(values.get(GenerateSettings.TEMPLATE_ARG)),
            null);
    return new GenerateOptions(
        engine,
        sampling,
        values.find(GenerateSettings.OUT).orElse(""),
        values.get(GenerateSettings.SAMPLES),
        values.find(GenerateSettings.PARTITIONS).orElse(0),
        values.get(GenerateSettings.COMMIT_INTERVAL).toMillis(),
        values.get(GenerateSettings.VERIFY),
        values.get(GenerateSettings.TOKEN_IDS),
        values.find(GenerateSettings.MESSAGES_COLUMN).isPresent());
  }

  /** What all rows of a run have in common. */
  TraceRows.Run run(String runId, ModelInfo model) {
    return new TraceRows.Run(
        runId, engine.model(), model.fingerprint(), sampling.seed(), tokenIds, verifiers, messagesGiven);
  }

  private static String read(String file) {
    try {
      return Files.readString(Path.of(file));
    } catch (IOException e) {
      throw new UsageException(
          "Cannot read --chat-template " + file + ": " + e.getMessage() + ". Give a file with a Jinja template.");
    }
  }

  private static Map<String, String> pairs(List<String> pairs) {
    Map<String, String> out = new LinkedHashMap<>();
    for (String pair : pairs) {
      int equals = pair.indexOf('=');
      out.put(pair.substring(0, equals), pair.substring(equals + 1));
    }
    return out;
  }
}
