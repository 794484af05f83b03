// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import com.codahale.metrics.Gauge;
import com.codahale.metrics.MetricRegistry;
import io.winnow.inference.EngineStats;
import java.util.Map;
import java.util.function.ToLongFunction;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;

/**
 * The engines of an executor in Spark's metrics system, for its sinks (Prometheus, JMX, Graphite …). Not needed by
 * anything; {@code spark.plugins=io.winnow.inference.udf.EngineMetrics} turns it on.
 */
public final class EngineMetrics implements SparkPlugin {
  @Override
  public DriverPlugin driverPlugin() {
    return null;
  }

  @Override
  public ExecutorPlugin executorPlugin() {
    return new ExecutorPlugin() {
      @Override
      public void init(PluginContext context, Map<String, String> configuration) {
        register(context.metricRegistry());
      }
    };
  }

  /** Sums over the engines that the JVM holds now: counters begin anew when an engine is closed. */
  static void register(MetricRegistry metrics) {
    gauge(metrics, "steps", EngineStats::steps);
    gauge(metrics, "prefillTokens", EngineStats::promptTokens);
    gauge(metrics, "prefixHitTokens", EngineStats::prefixHitTokens);
    gauge(metrics, "decodeTokens", EngineStats::generatedTokens);
    gauge(metrics, "preemptions", EngineStats::preemptions);
    gauge(metrics, "busyNanos", EngineStats::busyNanos);
    gauge(metrics, "prefillNanos", EngineStats::prefillNanos);
    gauge(metrics, "running", stats -> stats.load().running());
    gauge(metrics, "waiting", stats -> stats.load().waiting());
    gauge(metrics, "usedPages", stats -> stats.load().usedPages());
    gauge(metrics, "pages", stats -> stats.load().pages());
  }

  private static void gauge(MetricRegistry metrics, String name, ToLongFunction<EngineStats> figure) {
    metrics.register(name, (Gauge<Long>) () -> figure.applyAsLong(EngineHost.stats()));
  }
}
