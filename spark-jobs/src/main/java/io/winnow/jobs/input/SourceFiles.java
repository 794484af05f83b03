// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.UsageException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.compress.CompressionCodec;
import org.apache.hadoop.io.compress.CompressionCodecFactory;
import org.apache.spark.sql.SparkSession;

/**
 * What a path stands for.
 *
 * @param format never "auto"
 * @param files the data files in the order of their names, empty for Delta and tables
 * @param single whether the path names exactly one file
 */
record SourceFiles(String format, List<String> files, boolean single) {
  private static final Set<String> COMPRESSIONS = Set.of("gz", "bz2", "zst", "lz4", "snappy", "deflate");
  private static final byte[] PARQUET_MAGIC = {'P', 'A', 'R', '1'};
  private static final int HEAD_BYTES = 4096;

  /** Looks at the path: the file system first, then the catalog. */
  static SourceFiles find(SparkSession spark, Configuration conf, String path, String format) {
    try {
      if (format.equals("table")) {
        return table(spark, path);
      }
      Path root = new Path(path);
      FileSystem fs = root.getFileSystem(conf);
      FileStatus[] roots = fs.exists(root) ? new FileStatus[] {fs.getFileStatus(root)} : fs.globStatus(root);
      if (roots == null || roots.length == 0) {
        if (format.equals(GenerateSettings.FORMAT.defaultValue()) && isTable(spark, path)) {
          return table(spark, path);
        }
        throw InputErrors.notFound(path, siblings(fs, root));
      }
      if (isDelta(fs, roots, format)) {
        return new SourceFiles("delta", List.of(), false);
      }
      List<FileStatus> found = new ArrayList<>();
      for (FileStatus each : roots) {
        collect(fs, each, found);
      }
      if (found.isEmpty()) {
        throw InputErrors.noFiles(path);
      }
      List<String> files = found.stream().map(file -> file.getPath().toString()).sorted().toList();
      boolean single = files.size() == 1 && roots.length == 1 && roots[0].isFile();
      return ofFiles(conf, path, format, files, single);
    } catch (IOException | IllegalArgumentException e) {
      throw InputErrors.unreadable(path, e);
    }
  }

  private static SourceFiles ofFiles(
      Configuration conf, String path, String format, List<String> files, boolean single) throws IOException {
    if (!format.equals(GenerateSettings.FORMAT.defaultValue())) {
      return new SourceFiles(format, files, single);
    }
    // Notes beside the data (README, checksums) must not decide, nor be read as data.
    List<String> known = files.stream().filter(file -> formatOfEnding(file) != null).toList();
    List<String> data = known.isEmpty() ? files : known;
    String ending = formatOfEnding(data.get(0));
    String other = data.stream().filter(file -> !Objects.equals(formatOfEnding(file), ending)).findFirst().orElse(null);
    if (other != null) {
      throw InputErrors.unknownFormat(
          path, "files of several formats are in it, for example " + shown(data.get(0)) + " and " + shown(other));
    }
    return new SourceFiles(formatOfFile(conf, path, data.get(0)), data, single);
  }

  private static SourceFiles table(SparkSession spark, String name) {
    if (!isTable(spark, name)) {
      throw InputErrors.notFound(name, List.of());
    }
    return new SourceFiles("table", List.of(), false);
  }

  private static boolean isTable(SparkSession spark, String name) {
    try {
      return name.matches("[\\w`.-]+") && spark.catalog().tableExists(name);
    } catch (RuntimeException e) {
      return false; // not a name at all
    }
  }

  private static boolean isDelta(FileSystem fs, FileStatus[] roots, String format) throws IOException {
    boolean wanted = format.equals("delta") || format.equals(GenerateSettings.FORMAT.defaultValue());
    boolean log = roots.length == 1 && roots[0].isDirectory() && fs.exists(new Path(roots[0].getPath(), "_delta_log"));
    if (format.equals("delta") && !log) {
      throw new UsageException(
          "Cannot read --prompts '" + roots[0].getPath() + "' as Delta: there is no _delta_log folder in it.");
    }
    return wanted && log;
  }

  private static void collect(FileSystem fs, FileStatus status, List<FileStatus> found) throws IOException {
    if (status.isFile()) {
      found.add(status);
      return;
    }
    for (FileStatus child : fs.listStatus(status.getPath())) {
      String name = child.getPath().getName();
      if (!name.startsWith("_") && !name.startsWith(".")) {
        collect(fs, child, found);
      }
    }
  }

  private static List<String> siblings(FileSystem fs, Path path) throws IOException {
    Path parent = path.getParent() == null ? new Path(".") : path.getParent();
    if (!fs.exists(parent)) {
      return List.of();
    }
    String prefix = path.toString().substring(0, path.toString().length() - path.getName().length());
    return Arrays.stream(fs.listStatus(parent)).map(file -> prefix + file.getPath().getName()).sorted().toList();
  }

  private static String formatOfFile(Configuration conf, String path, String file) throws IOException {
    byte[] head;
    try (InputStream in = open(conf, file)) {
      head = in.readNBytes(HEAD_BYTES);
    }
    if (head.length >= 4 && Arrays.equals(Arrays.copyOf(head, 4), PARQUET_MAGIC)) {
      return "parquet";
    }
    int i = LineReader.startsWithMark(head, head.length) ? 3 : 0;
    while (i < head.length && Character.isWhitespace(head[i])) {
      i++;
    }
    String ending = formatOfEnding(file);
    if (i < head.length && head[i] == '[' && !"csv".equals(ending)) {
      throw InputErrors.unknownFormat(
          path, shown(file) + " starts with '[' as one JSON array does; JSON lines have one object a line");
    }
    if (i < head.length && head[i] == '{') {
      return "jsonl";
    }
    if (ending == null || ending.equals("parquet")) {
      throw InputErrors.unknownFormat(path, "neither the content nor the ending of " + shown(file) + " is known");
    }
    return ending;
  }

  /** By the ending, a compression's ending left out; null when it says nothing. */
  private static String formatOfEnding(String file) {
    String[] parts = file.substring(file.lastIndexOf('/') + 1).toLowerCase(Locale.ROOT).split("\\.");
    int last = parts.length - 1;
    String ending = last > 1 && COMPRESSIONS.contains(parts[last]) ? parts[last - 1] : parts[last];
    return switch (last == 0 ? "" : ending) {
      case "jsonl", "ndjson", "json" -> "jsonl";
      case "csv", "tsv" -> "csv";
      case "parquet" -> "parquet";
      default -> null;
    };
  }

  /** Tabs for .tsv, else commas. */
  static char separator(String file) {
    return file.toLowerCase(Locale.ROOT).matches(".*\\.tsv(\\.[a-z0-9]+)?") ? '\t' : ',';
  }

  /** Opens a file and decompresses it as its ending says. */
  static InputStream open(Configuration conf, String file) throws IOException {
    Path path = new Path(file);
    FileSystem fs = path.getFileSystem(conf);
    if (fs instanceof LocalFileSystem local && path.getName().contains(":")) {
      fs = local.getRawFileSystem(); // the other looks for a file of checksums, whose name it cannot make of such a one
    }
    InputStream in = fs.open(path);
    CompressionCodec codec = new CompressionCodecFactory(conf).getCodec(path);
    return codec == null ? in : codec.createInputStream(in);
  }

  /** A file for people: local ones without their scheme. */
  static String shown(String file) {
    return file.startsWith("file:") ? file.replaceFirst("file:/+", "/") : file;
  }
}
