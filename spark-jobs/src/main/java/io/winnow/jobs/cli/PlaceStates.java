// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.jobs.table.TraceTable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * What a file, a folder or a table was like when it was looked at: names, lengths and times, of a Delta table its
 * newest commit. Contents are not read.
 */
final class PlaceStates implements Function<String, String> {
  private static final String LOG = "_delta_log";
  /** A glob with a folder or an ending. */
  private static final Pattern PATTERN = Pattern.compile("(?=.*[*?\\[{])(.*/.*|.*\\.\\w+)");

  private final Session session;

  PlaceStates(Session session) {
    this.session = session;
  }

  /** The state in words that are equal while nothing changes; null where nothing is, or nothing can be seen. */
  @Override
  public String apply(String place) {
    try {
      Configuration hadoop = session.hadoop();
      Path path = new Path(place);
      FileSystem files = path.getFileSystem(hadoop);
      // Files first, as readers look: problems.csv is one, and could be a table's name.
      if (!files.exists(path)) {
        // A lone * names columns, and not the folder in which Winnow runs.
        FileStatus[] found = PATTERN.matcher(place).matches() ? files.globStatus(path) : null;
        return found != null && found.length > 0
            ? ofFiles(files, found) : TraceTable.isName(place) ? ofName(place) : null;
      }
      FileStatus status = files.getFileStatus(path);
      if (status.isFile()) {
        return "file " + line(status);
      }
      Path log = new Path(path, LOG);
      return files.exists(log) ? ofLog(files, log) : ofFolder(files, path);
    } catch (IOException | RuntimeException e) {
      // No path at all, or a file system that is not to be reached: whoever needs it says so.
      return null;
    }
  }

  private String ofName(String name) {
    SparkSession spark = session.spark();
    if (!spark.catalog().tableExists(name)) {
      return null;
    }
    Row newest = spark.sql("DESCRIBE HISTORY " + name + " LIMIT 1").select("version", "timestamp").head();
    return "table " + newest.getLong(0) + " " + newest.getTimestamp(1).toInstant();
  }

  private static String ofLog(FileSystem files, Path log) throws IOException {
    FileStatus newest = null;
    for (FileStatus file : files.listStatus(log, path -> path.getName().matches("\\d{20}\\.json"))) {
      if (newest == null || file.getPath().getName().compareTo(newest.getPath().getName()) > 0) {
        newest = file;
      }
    }
    if (newest == null) {
      return null;
    }
    return "delta " + newest.getPath().getName().replaceFirst("^0{1,19}", "") + " " + line(newest);
  }

  private static String ofFolder(FileSystem files, Path folder) throws IOException {
    TreeSet<String> lines = new TreeSet<>();
    add(files, folder, "", lines);
    return of(lines);
  }

  /** What a pattern matches. */
  private static String ofFiles(FileSystem files, FileStatus[] found) throws IOException {
    TreeSet<String> lines = new TreeSet<>();
    for (FileStatus each : found) {
      if (each.isDirectory()) {
        add(files, each.getPath(), each.getPath() + "/", lines);
      } else {
        lines.add(each.getPath() + " " + line(each));
      }
    }
    return of(lines);
  }

  private static String of(TreeSet<String> lines) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(String.join("\n", lines).getBytes(StandardCharsets.UTF_8));
      return "folder of " + lines.size() + " " + HexFormat.of().formatHex(digest, 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void add(FileSystem files, Path folder, String prefix, TreeSet<String> lines) throws IOException {
    for (FileStatus file : files.listStatus(folder)) {
      String name = file.getPath().getName();
      if (name.startsWith("_") || name.startsWith(".")) {
        continue;
      }
      if (file.isDirectory()) {
        add(files, file.getPath(), prefix + name + "/", lines);
      } else {
        lines.add(prefix + name + " " + line(file));
      }
    }
  }

  private static String line(FileStatus file) {
    return file.getLen() + " bytes at " + file.getModificationTime();
  }
}
