// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.sidecar;

import io.winnow.inference.InferenceException;
import io.winnow.inference.SidecarSpec;
import io.winnow.inference.conf.UsageException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs one server under the supervisor from a shell, without Spark: to try a template on a machine, and for tests.
 *
 * <pre>
 * java -cp inference-udf/target/classes io.winnow.inference.sidecar.Sidecar COMMAND MODEL [NAME=VALUE ...]
 * </pre>
 *
 * COMMAND is that of {@code --sidecar}. NAME is one of name, args, gpus, health, startup, restarts, grace, silence (the
 * last four in seconds, restarts a number), folder; any NAME in capitals is a variable of the server's environment. It
 * prints each change of state, and {@code ready URL SERVED-NAME KEY-FILE} on a line when it answers; the key is in that
 * file. It ends, and the server with it, when its standard input ends or it is signalled.
 */
public final class Sidecar {
  private Sidecar() {}

  /** Runs until standard input ends. */
  public static void main(String[] words) throws Exception {
    if (words.length < 2) {
      System.err.println("usage: Sidecar COMMAND MODEL [NAME=VALUE ...]; COMMAND is one of "
          + String.join(", ", CommandTemplate.names()) + ", or a command with {model} and {port}");
      System.exit(2);
    }
    try {
      run(words[0], words[1], Arrays.asList(words).subList(2, words.length));
    } catch (UsageException | InferenceException e) {
      System.err.println(e.getMessage());
      System.exit(e instanceof UsageException ? 2 : 1);
    }
  }

  private static void run(String command, String model, List<String> pairs) throws Exception {
    Map<String, String> given = new HashMap<>();
    Map<String, String> environment = new HashMap<>();
    for (String pair : pairs) {
      int at = pair.indexOf('=');
      if (at < 1) {
        throw new UsageException("Cannot use '" + pair + "': give NAME=VALUE.");
      }
      (Character.isUpperCase(pair.charAt(0)) ? environment : given).put(pair.substring(0, at), pair.substring(at + 1));
    }
    SidecarSpec usual = SidecarSpec.of(given.getOrDefault("name", "model"), command, model);
    SidecarSpec spec =
        usual.withArgs(given.getOrDefault("args", "")).withEnvironment(environment).withHealth(given.get("health"))
            .withLimits(
                seconds(given, "startup", usual.startupTimeout()),
                Integer.parseInt(given.getOrDefault("restarts", String.valueOf(usual.restarts()))),
                seconds(given, "grace", usual.grace()), seconds(given, "silence", usual.silence()));
    Path folder =
        given.containsKey("folder") ? Path.of(given.get("folder")) : Files.createTempDirectory("winnow-sidecar");
    String gpus = given.getOrDefault("gpus", "");
    SidecarPlace place =
        new SidecarPlace(
            "0", gpus.isEmpty() ? List.of() : List.of(gpus.split(",")), Runtime.getRuntime().availableProcessors(),
            folder);
    try (SidecarServer server =
        SidecarServer.start(
            spec, place, state -> System.out.println("state " + state.restarts() + " " + state.line()))) {
      Runtime.getRuntime().addShutdownHook(new Thread(server::close));
      System.out.println("log " + server.logFile());
      server.awaitReady();
      System.out.println("ready " + server.url() + " " + server.servedName() + " " + server.keyFile());
      while (System.in.read() >= 0) {
        // Nothing is expected but the end.
      }
    }
  }

  private static Duration seconds(Map<String, String> given, String name, Duration usual) {
    return given.containsKey(name) ? Duration.ofMillis(Math.round(1000 * Double.parseDouble(given.get(name)))) : usual;
  }
}
