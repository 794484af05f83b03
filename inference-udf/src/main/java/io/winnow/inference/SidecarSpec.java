// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.io.Serializable;
import java.time.Duration;
import java.util.Map;

/**
 * What to run beside an executor; equal specs share one server within a JVM.
 *
 * @param name the model's name in requests and traces
 * @param command the name of a ready command template, or the text of one
 * @param model what the server opens: a path of the executor's host, or whatever the server takes
 * @param args further words of the command, quoted as in a command template; empty for none
 * @param environment further variables of the server, with the placeholders of a command template
 * @param health path that answers 200 when the server is ready; null for that of the template
 * @param startupTimeout from start to ready, with the time to load the model
 * @param restarts how often in a row it is started again; a server that was ready for {@link #STEADY} counts anew
 * @param grace from SIGTERM to SIGKILL, in whole seconds
 * @param silence how long a server that was ready may not answer before it counts as hung
 * @param logBytes the log holds twice as much at most: the file and the one before it
 * @param logFolder folder of the executor's disk; null for one that suits the cluster manager
 * @param gpus that an executor must have to run it; 0 for whatever it has
 * @param discovery script of the executors' hosts by which such an executor finds its GPUs, or null
 */
public record SidecarSpec(
    String name,
    String command,
    String model,
    String args,
    Map<String, String> environment,
    String health,
    Duration startupTimeout,
    int restarts,
    Duration grace,
    Duration silence,
    long logBytes,
    String logFolder,
    int gpus,
    String discovery)
    implements Serializable {

  /** A server that was ready for so long has got over what ended it before. */
  public static final Duration STEADY = Duration.ofMinutes(10);

  public SidecarSpec {
    environment = Map.copyOf(environment);
  }

  /** With the usual limits: half an hour to start, five starts anew, 20 s to end, two minutes of silence, 16 MiB. */
  public static SidecarSpec of(String name, String command, String model) {
    return new SidecarSpec(
        name, command, model, "", Map.of(), null, Duration.ofMinutes(30), 5, Duration.ofSeconds(20),
        Duration.ofMinutes(2), 16 << 20, null, 0, null);
  }

  /** With further words of the command. */
  public SidecarSpec withArgs(String words) {
    return new SidecarSpec(
        name, command, model, words, environment, health, startupTimeout, restarts, grace, silence, logBytes,
        logFolder, gpus, discovery);
  }

  /** With further variables of the environment. */
  public SidecarSpec withEnvironment(Map<String, String> variables) {
    return new SidecarSpec(
        name, command, model, args, variables, health, startupTimeout, restarts, grace, silence, logBytes, logFolder,
        gpus, discovery);
  }

  /** With another path that says whether it is ready; null for the template's. */
  public SidecarSpec withHealth(String path) {
    return new SidecarSpec(
        name, command, model, args, environment, path, startupTimeout, restarts, grace, silence, logBytes, logFolder,
        gpus, discovery);
  }

  /** With other limits of time and number. */
  public SidecarSpec withLimits(Duration startup, int again, Duration toEnd, Duration mute) {
    return new SidecarSpec(
        name, command, model, args, environment, health, startup, again, toEnd, mute, logBytes, logFolder,
        gpus, discovery);
  }

  /** With another place and length of the log. */
  public SidecarSpec withLog(long bytes, String folder) {
    return new SidecarSpec(
        name, command, model, args, environment, health, startupTimeout, restarts, grace, silence, bytes, folder,
        gpus, discovery);
  }
}
