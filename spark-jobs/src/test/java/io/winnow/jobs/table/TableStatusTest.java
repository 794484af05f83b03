// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.jobs.table.TableStatus.GoingOn;
import io.winnow.jobs.table.TableStatus.Life;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.OptionalLong;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is going on, by the files of pending folders. No Spark session in here. */
class TableStatusTest {
  @TempDir Path dir;

  private TraceTable table() {
    String path = dir.resolve("out").toString();
    WinnowTable.openOrCreate(path, WinnowTable.TRACES, TraceColumns.ALL, new Configuration());
    return TraceTable.existing(path, new Configuration());
  }

  private Path pending(RunFile run) throws IOException {
    Path folder = Files.createDirectories(dir.resolve("out/_winnow/pending").resolve(run.runId()));
    Files.write(folder.resolve("run.json"), run.toBytes());
    return folder;
  }

  private static Life life(TraceTable table) {
    return only(table).life();
  }

  private static GoingOn only(TraceTable table) {
    List<GoingOn> all = TableStatus.of(table, 3).goingOn();
    assertEquals(1, all.size());
    return all.get(0);
  }

  @Test
  void aNewTableHasNothing() {
    TableStatus status = TableStatus.of(table(), 3);
    assertEquals(OptionalLong.of(0), status.traces());
    assertEquals(0, status.version());
    assertEquals(List.of(), status.goingOn());
    assertEquals(List.of(), status.runs());
    assertTrue(status.failedByClass().isEmpty());
  }

  @Test
  void aProcessOfThisHostIsAskedFor() throws IOException {
    TraceTable table = table();
    RunFile here = RunFile.here("r1", "w", 1);
    Path folder = pending(here);
    assertEquals(Life.ALIVE, life(table));
    // However long it has not shown itself: it is there.
    Files.setLastModifiedTime(folder.resolve("run.json"), FileTime.fromMillis(0));
    assertEquals(Life.ALIVE, life(table));
    pending(new RunFile("r1", "w", 1, here.host(), here.pid(), here.pidStartMillis() + 1));
    assertEquals(Life.DEAD, life(table));
  }

  @Test
  void aProcessElsewhereIsJudgedByItsSigns() throws IOException {
    TraceTable table = table();
    Path folder = pending(new RunFile("r1", "w", 1, "some-other-host", 1, 1));
    assertEquals(Life.ALIVE, life(table));
    Files.setLastModifiedTime(folder.resolve("run.json"), FileTime.fromMillis(1_000));
    assertEquals(Life.SILENT, life(table));
    long now = System.currentTimeMillis();
    RunProgress progress = new RunProgress("r1", "w", "h", 1, 1, now, 10, 0, 5, 0, 0, 0, 0, 0);
    Files.write(folder.resolve("progress.json"), progress.toBytes());
    assertEquals(Life.ALIVE, life(table));
    assertEquals(progress, only(table).progress().orElseThrow());
    Files.writeString(folder.resolve("progress.json"), "{\"runId\": ");
    assertTrue(only(table).progress().isEmpty());
    // As it is for a moment while the run replaces it: the new text beside the old checksum.
    Files.write(folder.resolve("progress.json"), progress.toBytes());
    Files.write(folder.resolve(".progress.json.crc"), new byte[] {'c', 'r', 'c', 0, 0, 0, 2, 0, 1, 2, 3, 4});
    assertTrue(only(table).progress().isEmpty());
  }

  @Test
  void progressIsReadWhateverFieldsItHas() throws IOException {
    RunProgress progress = new RunProgress("r", "w", "h", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11.5);
    assertEquals(progress, RunProgress.parse(progress.toBytes()));
    RunProgress some = RunProgress.parse("{\"done\": 7, \"new\": [1]}".getBytes(StandardCharsets.UTF_8));
    assertEquals(new RunProgress("", "", "", 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0), some);
    assertThrows(IOException.class, () -> RunProgress.parse(new byte[] {'{'}));
  }
}
