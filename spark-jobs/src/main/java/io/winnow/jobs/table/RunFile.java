// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;

/** Content of {@code run.json}: whose pending folder it is. */
record RunFile(String runId, String workSet, long epoch, String host, long pid, long pidStartMillis) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** The run of this process. */
  static RunFile here(String runId, String workSet, long epoch) {
    ProcessHandle self = ProcessHandle.current();
    return new RunFile(runId, workSet, epoch, localHost(), self.pid(), startMillis(self));
  }

  static RunFile parse(byte[] bytes) throws IOException {
    JsonNode n = JSON.readTree(bytes);
    return new RunFile(
        n.path("runId").asText(),
        n.path("workSet").asText(),
        n.path("epoch").asLong(),
        n.path("host").asText(),
        n.path("pid").asLong(),
        n.path("pidStartMillis").asLong());
  }

  byte[] toBytes() {
    return JSON.createObjectNode()
        .put("runId", runId)
        .put("workSet", workSet)
        .put("epoch", epoch)
        .put("host", host)
        .put("pid", pid)
        .put("pidStartMillis", pidStartMillis)
        .toString()
        .getBytes(StandardCharsets.UTF_8);
  }

  /** True if the process runs, or ran, on this host. */
  boolean isHere() {
    return host.equals(localHost());
  }

  /** True if the process ran on this host and is gone, or its number is another process's now. */
  boolean isSurelyDead() {
    if (!host.equals(localHost())) {
      return false;
    }
    return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).map(p -> startMillis(p) != pidStartMillis).orElse(true);
  }

  private static long startMillis(ProcessHandle p) {
    return p.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
  }

  private static String localHost() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "unknown";
    }
  }
}
