// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.VerifySettings;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.sql.SparkSession;

/** The rows of {@code runs} about a run of {@code verify}; docs/TABLES.md says what the counts mean there. */
final class VerifyFacts {
  private final Map<String, Object> common = new HashMap<>();
  private final long startNanos = System.nanoTime();

  VerifyFacts(SparkSession spark, SettingValues values, String runId, long tracesVersion, long verdictsVersion) {
    common.put("run_id", runId);
    common.put("command", "verify");
    common.put("version", BuildFacts.version());
    common.put("settings", RunFacts.settings(values));
    common.put("output_settings", values.affectingOutput());
    common.put("work_set", "verify " + String.join(" ", values.get(VerifySettings.VERIFIER)));
    common.put("input_path", values.get(VerifySettings.TRACES));
    common.put("input_version", tracesVersion);
    common.put("output_path", values.get(VerifySettings.TRACES));
    common.put("output_version_before", verdictsVersion);
    common.put("host", RunFacts.host());
    common.put("cpu", RunFacts.cpu());
    common.put("spark_version", spark.version());
    common.put("java_version", System.getProperty("java.version"));
    common.put("reproducible", true);
  }

  Map<String, Object> start() {
    return event("start");
  }

  /** The end of a run that was not cut off. */
  Map<String, Object> end(VerifyResult result, long wanted, long existing, long versionAfter, String state) {
    Map<String, Object> row = event("end");
    row.put("output_version_after", versionAfter < 0 ? null : versionAfter);
    row.put("traces_planned", wanted);
    row.put("traces_existing", existing);
    row.put("traces_written", result.judged());
    row.put("traces_failed", result.count("error"));
    row.put("correct", result.count("correct"));
    row.put("incorrect", result.count("incorrect"));
    row.put("undecided", result.count("undecided"));
    row.put("exit_state", state);
    return row;
  }

  Map<String, Object> failed(String detail) {
    Map<String, Object> row = event("end");
    row.put("exit_state", "failed");
    row.put("detail", detail);
    return row;
  }

  private Map<String, Object> event(String event) {
    Map<String, Object> row = new HashMap<>(common);
    row.put("event", event);
    row.put("at", Timestamp.from(Instant.now()));
    if (event.equals("end")) {
      row.put("wall_seconds", (System.nanoTime() - startNanos) / 1e9);
    }
    return row;
  }
}
