// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import io.winnow.inference.SidecarSpec;
import io.winnow.inference.conf.SidecarSettings;
import io.winnow.inference.conf.UsageException;
import io.winnow.inference.sidecar.SidecarState;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;
import org.apache.spark.resource.ResourceInformation;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;

/**
 * {@code spark.plugins=io.winnow.inference.udf.SidecarPlugin}: starts the server of {@code spark.winnow.sidecar} with
 * each executor, on the GPUs that Spark gave it, tells the driver how far it is, and ends it with the executor. {@code
 * winnow generate} sets it by itself; on a session that runs already, servers start with the first task.
 */
public final class SidecarPlugin implements SparkPlugin {
  private static final System.Logger LOG = System.getLogger(SidecarPlugin.class.getName());

  /** Made by Spark. */
  public SidecarPlugin() {}

  private static Optional<SidecarSpec> spec(SparkConf conf) {
    return SidecarSettings.ofConf(key -> conf.contains(key) ? conf.get(key) : null);
  }

  @Override
  public DriverPlugin driverPlugin() {
    return new Driver();
  }

  @Override
  public ExecutorPlugin executorPlugin() {
    return new Executor();
  }

  private static final class Driver implements DriverPlugin {
    @Override
    public Map<String, String> init(SparkContext context, PluginContext plugin) {
      SidecarProgress.clear();
      context.addSparkListener(
          new SparkListener() {
            @Override
            public void onExecutorRemoved(SparkListenerExecutorRemoved removed) {
              SidecarProgress.gone(removed.executorId());
            }
          });
      spec(plugin.conf()).ifPresent(SidecarHost::check); // refused here and not by each executor
      return Map.of();
    }

    @Override
    public Object receive(Object message) {
      // Text, because a class of ours would need the jar on the driver's own class path.
      String[] parts = ((String) message).split("\t", 3);
      SidecarProgress.heard(parts[0], parts[1], parts[2]);
      return null;
    }

    @Override
    public void shutdown() {
      SidecarProgress.clear();
    }
  }

  private static final class Executor implements ExecutorPlugin {
    @Override
    public void init(PluginContext context, Map<String, String> extra) {
      ResourceInformation gpus = context.resources().get(SidecarHost.GPU);
      List<String> addresses = gpus == null ? List.of() : List.of(gpus.addresses());
      String executor = context.executorID();
      SidecarHost.executor(addresses, state -> tell(context, executor, state));
      SidecarSpec spec;
      try {
        spec = spec(context.conf()).orElse(null);
      } catch (UsageException e) {
        LOG.log(System.Logger.Level.ERROR, "No server is started beside this executor: {0}", e.getMessage());
        return;
      }
      // Executors with fewer are not those that the stage which generates will ask for.
      if (spec != null && addresses.size() >= spec.gpus()) {
        try {
          SidecarHost.server(spec);
        } catch (RuntimeException e) {
          // What is thrown here ends the executor, and Spark starts another, and so on; a task tells it to somebody.
          LOG.log(System.Logger.Level.ERROR, "No server is started beside this executor.", e);
        }
      }
    }

    private static void tell(PluginContext context, String executor, SidecarState state) {
      try {
        context.send(executor + "\t" + state.phase() + "\t" + state.line());
      } catch (IOException | RuntimeException e) {
        LOG.log(System.Logger.Level.DEBUG, "The driver cannot be told of the server: {0}", e);
      }
    }

    @Override
    public void shutdown() {
      SidecarHost.closeAll();
    }
  }
}
