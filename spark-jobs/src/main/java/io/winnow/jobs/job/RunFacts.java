// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.ModelInfo;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.SessionSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.jobs.table.TraceCounts;
import io.winnow.jobs.table.TraceTable;
import io.winnow.jobs.trace.TraceKey;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkExecutorInfo;
import org.apache.spark.sql.SparkSession;

/** The rows of {@code runs}: what a run worked on, with what, and what came of it. */
final class RunFacts {
  private static final int MAX_HOSTS = 20;

  private final Map<String, Object> common = new HashMap<>();
  private final String runId;
  private final long startNanos = System.nanoTime();

  RunFacts(
      SparkSession spark, SettingValues values, GenerateOptions options, ModelInfo model, String runId, String workSet,
      long versionBefore) {
    this.runId = runId;
    common.put("command", "generate");
    common.put("version", BuildFacts.version());
    common.put("settings", settings(values));
    common.put("output_settings", values.affectingOutput());
    common.put("work_set", workSet);
    common.put("model", options.model());
    common.put("model_fingerprint", model.fingerprint());
    common.put("tokenizer_fingerprint", model.tokenizerFingerprint());
    common.put("template_fingerprint", model.templateFingerprint());
    common.put("weight_format", TraceKey.weightFormat(values, model));
    common.put("input_path", values.get(GenerateSettings.PROMPTS));
    common.put("output_path", options.out());
    common.put("output_version_before", versionBefore);
    common.put("host", hosts(spark));
    common.put("cpu", cpu());
    common.put("instruction_set", EngineFacts.instructionSet());
    common.put("spark_version", spark.version());
    common.put("java_version", System.getProperty("java.version"));
    common.put("reproducible", options.runtime().reproducible());
  }

  /** Notes the models of the run, where this is the part of one of several. */
  void among(List<String> teachers) {
    if (!teachers.isEmpty()) {
      @SuppressWarnings("unchecked") // put there by the constructor
      Map<String, String> all = new TreeMap<>((Map<String, String>) common.get("settings"));
      all.put("teachers", GenerateSettings.MODEL.text(teachers));
      common.put("settings", all);
    }
  }

  /**
   * Names what a run works on: two runs of one work set would make the same traces. The prompts by their path, the
   * model by its content, and whatever else decides the tokens.
   */
  static String workSet(SparkSession spark, SettingValues values, ModelInfo model) {
    String text =
        place(spark, values.get(GenerateSettings.PROMPTS)) + "\n" + model.fingerprint() + "\n" + values.affectingTokens();
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest, 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The same place has many names; a table of the catalog keeps its own. */
  private static String place(SparkSession spark, String prompts) {
    if (TraceTable.isName(prompts)) {
      return prompts;
    }
    try {
      Path path = new Path(prompts);
      return path.getFileSystem(spark.sparkContext().hadoopConfiguration()).makeQualified(path).toString();
    } catch (IOException | IllegalArgumentException e) {
      return prompts;
    }
  }

  Map<String, Object> start(VersionedPrompts source) {
    common.put("input_version", source.version());
    Map<String, Object> row = event("start");
    row.put("prompts", source.prompts().counts().total());
    return row;
  }

  Map<String, Object> end(
      GenerateResult result, TraceCounts counts, long versionAfter, String state, String detail) {
    Map<String, Object> row = event("end");
    counts(row, counts, versionAfter);
    row.put("engine_seconds", result.engineSeconds());
    row.put("cost_usd", result.costUsd());
    row.put("prompts", result.prompts());
    row.put("traces_planned", result.planned());
    row.put("traces_existing", result.existing());
    row.put("exit_state", state);
    row.put("detail", detail);
    return row;
  }

  Map<String, Object> failed(RunTotals totals, TraceCounts counts, long versionAfter, String detail) {
    Map<String, Object> row = event("end");
    counts(row, counts, versionAfter);
    row.put("engine_seconds", totals.engineSeconds());
    row.put("cost_usd", totals.costUsd());
    row.put("exit_state", "failed");
    row.put("detail", detail);
    return row;
  }

  private Map<String, Object> event(String event) {
    Map<String, Object> row = new HashMap<>(common);
    row.put("run_id", runId);
    row.put("event", event);
    row.put("at", Timestamp.from(Instant.now()));
    return row;
  }

  private void counts(Map<String, Object> row, TraceCounts counts, long versionAfter) {
    row.put("output_version_after", versionAfter < 0 ? null : versionAfter);
    row.put("traces_written", counts.rows());
    row.put("traces_failed", counts.errors());
    row.put("correct", counts.correct());
    row.put("incorrect", counts.incorrect());
    row.put("undecided", counts.undecided());
    row.put("prompt_tokens", counts.promptTokens());
    row.put("completion_tokens", counts.completionTokens());
    row.put("wall_seconds", (System.nanoTime() - startNanos) / 1e9);
  }

  /**
   * All but the configuration of the session, which may hold keys and passwords. A file stands there by its path and,
   * under {@code NAME.sha256}, by its content; a default that the model gave has its origin under {@code NAME.from}.
   */
  static Map<String, String> settings(SettingValues values) {
    Map<String, String> out = new TreeMap<>(values.canonical());
    out.remove(SessionSettings.CONF.name());
    values.fileFingerprints().forEach((name, hash) -> out.put(name + ".sha256", hash));
    values.origins().forEach((name, origin) -> out.put(name + ".from", origin));
    return out;
  }

  /** The driver's host, and those of the executors that are there now where they are others. */
  private static String hosts(SparkSession spark) {
    String driver = host();
    SparkContext context = spark.sparkContext();
    if (context.isLocal()) {
      return driver;
    }
    String own = context.getConf().get("spark.driver.host", driver);
    TreeSet<String> others = new TreeSet<>();
    for (SparkExecutorInfo executor : context.statusTracker().getExecutorInfos()) {
      others.add(executor.host());
    }
    others.removeAll(List.of(own, driver));
    String shown = others.stream().limit(MAX_HOSTS).collect(Collectors.joining(", "));
    String more = others.size() > MAX_HOSTS ? " and " + (others.size() - MAX_HOSTS) + " more" : "";
    return others.isEmpty() ? driver : driver + " (driver), " + shown + more;
  }

  static String host() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "unknown";
    }
  }

  static String cpu() {
    try {
      return Files.readAllLines(java.nio.file.Path.of("/proc/cpuinfo")).stream()
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse(System.getProperty("os.arch"));
    } catch (IOException e) {
      return System.getProperty("os.arch");
    }
  }
}
