// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.delta.tables.DeltaTable;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * What a step makes of a data set: one Delta table, folder of Parquet files or local file of JSON lines. It is there
 * wholly or not at all, and bears a key of all that decided its content: so the same step run again finds that there is
 * nothing to do, with other settings it takes the place of what was there, and never of anything else.
 */
public final class StepOutput {
  /** Kinds of output. */
  public enum Format { DELTA, PARQUET, JSONL }

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String STEP = "winnow_step";
  private static final String KEY = "winnow_key";
  private static final String SIZE = "winnow_bytes";
  /** SHA-256 of a file of lines: while a replacement is under way, its size does not tell it from the older one. */
  private static final String SUM = "winnow_sha256";
  /** In the mark of a file that may not be there yet. */
  private static final String PENDING = "pending";
  /** What the mark says of the file that is being replaced: while it is pending, either may be there. */
  private static final String BEFORE = "before";
  /** The data files of a Parquet folder with their bytes; marks of earlier versions have none. */
  private static final String FILES = "files";
  /** In a Parquet folder; Spark does not look at files with such names. */
  private static final String MARK = "_winnow_step";

  private final SparkSession spark;
  private final String path;
  private final Format format;
  private final String step;

  /**
   * An output, there or not.
   *
   * @param format auto, delta, parquet or jsonl; auto goes by the ending
   * @param step name of the step, such as {@code score}
   */
  public StepOutput(SparkSession spark, String path, String format, String step) {
    this.spark = spark;
    this.step = step;
    String ending = path.endsWith(".jsonl") ? "jsonl" : path.endsWith(".parquet") ? "parquet" : "delta";
    this.format = Format.valueOf((format.equals("auto") ? ending : format).toUpperCase(Locale.ROOT));
    this.path = path;
  }

  /**
   * Whether the output would take away what is read: it is the same place, however the two are written, or the input
   * lies in it.
   *
   * @param input a file, folder, glob or table
   */
  public static boolean covers(SparkSession spark, String output, String input) {
    if (output.equals(input)) {
      return true;
    }
    try {
      Configuration conf = spark.sessionState().newHadoopConf();
      String out = place(output, conf);
      return (place(input, conf) + "/").startsWith(out.endsWith("/") ? out : out + "/");
    } catch (IOException | IllegalArgumentException e) {
      return false; // no path: whoever opens it says so
    }
  }

  private static String place(String path, Configuration conf) throws IOException {
    Path root = new Path(path);
    return root.getFileSystem(conf).makeQualified(root).toUri().normalize().toString();
  }

  public Format format() {
    return format;
  }

  private boolean named() {
    return format == Format.DELTA && TraceTable.isName(path);
  }

  /**
   * Whether exactly this is there already.
   *
   * @param key names all that decides the content
   * @throws TableException when something else is there
   */
  public boolean holds(String key) {
    try {
      JsonNode mark = ownMark();
      return mark != null && mark.path(KEY).asText().equals(key);
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  /** What is noted; null when nothing is there. What another has made is refused, also if that was a moment ago. */
  private JsonNode ownMark() throws IOException {
    JsonNode mark = switch (format) {
      case DELTA -> deltaMark();
      case PARQUET -> parquetMark();
      case JSONL -> fileMark();
    };
    if (mark != null && !mark.path(STEP).asText().equals(step)) {
      throw TableErrors.notOfStep(path, step);
    }
    return mark;
  }

  /** What is noted with the output; null when nothing is there, an empty object where nothing is noted. */
  private JsonNode deltaMark() throws IOException {
    boolean there = named() ? spark.catalog().tableExists(path) : DeltaTable.isDeltaTable(spark, path);
    if (!there) {
      Path root = new Path(path);
      FileSystem fs = named() ? null : root.getFileSystem(conf());
      boolean other = fs != null && fs.exists(root) && (fs.getFileStatus(root).isFile() || fs.listStatus(root).length > 0);
      return other ? JSON.createObjectNode() : null;
    }
    DeltaTable table = named() ? DeltaTable.forName(spark, path) : DeltaTable.forPath(spark, path);
    return parsed(table.history(1).select("userMetadata").head().getString(0));
  }

  private JsonNode parquetMark() throws IOException {
    Path root = new Path(path);
    FileSystem fs = root.getFileSystem(conf());
    if (!fs.exists(root)) {
      return null;
    }
    Path mark = new Path(root, MARK);
    if (!fs.exists(mark)) {
      return JSON.createObjectNode();
    }
    try (var in = fs.open(mark)) {
      JsonNode noted = parsed(new String(in.readAllBytes(), StandardCharsets.UTF_8));
      return noted.has(FILES) ? checked(noted, files(fs, root)) : noted;
    }
  }

  /** The mark; without its key where files are gone, and empty where others are there or some were changed. */
  private static JsonNode checked(JsonNode noted, ObjectNode there) {
    for (Iterator<String> names = there.fieldNames(); names.hasNext();) {
      String name = names.next();
      if (there.get(name).asLong() != noted.get(FILES).path(name).asLong(-1)) {
        return JSON.createObjectNode();
      }
    }
    return there.size() == noted.get(FILES).size() ? noted : ((ObjectNode) noted).without(KEY);
  }

  private static ObjectNode files(FileSystem fs, Path root) throws IOException {
    ObjectNode files = JSON.createObjectNode();
    for (FileStatus status : fs.listStatus(root)) {
      String name = status.getPath().getName();
      if (!name.startsWith("_") && !name.startsWith(".")) {
        files.put(name, status.getLen());
      }
    }
    return files;
  }

  private JsonNode fileMark() throws IOException {
    java.nio.file.Path file = java.nio.file.Path.of(path);
    if (!Files.exists(file)) {
      return null;
    }
    if (!Files.exists(markOf(file))) {
      return JSON.createObjectNode();
    }
    JsonNode mark = parsed(Files.readString(markOf(file)));
    long bytes = Files.size(file);
    if (!mark.path(PENDING).asBoolean()) {
      // One that was changed since is somebody else's.
      return mark.path(SIZE).asLong(-1) == bytes ? mark : JSON.createObjectNode();
    }
    // A run died before or behind the move.
    String sum = null;
    for (JsonNode each : new JsonNode[] {mark, mark.path(BEFORE)}) {
      if (each.path(SIZE).asLong(-1) == bytes) {
        sum = sum == null ? sum(file) : sum;
        if (each.path(SUM).asText(sum).equals(sum)) {
          return each;
        }
      }
    }
    return JSON.createObjectNode();
  }

  private static String sum(java.nio.file.Path file) throws IOException {
    MessageDigest digest = sha256();
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-256.", e);
    }
  }

  private static java.nio.file.Path markOf(java.nio.file.Path file) {
    return file.resolveSibling("." + file.getFileName() + ".winnow");
  }

  private static JsonNode parsed(String json) {
    try {
      return json == null ? JSON.createObjectNode() : JSON.readTree(json);
    } catch (JsonProcessingException e) {
      return JSON.createObjectNode();
    }
  }

  private Configuration conf() {
    return spark.sessionState().newHadoopConf();
  }

  private ObjectNode mark(String key, long bytes) {
    return JSON.createObjectNode().put(STEP, step).put(KEY, key).put(SIZE, bytes);
  }

  /** Writes a table or folder, in place of an older one. Call {@link #holds} before. */
  public void write(Dataset<Row> rows, String key) {
    if (format == Format.DELTA) {
      var writer =
          rows.write().format("delta").mode("overwrite").option("overwriteSchema", "true")
              .option("userMetadata", mark(key, 0).toString());
      if (named()) {
        writer.saveAsTable(path);
      } else {
        writer.save(path);
      }
      return;
    }
    try {
      Path root = new Path(path);
      FileSystem fs = root.getFileSystem(conf());
      Path made = root.suffix("._winnow_new");
      fs.delete(made, true);
      rows.write().parquet(made.toString());
      ObjectNode mark = mark(key, 0);
      mark.set(FILES, files(fs, made));
      try (FSDataOutputStream out = fs.create(new Path(made, MARK))) {
        out.write(mark.toString().getBytes(StandardCharsets.UTF_8));
      }
      ownMark();
      fs.delete(root, true);
      if (!fs.rename(made, root)) {
        throw new IOException("cannot rename " + made);
      }
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  /** Writes a local file of lines, in place of an older one. Call {@link #holds} before. */
  public void writeLines(Iterator<String> lines, String key) {
    java.nio.file.Path file = java.nio.file.Path.of(path).toAbsolutePath();
    java.nio.file.Path made = file.resolveSibling("." + file.getFileName() + ".new");
    try {
      Files.createDirectories(file.getParent());
      MessageDigest digest = sha256();
      OutputStream summed = new DigestOutputStream(Files.newOutputStream(made), digest);
      try (Writer out = new BufferedWriter(new OutputStreamWriter(summed, StandardCharsets.UTF_8.newEncoder()))) {
        while (lines.hasNext()) {
          out.write(lines.next());
          out.write('\n');
        }
      }
      ObjectNode now = mark(key, Files.size(made)).put(SUM, HexFormat.of().formatHex(digest.digest()));
      ObjectNode pending = now.deepCopy().put(PENDING, true);
      if (ownMark() instanceof ObjectNode older) {
        pending.set(BEFORE, older.deepCopy().without(List.of(BEFORE, PENDING)));
      }
      // Whenever the run dies, the mark knows the file that is there, and takes no other for it.
      note(file, pending);
      Files.move(made, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      note(file, now);
    } catch (IOException e) {
      throw unwritable(e);
    } finally {
      try {
        Files.deleteIfExists(made);
      } catch (IOException e) {
        // What stopped the writing says more.
      }
    }
  }

  private static void note(java.nio.file.Path file, ObjectNode mark) throws IOException {
    java.nio.file.Path made = file.resolveSibling("." + file.getFileName() + ".winnow.new");
    try {
      Files.writeString(made, mark.toString());
      Files.move(made, markOf(file), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(made);
    }
  }

  private UncheckedIOException unwritable(IOException e) {
    return new UncheckedIOException("Cannot write to --out '" + path + "': " + e.getMessage(), e);
  }
}
