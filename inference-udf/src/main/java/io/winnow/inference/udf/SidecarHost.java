// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import io.winnow.inference.EndpointSpec;
import io.winnow.inference.InferenceException;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.SidecarSpec;
import io.winnow.inference.sidecar.CommandTemplate;
import io.winnow.inference.sidecar.SidecarPlace;
import io.winnow.inference.sidecar.SidecarServer;
import io.winnow.inference.sidecar.SidecarState;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.resource.ResourceInformation;

/**
 * The servers beside this executor, one for each {@link SidecarSpec}, shared by its tasks. Started by the executor
 * plugin as soon as there is an executor, or else by the first task. Process-wide, as servers are. A server that nobody
 * asks is ended when another is wanted, because both would not fit on the GPUs.
 */
public final class SidecarHost {
  private static final System.Logger LOG = System.getLogger(SidecarHost.class.getName());
  /** What Spark calls the resource, whoever makes it. */
  static final String GPU = "gpu";
  private static final String MASTER = "spark.master";

  private static final Map<SidecarSpec, SidecarServer> SERVERS = new HashMap<>();
  private static final Map<SidecarServer, Integer> USERS = new HashMap<>();
  /** The GPUs that Spark gave the executor; null where no plugin has told. */
  private static List<String> assigned;
  /** Not under the lock: whoever holds that may be waiting for a supervisor, which calls this. */
  private static volatile Consumer<SidecarState> listener = state -> { };

  private SidecarHost() {}

  /**
   * Looks whether the command of a server can be made into words.
   *
   * @throws io.winnow.inference.conf.UsageException when it cannot
   */
  public static void check(SidecarSpec spec) {
    CommandTemplate.of(spec);
  }

  /** What the plugin of this executor knows. */
  static synchronized void executor(List<String> gpus, Consumer<SidecarState> news) {
    assigned = List.copyOf(gpus);
    listener = news;
  }

  /** Starts the server of a spec, or gives the one that is there. */
  static synchronized SidecarServer server(SidecarSpec spec) {
    SidecarServer server = SERVERS.get(spec);
    if (server == null) {
      SERVERS.values().removeIf(
          other -> {
            boolean idle = USERS.getOrDefault(other, 0) == 0;
            if (idle) {
              other.close();
            }
            return idle;
          });
      server = SidecarServer.start(spec, place(spec), SidecarHost::heard);
      SERVERS.put(spec, server);
    }
    return server;
  }

  private static void heard(SidecarState state) {
    if (state.phase() != SidecarState.Phase.STARTING) {
      LOG.log(System.Logger.Level.INFO, "The server beside this executor: {0}", state.line());
    }
    listener.accept(state);
  }

  private static SidecarPlace place(SidecarSpec spec) {
    SparkEnv env = SparkEnv.get();
    SparkConf conf = env == null ? new SparkConf(false) : env.conf();
    String label = env == null ? "none" : env.executorId();
    List<String> gpus = assigned;
    if (gpus == null || gpus.isEmpty()) {
      // Without the plugin only tasks know; with whole GPUs a task, the first one's are all.
      TaskContext task = TaskContext.get();
      ResourceInformation own = task == null ? null : task.resourcesJMap().get(GPU);
      gpus = own == null ? List.of() : List.of(own.addresses());
    }
    int cores = EngineThreads.of(conf, Runtime.getRuntime().availableProcessors());
    return new SidecarPlace(label, gpus, cores, folder(spec, conf));
  }

  /** Where the cluster manager keeps an executor's own output, so that it is found, and removed, with that. */
  private static Path folder(SidecarSpec spec, SparkConf conf) {
    if (spec.logFolder() != null) {
      return Path.of(spec.logFolder());
    }
    String yarn = System.getProperty("spark.yarn.app.container.log.dir");
    if (yarn != null) {
      return Path.of(yarn);
    }
    Path here = Path.of("").toAbsolutePath();
    boolean local = conf.get(MASTER, "local").matches("local(\\[.*])?");
    return !local && Files.isWritable(here)
        ? here
        : Path.of(
            System.getProperty("java.io.tmpdir"),
            "winnow-sidecar-" + System.getProperty("user.name") + "-" + ProcessHandle.current().pid());
  }

  /**
   * The endpoint that this executor's server is, once it answers.
   *
   * @throws InferenceException sidecar_failed, when it was given up
   */
  static EndpointSpec located(EndpointSpec spec, SidecarSpec sidecar) {
    SidecarServer server = server(sidecar);
    try {
      TaskContext task = TaskContext.get();
      if (!server.awaitReady(() -> task != null && task.isInterrupted())) {
        throw new IllegalStateException("the task was killed while it waited for its executor's server");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("the task was killed while it waited for its executor's server", e);
    }
    EndpointSpec.Limits limits = spec.limits();
    // Whether a server that is down will come back, its supervisor says, and sooner than patience would.
    Duration patience = limits.patience().plus(sidecar.startupTimeout().multipliedBy(sidecar.restarts() + 1L));
    EndpointSpec.Limits patient =
        new EndpointSpec.Limits(
            limits.leastConcurrency(), limits.mostConcurrency(), limits.attempts(), limits.timeout(), limits.idle(),
            patience);
    return spec.at(List.of(server.url() + "/v1"))
        .withKey(new EndpointSpec.Key(null, server.keyFile().toString(), "Authorization", false))
        .with(spec.api(), spec.wire(), patient)
        .withFields(dialect(spec, sidecar), SidecarFields.named(spec, server.servedName()));
  }

  private static String dialect(EndpointSpec spec, SidecarSpec sidecar) {
    if (!spec.dialect().equals("auto")) {
      return spec.dialect();
    }
    return switch (sidecar.command()) {
      case "vllm" -> "vllm";
      case "sglang" -> "sglang";
      case "llama.cpp" -> "llamacpp";
      default -> "auto";
    };
  }

  /** The runtime of an endpoint, with an eye on the server if it is one of this executor's. */
  static ModelRuntime watched(EndpointSpec spec, ModelRuntime runtime) {
    SidecarServer server = at(spec.urls());
    if (server == null) {
      return runtime;
    }
    synchronized (SidecarHost.class) {
      USERS.merge(server, 1, Integer::sum);
    }
    return new SidecarRuntime(runtime, server, () -> leave(server));
  }

  private static synchronized SidecarServer at(List<String> urls) {
    return SERVERS.values().stream().filter(server -> urls.equals(List.of(server.url() + "/v1"))).findFirst()
        .orElse(null);
  }

  private static synchronized void leave(SidecarServer server) {
    USERS.merge(server, -1, Integer::sum);
  }

  /** Ends all servers of this executor and returns when they are gone. */
  public static void closeAll() {
    List<SidecarServer> all;
    synchronized (SidecarHost.class) {
      all = List.copyOf(SERVERS.values());
      SERVERS.clear();
      USERS.clear();
      assigned = null;
      listener = state -> { };
    }
    all.forEach(SidecarServer::close);
  }
}
