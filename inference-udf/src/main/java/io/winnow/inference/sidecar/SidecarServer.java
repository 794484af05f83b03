// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.sidecar;

import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.SidecarSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A server and its supervisor: starts it, waits until it answers, watches it, starts it again after pauses that double,
 * and gives it up after so many times in a row. Thread-safe. It keeps key and, if it can, port from one start to the
 * next, so whoever talks to it sees refused connections for a while and nothing else.
 */
public final class SidecarServer implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(SidecarServer.class.getName());
  /** A server may bind long after its port was chosen; meeting somebody there is nobody's fault. */
  private static final int PORT_CONFLICTS = 10;
  private static final long FIRST_PAUSE_MILLIS = 1000;
  private static final long LONGEST_PAUSE_MILLIS = 60_000;
  private static final long WATCH_MILLIS = 5000;
  private static final long STOP_MILLIS = 200;
  private static final String HOST = "127.0.0.1";

  private final SidecarSpec spec;
  private final SidecarPlace place;
  private final CommandTemplate template;
  private final Consumer<SidecarState> listener;
  private final String key = randomKey();
  private final ServerLog log;
  private final Path keyFile;
  private final Thread supervisor;
  private final long firstPauseMillis;
  private SidecarState state = new SidecarState(SidecarState.Phase.STARTING, "", -1, 0);
  private int port;
  private String servedName;
  private int restarts;
  private WatchedProcess process;
  private boolean closed;

  private SidecarServer(
      SidecarSpec spec, SidecarPlace place, Consumer<SidecarState> listener, long firstPauseMillis) {
    this.spec = spec;
    this.place = place;
    this.listener = listener;
    this.firstPauseMillis = firstPauseMillis;
    this.template = CommandTemplate.of(spec);
    this.log = new ServerLog(place.folder().resolve("sidecar-" + place.label() + ".log"), spec.logBytes(), key);
    this.keyFile = keyFile("key", key);
    this.supervisor = new Thread(this::supervise, "winnow-sidecar");
    supervisor.setDaemon(true);
  }

  /**
   * Starts a server and returns at once.
   *
   * @param listener hears of each change and, while it loads, of its progress; called by the supervisor's thread
   * @throws io.winnow.inference.conf.UsageException when the command is none
   */
  public static SidecarServer start(SidecarSpec spec, SidecarPlace place, Consumer<SidecarState> listener) {
    return start(spec, place, listener, FIRST_PAUSE_MILLIS);
  }

  /** As above, with another first pause before it is started again. */
  static SidecarServer start(
      SidecarSpec spec, SidecarPlace place, Consumer<SidecarState> listener, long firstPauseMillis) {
    SidecarServer server = new SidecarServer(spec, place, listener, firstPauseMillis);
    server.supervisor.start();
    return server;
  }

  private static String randomKey() {
    byte[] bytes = new byte[24];
    new SecureRandom().nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  public SidecarSpec spec() {
    return spec;
  }

  /** How it is now. */
  public synchronized SidecarState state() {
    return state;
  }

  /** The file with what it writes. */
  public Path logFile() {
    return log.file();
  }

  /** The key that requests must bear. Not for logs, plans or tables. */
  public String key() {
    return key;
  }

  /** Where it answers now: {@code http://127.0.0.1:PORT}; another port only if somebody took the one it had. */
  public synchronized String url() {
    return "http://" + HOST + ":" + port;
  }

  /** What it calls its model: the name of the spec where it lists that, else the first that it lists. */
  public synchronized String servedName() {
    return servedName == null ? spec.name() : servedName;
  }

  /** The executor that it is beside. */
  public String label() {
    return place.label();
  }

  /** A file with the key alone, which only this user may read; gone with the server. */
  public Path keyFile() {
    return keyFile;
  }

  /** As {@link #awaitReady(BooleanSupplier)}, whatever may be. */
  void awaitReady() throws InterruptedException {
    awaitReady(() -> false);
  }

  /**
   * Waits until it answers; also while it is being started again.
   *
   * @param stop asked now and then; the wait ends when it says so
   * @return whether it answers; false when {@code stop} has ended the wait
   * @throws InferenceException sidecar_failed, with the end of its log, when it was given up or closed
   */
  public synchronized boolean awaitReady(BooleanSupplier stop) throws InterruptedException {
    while (state.phase() != SidecarState.Phase.READY) {
      if (state.phase() == SidecarState.Phase.FAILED) {
        throw InferenceErrors.sidecarFailed(spec.name(), place.label(), state.detail());
      }
      if (state.phase() == SidecarState.Phase.CLOSED) {
        throw InferenceErrors.sidecarFailed(spec.name(), place.label(), "it was closed because the executor ends");
      }
      if (stop.getAsBoolean()) {
        return false;
      }
      wait(STOP_MILLIS);
    }
    return true;
  }

  private void supervise() {
    int inARow = 0;
    int conflicts = 0;
    try {
      while (!isClosed()) {
        long began = System.nanoTime();
        Outcome outcome = runOnce();
        if (isClosed()) {
          break;
        }
        if (outcome.portTaken() && conflicts < PORT_CONFLICTS) {
          conflicts++;
          log.add("winnow: somebody took port " + port + " first; trying another");
          port(0);
          continue;
        }
        boolean steady = outcome.wasReady() && System.nanoTime() - began > SidecarSpec.STEADY.toNanos();
        inARow = steady ? 1 : inARow + 1;
        conflicts = 0;
        if (outcome.hopeless() || inARow > spec.restarts()) {
          fail(outcome, inARow);
          return;
        }
        long pause = Math.min(LONGEST_PAUSE_MILLIS, firstPauseMillis << Math.min(inARow - 1, 16));
        tell(SidecarState.Phase.DOWN, outcome.why() + "; start " + (inARow + 1) + " follows in " + pause + " ms", -1);
        LOG.log(System.Logger.Level.WARNING, "The server of {0}: {1}; its log is {2}", spec.name(), outcome.why(),
            log.file());
        Thread.sleep(pause);
        synchronized (this) {
          restarts++;
        }
      }
    } catch (InterruptedException e) {
      // close() ends the pauses so.
    } catch (RuntimeException | Error e) {
      LOG.log(System.Logger.Level.ERROR, "The supervisor of a server has failed.", e);
      tell(SidecarState.Phase.FAILED, "its supervisor has failed: " + e, -1);
    } finally {
      WatchedProcess last = process();
      if (last != null) {
        last.stop();
      }
    }
  }

  /**
   * How a process ended.
   *
   * @param why in words
   * @param portTaken whether somebody else listened at its port
   * @param hopeless whether another start would end the same way
   */
  private record Outcome(String why, boolean wasReady, boolean portTaken, boolean hopeless) {}

  private Outcome runOnce() throws InterruptedException {
    synchronized (this) {
      if (port == 0 || !FreePort.isFree(port)) {
        port = FreePort.pick();
      }
      servedName = null;
    }
    log.begin();
    WatchedProcess started;
    try {
      List<String> command = template.words(values(), CommandTemplate.split("--sidecar-args", spec.args()));
      log.add("winnow: starting " + String.join(" ", command));
      started = WatchedProcess.start(command, environment(), spec.grace(), log);
    } catch (IOException e) {
      return new Outcome("it cannot be started: " + e.getMessage(), false, false, true);
    }
    synchronized (this) {
      process = started;
      if (closed) {
        return new Outcome("it was closed", false, false, true);
      }
    }
    tell(SidecarState.Phase.STARTING, "", -1);
    Health health =
        new Health(url(), spec.health() == null ? template.health() : spec.health(), key);
    String fault = untilReady(started, health);
    boolean wasReady = fault == null;
    if (wasReady) {
      synchronized (this) {
        servedName = health.servedName(spec.name());
      }
      tell(SidecarState.Phase.READY, url(), -1);
      fault = whileReady(started, health);
    }
    boolean ended = !started.isAlive();
    if (!ended) {
      started.stop();
    }
    started.finish();
    String why = ended ? "it ended with " + exit(started.exitCode()) : fault;
    return new Outcome(why, wasReady, ended && !wasReady && portTaken(), false);
  }

  /** Null once it answers, else why it does not. */
  private String untilReady(WatchedProcess started, Health health) throws InterruptedException {
    long deadline = System.nanoTime() + spec.startupTimeout().toNanos();
    long pause = 100;
    String shown = "";
    while (!started.waitFor(pause)) {
      if (health.answers(Duration.ofSeconds(5)) && started.isAlive()) {
        return null;
      }
      if (System.nanoTime() - deadline > 0) {
        return "it did not answer within " + spec.startupTimeout().toSeconds()
            + " s (--sidecar-startup-timeout); what it says is: " + health.lastFault();
      }
      String line = log.lastLine();
      if (!line.equals(shown)) {
        shown = line;
        tell(SidecarState.Phase.STARTING, line, ServerLog.percent(line).orElse(-1));
      }
      pause = Math.min(1000, pause + 50);
    }
    return "it ended";
  }

  /** Returns why it is to be started again: it has ended, or answers no more. */
  private String whileReady(WatchedProcess started, Health health) throws InterruptedException {
    long answered = System.nanoTime();
    long pause = Math.max(50, Math.min(WATCH_MILLIS, spec.silence().toMillis() / 4));
    while (!started.waitFor(pause)) {
      if (health.answers(Duration.ofMillis(Math.max(1000, spec.silence().toMillis() / 2)))) {
        answered = System.nanoTime();
      } else if (System.nanoTime() - answered > spec.silence().toNanos()) {
        return "it has not answered for " + spec.silence().toSeconds() + " s: " + health.lastFault();
      }
    }
    return "it ended";
  }

  private static String exit(int code) {
    return code > 128 && code < 160 ? "signal " + (code - 128) : "exit code " + code;
  }

  private boolean portTaken() {
    return log.tail().stream()
        .map(line -> line.toLowerCase(Locale.ROOT))
        .anyMatch(
            line ->
                line.contains("address already in use") || line.contains("eaddrinuse")
                    || line.contains("port is already") || line.contains("errno 98")
                    || line.contains("couldn't bind") || line.contains("failed to bind"));
  }

  private Function<String, String> values() {
    return name ->
        switch (name) {
          case CommandTemplate.MODEL -> spec.model();
          case CommandTemplate.NAME -> spec.name();
          case CommandTemplate.HOST -> HOST;
          case CommandTemplate.PORT -> String.valueOf(port);
          case CommandTemplate.GPUS -> String.join(",", place.gpus());
          case CommandTemplate.GPU_COUNT -> String.valueOf(Math.max(1, place.gpus().size()));
          case CommandTemplate.CORES -> String.valueOf(place.cores());
          case CommandTemplate.KEY_FILE -> keyFile.toString();
          case CommandTemplate.KEY_YAML -> keyFile("yaml", "api-key: \"" + key + "\"\n").toString();
          default -> throw new IllegalArgumentException("There is no placeholder {" + name + "}.");
        };
  }

  /** Writes the key where only this user may read it: arguments of a process can be seen by all users of a host. */
  private Path keyFile(String suffix, String content) {
    Path file = place.folder().resolve("sidecar-" + place.label() + "." + suffix).toAbsolutePath();
    try {
      Files.createDirectories(file.getParent());
      Files.deleteIfExists(file);
      ServerLog.create(file);
      Files.writeString(file, content, StandardOpenOption.TRUNCATE_EXISTING);
      file.toFile().deleteOnExit();
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write the server's key to " + file, e);
    }
  }

  private Map<String, String> environment() {
    Map<String, String> all = new HashMap<>();
    if (!place.gpus().isEmpty()) {
      all.put("CUDA_VISIBLE_DEVICES", String.join(",", place.gpus()));
      // Numbers come from nvidia-smi, which counts by the bus; CUDA by itself counts the fastest first.
      all.put("CUDA_DEVICE_ORDER", "PCI_BUS_ID");
    }
    all.put("VLLM_API_KEY", key);
    all.put("LLAMA_API_KEY", key);
    all.put("WINNOW_SIDECAR_KEY", key);
    // Python programs that rename their processes would otherwise write over the mark in their environment.
    all.put("SPT_NOENV", "1");
    all.put("PYTHONUNBUFFERED", "1");
    spec.environment().forEach((name, value) -> all.put(name, CommandTemplate.filled(value, values())));
    return all;
  }

  private void fail(Outcome outcome, int inARow) {
    StringBuilder detail = new StringBuilder(outcome.why());
    if (inARow > 1) {
      detail.append(", ").append(inARow).append(" times in a row");
    }
    detail.append(". Its log ").append(log.file()).append(" ends:");
    log.tail().forEach(line -> detail.append("\n  | ").append(line));
    tell(SidecarState.Phase.FAILED, detail.toString(), -1);
    LOG.log(System.Logger.Level.ERROR, "The server of {0} is given up: {1}", spec.name(), detail);
  }

  private void tell(SidecarState.Phase phase, String detail, int percent) {
    SidecarState news;
    synchronized (this) {
      if (closed) {
        return;
      }
      news = new SidecarState(phase, detail, percent, restarts);
      state = news;
      notifyAll();
    }
    listener.accept(news);
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  private synchronized WatchedProcess process() {
    return process;
  }

  private synchronized void port(int value) {
    port = value;
  }

  /** Ends the server and waits until nobody of it is left, some seconds longer than its grace at most. */
  @Override
  public void close() {
    WatchedProcess running;
    synchronized (this) {
      if (!closed) {
        closed = true;
        state = new SidecarState(SidecarState.Phase.CLOSED, "", -1, restarts);
        notifyAll();
      }
      running = process;
    }
    if (running != null) {
      running.closePipe();
    }
    supervisor.interrupt();
    if (Thread.currentThread() == supervisor) {
      return;
    }
    try {
      supervisor.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    log.close();
    try {
      Files.deleteIfExists(keyFile);
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "Cannot delete {0}: {1}", keyFile, e);
    }
  }
}
