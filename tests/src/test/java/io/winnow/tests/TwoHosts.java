// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import java.nio.file.Path;
import org.apache.spark.SparkConf;
import org.apache.spark.deploy.master.Master;
import org.apache.spark.deploy.worker.Worker;
import org.apache.spark.rpc.RpcEnv;
import scala.Option;

/**
 * A standalone master with two workers of one core each, in this process, at two names of this machine. Spark's own
 * {@code local-cluster} has one name for all workers, and never runs a task a second time where it runs already.
 */
final class TwoHosts implements AutoCloseable {
  private final RpcEnv master;
  private final RpcEnv[] workers = new RpcEnv[2];

  TwoHosts(Path folder) {
    SparkConf conf = new SparkConf().set("spark.local.dir", folder.toString());
    master = Master.startRpcEnvAndEndpoint("127.0.0.1", 0, 0, conf)._1();
    for (int i = 0; i < workers.length; i++) {
      workers[i] =
          Worker.startRpcEnvAndEndpoint(
              "127.0.0." + (i + 1), 0, 0, 1, 1024, new String[] {url()}, folder.resolve("worker-" + i).toString(),
              Option.apply(i), conf, Option.empty());
    }
  }

  /** What a session takes as its master. */
  String url() {
    return "spark://" + master.address().hostPort();
  }

  @Override
  public void close() {
    for (RpcEnv worker : workers) {
      worker.shutdown();
    }
    master.shutdown();
    for (RpcEnv worker : workers) {
      worker.awaitTermination();
    }
    master.awaitTermination();
  }
}
