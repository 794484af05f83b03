// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * The folder {@code _winnow/pending/<runId>} beside a table, through which tasks and driver of one run talk:
 *
 * <pre>
 * run.json                        who runs
 * alive                           empty; its modification time is the driver's heartbeat
 * offered/part-….json             manifests of complete files that wait for their commit
 * batches/7-….json                names of the manifests in transaction 7, written before it is tried
 * progress.json                   where the run stands, for people
 * inflight/p3-….json              what a task has in the engine; left behind by those that die
 * accepted/7-….keys               keys of the rows that transaction 7 brought in; a retried task skips these rows
 * </pre>
 *
 * Files appear whole: written aside and renamed, or on object stores, whose uploads appear on completion, written in
 * place.
 */
final class PendingFolder {
  static final String PENDING = WinnowTable.SIDE_FOLDER + "/pending";

  /**
   * File systems on which a created file is visible only when it is complete, and a rename is a copy. On all others files
   * are written aside and renamed, which is right wherever one of the two is one step.
   */
  private static final Set<String> IN_PLACE = Set.of("s3", "s3a", "s3n", "gs", "oss", "obs", "cosn");

  private static final String OFFERED = "offered";
  private static final String ACCEPTED = "accepted";
  private static final String KEYS = ".keys";
  private static final String IN_FLIGHT = "inflight";

  private final Path root;
  private final FileSystem fs;

  PendingFolder(String tablePath, String runId, Configuration conf) throws IOException {
    this.root = new Path(new Path(tablePath, PENDING), runId);
    this.fs = root.getFileSystem(conf);
  }

  /** Run ids that have a pending folder, in order. */
  static List<String> runs(String tablePath, Configuration conf) throws IOException {
    Path pending = new Path(tablePath, PENDING);
    List<String> out = new ArrayList<>();
    for (FileStatus f : list(pending.getFileSystem(conf), pending)) {
      if (f.isDirectory()) {
        out.add(f.getPath().getName());
      }
    }
    return out;
  }

  Path root() {
    return root;
  }

  boolean exists() throws IOException {
    return fs.exists(root);
  }

  void delete() throws IOException {
    fs.delete(root, true);
  }

  // Run and heartbeat

  void writeRun(byte[] json) throws IOException {
    writeWhole(new Path(root, "run.json"), json);
  }

  /** Content of run.json; null if there is none. */
  byte[] readRun() throws IOException {
    try {
      return read(new Path(root, "run.json"));
    } catch (FileNotFoundException e) {
      return null;
    }
  }

  /** Shows that the driver lives. Not in run.json, which must never be seen half written. */
  void beat() throws IOException {
    write(new Path(root, "alive"), new byte[0], true);
  }

  long heartbeatMillis() throws IOException {
    Path alive = new Path(root, "alive");
    Path newest = fs.exists(alive) ? alive : new Path(root, "run.json");
    return fs.getFileStatus(newest).getModificationTime();
  }

  // Manifests

  void offer(Manifest manifest) throws IOException {
    writeWhole(new Path(root, OFFERED + "/" + manifest.name()), manifest.toBytes());
  }

  /** Names of the offered manifests, in order. */
  List<String> offered() throws IOException {
    return names(new Path(root, OFFERED), Manifest.SUFFIX);
  }

  Manifest readOffered(String name) throws IOException {
    return Manifest.parse(read(new Path(root, OFFERED + "/" + name)));
  }

  void dropOffered(String name) throws IOException {
    fs.delete(new Path(root, OFFERED + "/" + name), false);
  }

  /** Notes that the rows of these manifests are in the table, then drops the manifests. */
  void accept(long transaction, List<Manifest> manifests) throws IOException {
    writeWhole(
        new Path(root, ACCEPTED + "/" + transaction + "-" + UUID.randomUUID() + KEYS),
        AcceptedKeys.write(manifests));
    for (Manifest m : manifests) {
      dropOffered(m.name());
    }
  }

  /** Adds the keys of a partition's rows, offered or accepted. */
  void addKnown(int partition, RowKeySet into) throws IOException {
    // Offered first: what is accepted meanwhile is noted before it is dropped here.
    for (String name : offered()) {
      try {
        readOffered(name).partitions().getOrDefault(partition, List.of()).forEach(into::add);
      } catch (IOException e) {
        // Accepted, which is read below, or refused, or damaged: then its rows are not known, and made again.
      }
    }
    Path accepted = new Path(root, ACCEPTED);
    for (String name : names(accepted, KEYS)) {
      try (FSDataInputStream in = fs.open(new Path(accepted, name))) {
        AcceptedKeys.read(in, partition, into);
      }
    }
  }

  // Notes on what is in the engines

  List<String> notes() throws IOException {
    return names(new Path(root, IN_FLIGHT), Manifest.SUFFIX);
  }

  /** Content of a note; empty JSON if it is gone. */
  byte[] readNote(String name) throws IOException {
    try {
      return read(new Path(root, IN_FLIGHT + "/" + name));
    } catch (FileNotFoundException e) {
      return "{}".getBytes("UTF-8");
    }
  }

  void writeNote(String name, byte[] json) throws IOException {
    writeWhole(new Path(root, IN_FLIGHT + "/" + name), json);
  }

  void dropNote(String name) throws IOException {
    fs.delete(new Path(root, IN_FLIGHT + "/" + name), false);
  }

  void writeProgress(byte[] json) throws IOException {
    replaceWhole(new Path(root, RunProgress.FILE), json);
  }

  // Batches

  /** Notes which manifests a transaction takes, before it is tried. */
  void writeBatch(long transaction, List<String> manifests) throws IOException {
    String name = transaction + "-" + UUID.randomUUID() + Manifest.SUFFIX;
    writeWhole(new Path(root, "batches/" + name), String.join("\n", manifests).getBytes("UTF-8"));
  }

  /** Manifests that were noted for transactions up to this one. */
  List<String> batchedUpTo(long transaction) throws IOException {
    List<String> out = new ArrayList<>();
    for (String name : names(new Path(root, "batches"), Manifest.SUFFIX)) {
      if (Long.parseLong(name.substring(0, name.indexOf('-'))) <= transaction) {
        out.addAll(List.of(new String(read(new Path(root, "batches/" + name)), "UTF-8").split("\n")));
      }
    }
    return out;
  }

  void dropBatches(long transaction) throws IOException {
    for (String name : names(new Path(root, "batches"), Manifest.SUFFIX)) {
      if (name.startsWith(transaction + "-")) {
        fs.delete(new Path(root, "batches/" + name), false);
      }
    }
  }

  private List<String> names(Path folder, String suffix) throws IOException {
    List<String> out = new ArrayList<>();
    for (FileStatus f : list(fs, folder)) {
      String name = f.getPath().getName();
      if (name.endsWith(suffix) && !name.startsWith(".")) {
        out.add(name);
      }
    }
    out.sort(Comparator.naturalOrder());
    return out;
  }

  private static FileStatus[] list(FileSystem fs, Path folder) throws IOException {
    try {
      return fs.listStatus(folder);
    } catch (FileNotFoundException e) {
      return new FileStatus[0];
    }
  }

  private byte[] read(Path file) throws IOException {
    try (FSDataInputStream in = fs.open(file)) {
      return in.readAllBytes();
    }
  }

  /** As {@link #writeWhole}, in the place of what is there; for a moment there may be nothing. */
  private void replaceWhole(Path file, byte[] bytes) throws IOException {
    fs.delete(file, false);
    writeWhole(file, bytes);
  }

  private void writeWhole(Path file, byte[] bytes) throws IOException {
    if (IN_PLACE.contains(String.valueOf(fs.getScheme()).toLowerCase(Locale.ROOT))) {
      write(file, bytes, false);
      return;
    }
    Path aside = new Path(file.getParent(), ".tmp-" + UUID.randomUUID());
    try {
      write(aside, bytes, false);
      if (!fs.rename(aside, file)) {
        throw new IOException("Cannot rename " + aside + " to " + file);
      }
    } catch (IOException e) {
      fs.delete(aside, false);
      throw e;
    }
  }

  private void write(Path file, byte[] bytes, boolean replace) throws IOException {
    try (FSDataOutputStream out = fs.create(file, replace)) {
      out.write(bytes);
    }
  }
}
