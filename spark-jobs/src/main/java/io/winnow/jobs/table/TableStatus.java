// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import io.delta.kernel.Snapshot;
import io.delta.kernel.data.Row;
import io.delta.kernel.defaults.engine.DefaultEngine;
import io.delta.kernel.types.DoubleType;
import io.delta.kernel.types.LongType;
import io.delta.kernel.types.StringType;
import io.delta.kernel.types.StructType;
import io.delta.kernel.types.TimestampType;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * A table of traces and its runs as of one moment, read without a Spark session and without a trace in what it looks
 * at.
 *
 * @param path folder of the table
 * @param version its newest version
 * @param lastCommit when that was committed
 * @param traces rows, failed ones included; empty if the log does not say
 * @param failedByClass rows with an error, by its class
 * @param goingOn runs that have a pending folder: at work, or cut off with something left to take over
 * @param runs the last runs, newest first
 */
public record TableStatus(
    String path,
    long version,
    Instant lastCommit,
    OptionalLong traces,
    Map<String, Long> failedByClass,
    List<GoingOn> goingOn,
    List<Past> runs) {

  private static final int PROGRESS_ATTEMPTS = 5;
  private static final long PROGRESS_PAUSE_NANOS = 20_000_000;

  /** What is known of a run's process. */
  public enum Life {
    /** It lives on this host, or has shown itself lately. */
    ALIVE,
    /** It ran on this host and is gone. */
    DEAD,
    /** It runs elsewhere and has not shown itself for five minutes. */
    SILENT
  }

  /**
   * A run with a pending folder.
   *
   * @param lastSign when its driver last showed itself
   * @param waitingFiles finished files that wait for their commit
   * @param progress where it stands; empty before it has said so for the first time
   */
  public record GoingOn(
      String runId,
      String workSet,
      String host,
      long pid,
      Life life,
      Instant lastSign,
      long waitingFiles,
      Optional<RunProgress> progress) {}

  /**
   * A run by its events.
   *
   * @param state exit_state of its end; without an end {@code running} or {@code cut_off} where its process is known,
   *     else {@code unfinished}
   * @param written traces (of verify: verdicts) that it added
   * @param failed rows with an error among those
   * @param tokens tokens generated
   * @param detail message of its failure, or null
   */
  public record Past(
      String runId,
      String command,
      Instant start,
      String state,
      OptionalLong written,
      OptionalLong failed,
      OptionalLong tokens,
      Optional<Double> wallSeconds,
      String detail) {}

  private static final StructType RUN_COLUMNS =
      new StructType()
          .add("run_id", StringType.STRING)
          .add("event", StringType.STRING)
          .add("at", TimestampType.TIMESTAMP)
          .add("command", StringType.STRING)
          .add("exit_state", StringType.STRING)
          .add("traces_written", LongType.LONG)
          .add("traces_failed", LongType.LONG)
          .add("completion_tokens", LongType.LONG)
          .add("wall_seconds", DoubleType.DOUBLE)
          .add("detail", StringType.STRING);
  private static final StructType ERROR_CLASS =
      new StructType().add("error", new StructType().add("class", StringType.STRING));

  /** The last runs are at most so many. */
  public static TableStatus of(TraceTable traces, int lastRuns) {
    try {
      return read(traces.table(), lastRuns);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot look at " + traces.path() + ": " + e.getMessage(), e);
    }
  }

  private static TableStatus read(WinnowTable table, int lastRuns) throws IOException {
    // The pending folders first: a run that ends meanwhile is then seen in its end at least.
    List<GoingOn> goingOn = goingOn(table);
    Snapshot snapshot = table.snapshot();
    TableScan scan = new TableScan(snapshot, table.conf());
    Map<String, Long> failed = new TreeMap<>();
    scan.rowsOfFilesWith(
        "finish_reason", "error", ERROR_CLASS,
        row -> {
          if (!row.isNullAt(0)) {
            Row error = row.getStruct(0);
            failed.merge(error.isNullAt(0) ? "unknown" : error.getString(0), 1L, Long::sum);
          }
        });
    Optional<Long> records = scan.records();
    return new TableStatus(
        table.path(),
        snapshot.getVersion(),
        Instant.ofEpochMilli(snapshot.getTimestamp(DefaultEngine.create(table.conf()))),
        records.isPresent() ? OptionalLong.of(records.get()) : OptionalLong.empty(),
        failed,
        goingOn,
        runs(table, goingOn).stream().limit(lastRuns).toList());
  }

  private static List<GoingOn> goingOn(WinnowTable table) throws IOException {
    List<GoingOn> out = new ArrayList<>();
    for (String runId : PendingFolder.runs(table.path(), table.conf())) {
      PendingFolder pending = new PendingFolder(table.path(), runId, table.conf());
      try {
        byte[] json = pending.readRun();
        if (json != null) {
          out.add(goingOn(RunFile.parse(json), pending, table.fileSystem()));
        }
      } catch (FileNotFoundException e) {
        // It ended while it was looked at.
      }
    }
    return out;
  }

  private static GoingOn goingOn(RunFile run, PendingFolder pending, FileSystem fs) throws IOException {
    long heartbeat = pending.heartbeatMillis();
    Optional<RunProgress> progress = progress(pending, fs);
    long lastSign = Math.max(heartbeat, progress.map(RunProgress::updatedAtMillis).orElse(0L));
    boolean silent = System.currentTimeMillis() - lastSign > Recovery.SILENT_MILLIS;
    Life life = run.isSurelyDead() ? Life.DEAD : silent && !run.isHere() ? Life.SILENT : Life.ALIVE;
    return new GoingOn(
        run.runId(), run.workSet(), run.host(), run.pid(), life, Instant.ofEpochMilli(lastSign),
        pending.offered().size(), progress);
  }

  /**
   * What the run says of itself. The file is replaced every few seconds: for a moment it is not there, or its checksum is
   * not yet its own.
   */
  private static Optional<RunProgress> progress(PendingFolder pending, FileSystem fs) {
    for (int attempt = 1; attempt <= PROGRESS_ATTEMPTS; attempt++) {
      try (FSDataInputStream in = fs.open(new Path(pending.root(), RunProgress.FILE))) {
        return Optional.of(RunProgress.parse(in.readAllBytes()));
      } catch (IOException e) {
        LockSupport.parkNanos(PROGRESS_PAUSE_NANOS);
      }
    }
    return Optional.empty();
  }

  /** What is known of a run by its events. */
  private static final class Events {
    Instant start;
    String command;
    Row end;
  }

  private static List<Past> runs(WinnowTable table, List<GoingOn> goingOn) throws IOException {
    WinnowTable side =
        WinnowTable.at(new Path(table.path(), WinnowTable.SIDE_FOLDER + "/runs").toString(), table.conf());
    Optional<Snapshot> snapshot = side.latest();
    if (snapshot.isEmpty()) {
      return List.of();
    }
    Map<String, Events> runs = new LinkedHashMap<>();
    new TableScan(snapshot.get(), table.conf())
        .rows(
            RUN_COLUMNS,
            row -> {
              Events events = runs.computeIfAbsent(row.getString(0), id -> new Events());
              Instant at = Instant.EPOCH.plus(row.getLong(2), ChronoUnit.MICROS);
              events.command = row.isNullAt(3) ? events.command : row.getString(3);
              if (row.getString(1).equals("end")) {
                events.end = row;
              }
              if (events.start == null || at.isBefore(events.start)) {
                events.start = at;
              }
            });
    List<Past> out = new ArrayList<>();
    runs.forEach((id, events) -> out.add(past(id, events, goingOn)));
    out.sort(Comparator.comparing(Past::start).thenComparing(Past::runId).reversed());
    return out;
  }

  private static Past past(String runId, Events events, List<GoingOn> goingOn) {
    Row end = events.end;
    if (end == null) {
      return new Past(
          runId, events.command, events.start, stateWithoutEnd(runId, goingOn), OptionalLong.empty(),
          OptionalLong.empty(), OptionalLong.empty(), Optional.empty(), null);
    }
    return new Past(
        runId, events.command, events.start, end.isNullAt(4) ? "unknown" : end.getString(4), longAt(end, 5),
        longAt(end, 6), longAt(end, 7), end.isNullAt(8) ? Optional.empty() : Optional.of(end.getDouble(8)),
        end.isNullAt(9) ? null : end.getString(9));
  }

  private static String stateWithoutEnd(String runId, List<GoingOn> goingOn) {
    for (GoingOn run : goingOn) {
      // A run may have several ledgers, numbered behind its id.
      if (run.runId().equals(runId) || run.runId().startsWith(runId + "-")) {
        return run.life() == Life.ALIVE ? "running" : "cut_off";
      }
    }
    return "unfinished";
  }

  private static OptionalLong longAt(Row row, int column) {
    return row.isNullAt(column) ? OptionalLong.empty() : OptionalLong.of(row.getLong(column));
  }
}
