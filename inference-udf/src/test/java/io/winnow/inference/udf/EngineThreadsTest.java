// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.apache.spark.SparkConf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EngineThreadsTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        // master | spark.executor.cores, 0 where it is not set | processors | threads
        "local | 0 | 8 | 1",
        "local | 4 | 8 | 1",
        "local[*] | 0 | 8 | 8",
        "local[*] | 4 | 8 | 8",
        "local[3] | 0 | 8 | 3",
        "local[16] | 0 | 8 | 8",
        "local[2, 4] | 0 | 8 | 2",
        "local-cluster[2,1,1024] | 0 | 8 | 1",
        "local-cluster[2,4,1024] | 2 | 8 | 2",
        "spark://host:7077 | 0 | 8 | 8",
        "spark://host:7077 | 4 | 8 | 4",
        // A container that was given less than Spark counts.
        "spark://host:7077 | 16 | 8 | 8",
        "yarn | 0 | 64 | 1",
        "yarn | 8 | 64 | 8",
        "k8s://https://host:6443 | 0 | 64 | 1",
        "k8s://https://host:6443 | 8 | 4 | 4",
      })
  void theEngineHasAsManyThreadsAsSparkGivesCores(String master, int stated, int processors, int threads) {
    SparkConf conf = new SparkConf(false).setMaster(master);
    if (stated > 0) {
      conf.set("spark.executor.cores", String.valueOf(stated));
    }
    assertEquals(threads, EngineThreads.of(conf, processors));
  }
}
