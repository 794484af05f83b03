// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.sidecar;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * A server's process under the shell that ends it ({@code watch.sh}). The shell is in a session of its own, so that a
 * signal to this JVM's process group does not reach it, and the server in another, so that all of it can be signalled.
 */
final class WatchedProcess {
  private static final System.Logger LOG = System.getLogger(WatchedProcess.class.getName());
  private static final String SCRIPT = script();

  private final Process shell;
  private final String mark;
  private final Duration grace;
  private final Thread reader;

  private WatchedProcess(Process shell, String mark, Duration grace, Thread reader) {
    this.shell = shell;
    this.mark = mark;
    this.grace = grace;
    this.reader = reader;
  }

  private static String script() {
    try (InputStream in = WatchedProcess.class.getResourceAsStream("watch.sh")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /**
   * Starts a server.
   *
   * @param environment added to that of this process
   * @param log gets what it writes
   * @throws IOException when there is no shell, or no such program on the path
   */
  static WatchedProcess start(List<String> command, Map<String, String> environment, Duration grace, ServerLog log)
      throws IOException {
    ProcessBuilder builder = new ProcessBuilder();
    builder.environment().putAll(environment);
    String path = builder.environment().getOrDefault("PATH", "");
    String program = command.get(0);
    if (find(program, path) == null) {
      throw new IOException(
          "there is no program '" + program + "' on this host"
              + (program.contains("/") ? "" : " (PATH is " + path + ")"));
    }
    String mark = UUID.randomUUID().toString();
    String setsid = find("setsid", path);
    String bash = setsid == null ? find("bash", path) : null;
    List<String> words = new ArrayList<>();
    if (setsid != null) {
      words.add(setsid);
    }
    words.addAll(
        List.of(
            bash == null ? "/bin/sh" : bash, "-c", SCRIPT, "winnow-sidecar", mark,
            String.valueOf(Math.max(0, grace.toSeconds())),
            setsid != null ? "setsid" : bash != null ? "monitor" : "none"));
    words.addAll(command);
    Process shell = builder.command(words).redirectErrorStream(true).start();
    Thread reader = new Thread(() -> log.follow(shell.getInputStream()), "winnow-sidecar-log");
    reader.setDaemon(true);
    reader.start();
    return new WatchedProcess(shell, mark, grace, reader);
  }

  /** Where the program is, or null. */
  private static String find(String program, String path) {
    if (program.contains("/")) {
      return Files.isExecutable(Path.of(program)) && !Files.isDirectory(Path.of(program)) ? program : null;
    }
    for (String folder : path.split(File.pathSeparator)) {
      Path file = Path.of(folder.isEmpty() ? "." : folder, program);
      if (Files.isExecutable(file) && !Files.isDirectory(file)) {
        return file.toString();
      }
    }
    return null;
  }

  boolean isAlive() {
    return shell.isAlive();
  }

  /** Waits for the end that long; whether it has come. */
  boolean waitFor(long millis) throws InterruptedException {
    return shell.waitFor(millis, TimeUnit.MILLISECONDS);
  }

  /** Its exit code: 128 and the number of the signal that ended it; once it has ended. */
  int exitCode() {
    return shell.exitValue();
  }

  /**
   * The end of the pipe, which the shell takes as the word to end the server; returns when nobody of it is left. An
   * interrupt is kept for the caller and does not cut the wait short.
   */
  void stop() {
    closePipe();
    // The grace, the seconds in which what is left is killed, and as much again for a machine that is busy.
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(2 * grace.toSeconds() + 20);
    boolean interrupted = false;
    while (shell.isAlive()) {
      try {
        if (!shell.waitFor(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
          LOG.log(System.Logger.Level.WARNING, "The shell of a server does not end; what carries its mark is killed.");
          shell.destroyForcibly();
          break;
        }
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    sweep();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Tells the shell to end the server and does not wait. */
  void closePipe() {
    try {
      shell.getOutputStream().close();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "The pipe to a server's shell was closed already: {0}", e);
    }
  }

  /** Once it has ended: waits for its last lines, and ends what the shell, if it was killed, has left behind. */
  void finish() {
    sweep();
    try {
      reader.join(TimeUnit.SECONDS.toMillis(2));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Kills whoever carries the mark; nobody, unless the shell was killed itself. */
  private void sweep() {
    byte[] wanted = ("WINNOW_SIDECAR=" + mark).getBytes(StandardCharsets.UTF_8);
    ProcessHandle.allProcesses().filter(p -> carries(p.pid(), wanted)).forEach(ProcessHandle::destroyForcibly);
  }

  private static boolean carries(long pid, byte[] wanted) {
    byte[] environment;
    try {
      environment = Files.readAllBytes(Path.of("/proc/" + pid + "/environ"));
    } catch (IOException | RuntimeException e) {
      return false;
    }
    for (int from = 0, to; from < environment.length; from = to + 1) {
      to = from;
      while (to < environment.length && environment[to] != 0) {
        to++;
      }
      if (Arrays.equals(environment, from, to, wanted, 0, wanted.length)) {
        return true;
      }
    }
    return false;
  }
}
