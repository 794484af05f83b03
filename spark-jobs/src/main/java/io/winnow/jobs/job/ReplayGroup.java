// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.conf.Effect;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.ReplaySettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.inference.udf.EngineHost;
import io.winnow.jobs.trace.TraceKey;
import java.io.Serializable;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.spark.sql.Row;

/**
 * Runs whose traces are made in the same way, and how; or why they cannot be made again.
 *
 * @param spec the engine to make them with, null where they cannot be made
 * @param params sampling parameters; max_tokens is each trace's own
 * @param key makes their ids
 * @param systemPrompt system message in front of conversations without one, or null
 * @param model what the model must be on every executor
 * @param reason why they cannot be made again, else null
 * @param modelMissing whether the reason is that the model was not found or is another one
 */
record ReplayGroup(
    EngineSpec spec,
    SamplingParams params,
    TraceKey key,
    String systemPrompt,
    ModelInfo model,
    String reason,
    boolean modelMissing)
    implements Serializable {
  private static final Set<Effect> DECIDING = EnumSet.of(Effect.TOKENS, Effect.PROMPT, Effect.MODEL);

  /**
   * What a row of {@code runs} says of how its traces were made; equal ones are one group.
   *
   * @param settings canonical texts of the settings that decide what the model reads and draws
   */
  record Recorded(
      Map<String, String> settings,
      String modelFingerprint,
      String tokenizerFingerprint,
      String templateFingerprint,
      String weightFormat,
      boolean reproducible) {

    static Recorded of(Row run) {
      Map<String, String> all = run.getJavaMap(run.fieldIndex("settings"));
      Map<String, String> deciding = new TreeMap<>();
      for (Setting<?> setting : GenerateSettings.ALL) {
        String text = all.get(setting.name());
        if (DECIDING.contains(setting.effect()) && text != null) {
          deciding.put(setting.name(), text);
        }
      }
      Map<String, String> output = run.getJavaMap(run.fieldIndex("output_settings"));
      output.forEach(
          (name, text) -> {
            // A newer version's: it is looked at when the group is made.
            if (GenerateSettings.ALL.stream().noneMatch(s -> s.name().equals(name))) {
              deciding.put(name, text);
            }
          });
      Boolean reproducible = run.getAs("reproducible");
      return new Recorded(
          deciding, run.getAs("model_fingerprint"), run.getAs("tokenizer_fingerprint"),
          run.getAs("template_fingerprint"), run.getAs("weight_format"), reproducible == null || reproducible);
    }
  }

  static ReplayGroup impossible(String reason) {
    return new ReplayGroup(null, null, null, null, null, reason, false);
  }

  /**
   * How to make the traces of a run again.
   *
   * @param values settings of {@code replay}
   * @param modelPath where the model lies now, or null for where the run had it
   */
  static ReplayGroup of(Recorded run, SettingValues values, String modelPath) {
    if (!run.reproducible()) {
      return impossible("made by an endpoint, whose traces cannot be made again to the bit");
    }
    for (String name : run.settings().keySet()) {
      if (GenerateSettings.ALL.stream().noneMatch(s -> s.name().equals(name))) {
        return impossible("made with the setting " + name + ", which this version of Winnow does not know");
      }
    }
    try {
      SettingValues made = settings(run, values, modelPath);
      EngineSpec spec = GenerateSettings.engineSpec(made);
      ModelInfo model;
      try {
        spec = EngineHost.seen(spec);
        model = EngineHost.describe(spec);
      } catch (InferenceException e) {
        if (InferenceErrors.MEMORY_EXCEEDED.equals(e.errorClass())) {
          throw e; // a matter of this replay's settings, not of the trace
        }
        if (InferenceErrors.NUMERICS_UNAVAILABLE.equals(e.errorClass())) {
          return impossible("made with --numerics native. " + e.getMessage());
        }
        return noModel(e.getMessage());
      } catch (UsageException e) {
        return noModel(e.getMessage());
      }
      if (!model.fingerprint().equals(run.modelFingerprint())) {
        return noModel(
            "The model at " + spec.model() + " has the fingerprint " + model.fingerprint() + ", that of the run had "
                + run.modelFingerprint() + ".");
      }
      String changed = changed(run, made, model);
      if (changed != null) {
        return impossible(changed);
      }
      return new ReplayGroup(
          spec, GenerateSettings.samplingParams(made), TraceKey.of(made, model, spec.numericsVersion()),
          made.find(GenerateSettings.SYSTEM_PROMPT).orElse(null), model, null, false);
    } catch (UsageException e) {
      // Of an option of the recorded run, for example its file of --chat-template is gone.
      return impossible("made with an option that cannot be used now: " + e.getMessage());
    }
  }

  private static ReplayGroup noModel(String why) {
    return new ReplayGroup(null, null, null, null, null, "its model is not there: " + why, true);
  }

  private static SettingValues settings(Recorded run, SettingValues values, String modelPath) {
    Map<String, String> texts = new TreeMap<>(run.settings());
    for (Setting<?> setting : GenerateSettings.ALL) {
      // A run that is older than a setting was made as if the setting did nothing, whatever its default is today.
      neutral(setting, texts);
    }
    SettingValues made =
        SettingValues.ofMap(GenerateSettings.ALL, texts, key -> null)
            .with(GenerateSettings.THREADS, String.valueOf(values.get(ReplaySettings.THREADS)))
            .with(GenerateSettings.MAX_SEQUENCES, String.valueOf(values.get(ReplaySettings.MAX_SEQUENCES)))
            .with(GenerateSettings.KV_CACHE_TOKENS, String.valueOf(values.get(ReplaySettings.KV_CACHE_TOKENS)));
    return modelPath == null ? made : made.with(GenerateSettings.MODEL, modelPath);
  }

  private static <T> void neutral(Setting<T> setting, Map<String, String> texts) {
    if (setting.neutralValue() != null && !texts.containsKey(setting.name())) {
      texts.put(setting.name(), setting.text(setting.neutralValue()));
    }
  }

  private static String changed(Recorded run, SettingValues made, ModelInfo model) {
    if (differ(run.tokenizerFingerprint(), model.tokenizerFingerprint())) {
      return "the model's tokenizer is not that of the run";
    }
    if (differ(run.templateFingerprint(), model.templateFingerprint())) {
      String file = made.find(GenerateSettings.CHAT_TEMPLATE).orElse("of the model");
      return "the chat template " + file + " is not what it was at the run";
    }
    if (differ(run.weightFormat(), TraceKey.weightFormat(made, model))) {
      return "the weights would be held as " + TraceKey.weightFormat(made, model) + ", at the run they were "
          + run.weightFormat();
    }
    return null;
  }

  private static boolean differ(String recorded, String now) {
    return recorded != null && !recorded.equals(now);
  }
}
