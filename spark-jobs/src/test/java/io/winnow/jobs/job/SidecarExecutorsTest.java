// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.SidecarSpec;
import io.winnow.inference.conf.SidecarSettings;
import io.winnow.inference.conf.UsageException;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.resource.ResourceProfile;
import org.junit.jupiter.api.Test;

class SidecarExecutorsTest {
  private static SidecarSpec spec(String gpus, String discovery) {
    Map<String, String> conf =
        Map.of(
            "spark.winnow.sidecar", "vllm", "spark.winnow.model", "r1@sidecar", "spark.winnow.sidecarGpus", gpus,
            "spark.winnow.sidecarDiscovery", discovery);
    return SidecarSettings.ofConf(key -> "".equals(conf.get(key)) ? null : conf.get(key)).orElseThrow();
  }

  private static SparkConf conf(String master, String... pairs) {
    SparkConf conf = new SparkConf(false).set("spark.master", master);
    for (int i = 0; i < pairs.length; i += 2) {
      conf.set(pairs[i], pairs[i + 1]);
    }
    return conf;
  }

  private static String refusal(SparkConf conf, SidecarSpec spec) {
    return assertThrows(UsageException.class, () -> SidecarExecutors.of(conf, spec)).getMessage();
  }

  @Test
  void executorsThatAreThereDoWhereTheyHaveTheGpus() {
    assertNull(SidecarExecutors.of(conf("yarn"), null));
    assertNull(SidecarExecutors.of(conf("yarn"), SidecarSpec.of("m", "vllm", "m")));
    assertNull(SidecarExecutors.of(conf("yarn", "spark.executor.resource.gpu.amount", "8"), spec("8", "/g.sh")));
  }

  @Test
  void whatSparkDoesNotDoIsRefused() {
    assertTrue(refusal(conf("local[2]"), spec("8", "/g.sh")).contains("the driver"));
    assertTrue(refusal(conf("yarn"), spec("8", "/g.sh")).contains("spark.dynamicAllocation.enabled=true"));
    assertTrue(
        refusal(conf("yarn", "spark.dynamicAllocation.enabled", "true"), spec("8", "")).contains("--sidecar-discovery"));
  }

  @Test
  void executorsHaveTheGpusAndTasksNone() {
    ResourceProfile profile =
        SidecarExecutors.of(conf("k8s://h", "spark.dynamicAllocation.enabled", "true"), spec("8", "/g.sh"));
    var gpu = profile.executorResourcesJMap().get("gpu");
    assertEquals(8, gpu.amount());
    assertEquals("/g.sh", gpu.discoveryScript());
    assertEquals("nvidia.com", gpu.vendor());
    assertFalse(profile.taskResourcesJMap().containsKey("gpu"));
  }
}
