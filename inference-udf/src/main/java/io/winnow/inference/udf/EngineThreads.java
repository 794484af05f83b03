// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.SparkConf;

/** How many cores Spark gives an executor, and so how many threads its engine has. */
final class EngineThreads {
  private static final Pattern LOCAL = Pattern.compile("local\\[\\s*(\\d+|\\*)\\s*(,.*)?]");
  private static final Pattern LOCAL_CLUSTER = Pattern.compile("local-cluster\\[[^,]*,\\s*(\\d+)\\s*,.*]");

  private EngineThreads() {}

  /**
   * Threads of the engine.
   *
   * @param processors what this JVM may use of the machine, by affinity and the limits of its container
   */
  static int of(SparkConf conf, int processors) {
    int cores = cores(conf.get("spark.master", ""), conf);
    return cores == 0 ? processors : Math.min(cores, processors);
  }

  /** Cores that Spark counts; 0 where it takes all. */
  private static int cores(String master, SparkConf conf) {
    // In local mode tasks run in the driver, and Spark looks at nothing but the master.
    if (master.equals("local")) {
      return 1;
    }
    Matcher local = LOCAL.matcher(master);
    if (local.matches()) {
      return local.group(1).equals("*") ? 0 : Integer.parseInt(local.group(1));
    }
    int stated = conf.getInt("spark.executor.cores", 0);
    if (stated > 0) {
      return stated;
    }
    Matcher cluster = LOCAL_CLUSTER.matcher(master);
    if (cluster.matches()) {
      return Integer.parseInt(cluster.group(1));
    }
    // There the default is one core; a standalone worker gives all that it has.
    return master.startsWith("yarn") || master.startsWith("k8s") ? 1 : 0;
  }
}
