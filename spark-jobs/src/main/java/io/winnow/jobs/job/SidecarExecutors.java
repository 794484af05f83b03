// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.SidecarSpec;
import io.winnow.inference.conf.UsageException;
import org.apache.spark.SparkConf;
import org.apache.spark.resource.ExecutorResourceRequests;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.resource.ResourceProfileBuilder;
import org.apache.spark.resource.TaskResourceRequests;

/** The executors that a stage asks for because a server beside them needs GPUs that not all executors have. */
final class SidecarExecutors {
  private static final String GPU = "gpu";

  private SidecarExecutors() {}

  /**
   * What the stage that generates asks for; null where the executors that are there will do.
   *
   * @param sidecar what runs beside an executor, or null
   * @throws UsageException where Spark gives a stage no executors of its own
   */
  static ResourceProfile of(SparkConf conf, SidecarSpec sidecar) {
    if (sidecar == null || sidecar.gpus() == 0
        || conf.getInt("spark.executor.resource.gpu.amount", 0) >= sidecar.gpus()) {
      return null;
    }
    String master = conf.get("spark.master", "");
    if (master.startsWith("local")) {
      throw refused(sidecar, "in local mode there is one executor, which is the driver",
          "Leave it out; GPUs of the driver are those of spark.driver.resource.gpu.amount, or all that it sees");
    }
    if (!conf.getBoolean("spark.dynamicAllocation.enabled", false)) {
      throw refused(sidecar, "Spark gives a stage executors of its own only under dynamic allocation",
          "Set spark.dynamicAllocation.enabled=true and spark.dynamicAllocation.shuffleTracking.enabled=true, or give"
              + " all executors GPUs by spark.executor.resource.gpu.amount");
    }
    if (sidecar.discovery() == null) {
      throw refused(sidecar, "nothing says how an executor finds its GPUs", "Give --sidecar-discovery FILE");
    }
    String vendor = master.startsWith("k8s") ? conf.get("spark.executor.resource.gpu.vendor", "nvidia.com") : "";
    // Tasks ask for no GPU: those of an executor share its server, as many as it has cores.
    return new ResourceProfileBuilder()
        .require(new ExecutorResourceRequests().resource(GPU, sidecar.gpus(), sidecar.discovery(), vendor))
        .require(new TaskResourceRequests().cpus(conf.getInt("spark.task.cpus", 1)))
        .build();
  }

  private static UsageException refused(SidecarSpec sidecar, String why, String whatToDo) {
    return new UsageException(
        "Cannot use --sidecar-gpus " + sidecar.gpus() + ": " + why + ". " + whatToDo + ".");
  }
}
