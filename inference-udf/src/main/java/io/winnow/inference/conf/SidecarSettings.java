// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import io.winnow.inference.EndpointSpec;
import io.winnow.inference.SidecarSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Pattern;

/** The settings of servers that run beside executors, {@code --model NAME@sidecar}. */
public final class SidecarSettings {
  private static final String GROUP = "Side-car";
  private static final SidecarSpec USUAL = SidecarSpec.of("", "", "");
  /** Times are added up for all restarts; their nanoseconds must fit a long. */
  static final Duration MOST_TIME = Duration.ofDays(30);

  public static final Setting<String> SIDECAR =
      Setting.ofString("sidecar").group(GROUP).label("NAME|COMMAND").effect(Effect.TUNING)
          .check(text -> !text.isBlank(), "vllm, sglang, tensorrt-llm, llama.cpp or a command")
          .doc("Server that each executor starts for its tasks, for --model NAME@sidecar: vllm, sglang, tensorrt-llm,"
              + " llama.cpp, or a command with {model} {port} and, as wanted, {host} {name} {gpus} {gpu_count} {cores}"
              + " {key_file} {key_yaml} {args}. It is parted into words without a shell.");
  public static final Setting<String> MODEL =
      Setting.ofString("sidecar-model").group(GROUP).label("PATH").effect(Effect.TUNING)
          .check(text -> !text.isBlank(), "a path, or what the server takes in its place")
          .doc("What that server opens: a path on the executors' hosts, or what the server takes in its place; the name"
              + " in --model by itself.");
  public static final Setting<String> ARGS =
      Setting.ofString("sidecar-args").group(GROUP).effect(Effect.TUNING).defaultValue("")
          .doc("Further words of its command, such as '--max-model-len 32768'.");
  public static final Setting<List<String>> ENVIRONMENT =
      Setting.ofList("sidecar-env").group(GROUP).label("NAME=VALUE").effect(Effect.TUNING)
          .check(
              SidecarSettings::areHarmless,
              "NAME=VALUE, and no key or token: those go by --conf spark.executorEnv.NAME=VALUE, which servers inherit")
          .doc("A variable of its environment; may be given several times. It is kept in runs, so never a key or token.");
  public static final Setting<String> HEALTH =
      Setting.ofString("sidecar-health").group(GROUP).label("PATH").effect(Effect.TUNING)
          .check(path -> path.startsWith("/"), "a path such as /health")
          .doc("Where it answers 200 when it is ready: /health for the named ones, /v1/models for a command.");
  public static final Setting<Duration> STARTUP_TIMEOUT =
      Setting.ofDuration("sidecar-startup-timeout").group(GROUP).effect(Effect.TUNING)
          .defaultValue(USUAL.startupTimeout())
          .check(
              d -> !d.isZero() && d.compareTo(MOST_TIME) <= 0,
              "a time above 0 and of at most 30 days, in seconds or as 10m, 2h")
          .doc("Time from its start to its first answer at most, with the load of the model.");
  public static final Setting<Integer> RESTARTS =
      Setting.ofInt("sidecar-restarts").group(GROUP).effect(Effect.TUNING).defaultValue(USUAL.restarts())
          .check(n -> n >= 0 && n <= 1000, "from 0 to 1000")
          .doc("How often in a row it is started again; after that its executor's tasks fail with the end of its log.");
  public static final Setting<Duration> GRACE =
      Setting.ofDuration("sidecar-grace").group(GROUP).effect(Effect.TUNING).defaultValue(USUAL.grace())
          .check(d -> d.toHours() < 1, "less than an hour")
          .doc("Time from SIGTERM to SIGKILL at its end.");
  public static final Setting<Duration> SILENCE =
      Setting.ofDuration("sidecar-silence").group(GROUP).effect(Effect.TUNING).defaultValue(USUAL.silence())
          .check(d -> !d.isZero(), "a time above 0, in seconds or as 10m, 2h")
          .doc("How long it may not answer its health path before it counts as hung and is started again.");
  public static final Setting<String> LOG =
      Setting.ofString("sidecar-log").group(GROUP).label("FOLDER").effect(Effect.TUNING)
          .check(folder -> !folder.isBlank() && !folder.contains(":/"), "a folder of the executors' own disks")
          .doc("Folder of its log, sidecar-EXECUTOR.log of 32 MiB at most; by itself the executor's own.");
  public static final Setting<Integer> GPUS =
      Setting.ofInt("sidecar-gpus").group(GROUP).effect(Effect.TUNING).defaultValue(0).check(n -> n >= 0, "0 or more")
          .doc("GPUs that an executor must have to run one, where not all have them: the stage that generates then asks"
              + " for executors of its own (stage-level scheduling). 0 takes whatever executors have.");

  public static final Setting<String> DISCOVERY =
      Setting.ofString("sidecar-discovery").group(GROUP).label("FILE").effect(Effect.TUNING)
          .check(text -> !text.isBlank(), "the path of a script on the executors' hosts")
          .doc("Script on the executors' hosts that prints their GPUs as Spark wants them, for --sidecar-gpus; such as"
              + " conf/gpu-discovery.sh.");

  /** All of them. */
  public static final List<Setting<?>> ALL =
      List.of(
          SIDECAR, MODEL, ARGS, ENVIRONMENT, HEALTH, STARTUP_TIMEOUT, RESTARTS, GRACE, SILENCE, LOG, GPUS,
          DISCOVERY);

  /** Class of the executor plugin that starts servers as soon as executors are there. */
  public static final String PLUGIN = "io.winnow.inference.udf.SidecarPlugin";

  private static final Pattern SECRET = Pattern.compile("(?i)[^=]*(key|token|secret|password|credential)[^=]*=.*");
  private static final String PLUGINS = "spark.plugins";

  private SidecarSettings() {}

  private static boolean areHarmless(List<String> pairs) {
    return SessionSettings.arePairs(pairs) && pairs.stream().noneMatch(pair -> SECRET.matcher(pair).lookingAt());
  }

  /** What runs beside each executor; empty where no model is one of a side-car. */
  public static Optional<SidecarSpec> spec(SettingValues values) {
    String command = values.find(SIDECAR).orElse(null);
    String name = command == null ? null : name(values);
    if (name == null) {
      return Optional.empty();
    }
    return Optional.of(
        new SidecarSpec(
            name, command.strip(), values.find(MODEL).orElse(name), values.get(ARGS),
            SessionSettings.pairs(values.get(ENVIRONMENT)), values.find(HEALTH).orElse(null),
            values.get(STARTUP_TIMEOUT), values.get(RESTARTS), values.get(GRACE), values.get(SILENCE),
            USUAL.logBytes(), values.find(LOG).orElse(null), values.get(GPUS),
            values.find(DISCOVERY).orElse(null)));
  }

  /** The name before @sidecar of the first such model, or null. */
  private static String name(SettingValues values) {
    for (String model : values.find(GenerateSettings.MODEL).orElse(List.of())) {
      if (isSidecar(model)) {
        return model.substring(0, model.lastIndexOf('@'));
      }
    }
    return null;
  }

  /** Whether {@code --model} names a model of a side-car. */
  static boolean isSidecar(String model) {
    int at = model.lastIndexOf('@');
    return at > 0 && EndpointSettings.isEndpoint(model) && (model.substring(at + 1) + ":").startsWith("sidecar:");
  }

  /** As above, of what a session's configuration says; empty where that is not whole. */
  public static Optional<SidecarSpec> ofConf(Function<String, String> conf) {
    List<Setting<?>> settings = new ArrayList<>(ALL);
    settings.add(GenerateSettings.MODEL);
    return spec(SettingValues.resolve(settings, Map.of(), conf));
  }

  /**
   * What a session's configuration must say so that executors start their server as soon as they are there; nothing
   * where no model is one of a side-car. The tasks would start it as well, later.
   *
   * @param plugins what is there under spark.plugins already, or null
   */
  public static Map<String, String> sessionConf(SettingValues values, String plugins) {
    Map<String, String> conf = new TreeMap<>();
    if (spec(values).isPresent()) {
      for (Setting<?> setting : ALL) {
        put(conf, values, setting);
      }
      put(conf, values, GenerateSettings.MODEL);
      conf.put(PLUGINS, plugins == null || plugins.isBlank() ? PLUGIN
          : plugins.contains(PLUGIN) ? plugins : plugins + "," + PLUGIN);
    }
    return conf;
  }

  private static <T> void put(Map<String, String> conf, SettingValues values, Setting<T> setting) {
    if (values.isGiven(setting)) {
      conf.put(setting.sparkKey(), setting.text(values.get(setting)));
    }
  }

  /** Refuses a model of a side-car without one. */
  static void check(SettingValues values, EndpointSpec spec) {
    if (!spec.sidecar()) {
      checkUnused(values);
    } else if (values.find(SIDECAR).isEmpty()) {
      throw new UsageException(
          "Cannot use --model '" + spec.name() + "@sidecar' without --sidecar: nothing says what runs beside an"
              + " executor. Give --sidecar vllm, sglang, tensorrt-llm or llama.cpp, or a command.");
    } else if (spec.key().given()) {
      throw new UsageException(
          "Cannot use --api-key-env or --api-key-file for " + spec.name()
              + "@sidecar: each server gets a key of its own. Leave it out.");
    }
  }

  /** Refuses a side-car that nothing would ask. */
  static void checkUnused(SettingValues values) {
    if (values.isGiven(SIDECAR)) {
      throw new UsageException(
          "Cannot use --sidecar here: no model is one of a side-car. Write --model NAME@sidecar, or leave --sidecar"
              + " out.");
    }
  }
}
