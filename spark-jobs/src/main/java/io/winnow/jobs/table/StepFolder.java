// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;

/**
 * What a step makes for others: a folder in which every file is one that they expect, on any Hadoop file system. As
 * with {@link StepOutput} it is there wholly or not at all, is left as it is when nothing changed, and takes the place
 * of nothing but what the step itself has made. What it notes stands beside the folder, in {@code .NAME.winnow},
 * because all that is in the folder goes to the others.
 */
public final class StepFolder {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String STEP = "winnow_step";
  private static final String KEY = "winnow_key";
  private static final String FILES = "files";
  /** What the mark says of the folder that is being replaced: until the swap is done, either may be there. */
  private static final String BEFORE = "before";
  /** Left in a folder by uploads; not looked at, and not kept when the folder is replaced. */
  private static final String CACHE = ".cache";

  private final FileSystem fs;
  private final Path root;
  private final Path made;
  private final Path aside;
  private final Path mark;
  private final String step;

  /**
   * A folder, there or not.
   *
   * @param step name of the step, such as {@code export}
   */
  public StepFolder(String path, String step, Configuration conf) {
    try {
      this.fs = files(new Path(path), conf);
      this.root = fs.makeQualified(new Path(path));
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot reach --out '" + path + "': " + e.getMessage(), e);
    }
    this.step = step;
    this.made = root.suffix("._winnow_new");
    this.aside = root.suffix("._winnow_old");
    this.mark = new Path(root.getParent(), "." + root.getName() + ".winnow");
  }

  /** The file system of a path; the local one without its files of checksums, which nobody expects. */
  static FileSystem files(Path path, Configuration conf) throws IOException {
    FileSystem fs = path.getFileSystem(conf);
    return fs instanceof LocalFileSystem local ? local.getRaw() : fs;
  }

  /** Its last name. */
  public String name() {
    return root.getName();
  }

  /**
   * Whether exactly this is there already.
   *
   * @param key names all that decides the content
   * @throws TableException when something else is there
   */
  public boolean holds(String key) {
    try {
      if (!fs.exists(root)) {
        if (!fs.exists(aside)) {
          return false;
        }
        // A run died between the two renames of a swap.
        fs.rename(aside, root);
      }
      JsonNode there = there();
      if (there == null) {
        throw TableErrors.notOfStep(root.toString(), step);
      }
      // What a run that died behind a swap had not removed yet.
      fs.delete(aside, true);
      return there.path(KEY).asText().equals(key);
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  /** What the mark says of what is there; null where it says nothing of it. An empty folder is as good as none. */
  private JsonNode there() throws IOException {
    if (fs.getFileStatus(root).isDirectory() && fs.listStatus(root).length == 0) {
      return JSON.createObjectNode();
    }
    if (!fs.getFileStatus(root).isDirectory()) {
      return null;
    }
    String files = listing(root);
    JsonNode noted = noted();
    for (JsonNode each : new JsonNode[] {noted, noted.path(BEFORE)}) {
      if (each.path(STEP).asText().equals(step) && each.path(FILES).asText().equals(files)) {
        return each;
      }
    }
    return null;
  }

  private JsonNode noted() throws IOException {
    try (var in = fs.open(mark)) {
      return JSON.readTree(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (FileNotFoundException | JsonProcessingException e) {
      return JSON.createObjectNode();
    }
  }

  /** All files with their sizes. */
  private String listing(Path folder) throws IOException {
    Map<String, Long> files = new TreeMap<>();
    list(folder, "", files);
    return files.toString();
  }

  private void list(Path folder, String prefix, Map<String, Long> files) throws IOException {
    for (FileStatus status : fs.listStatus(folder)) {
      String name = prefix + status.getPath().getName();
      if (status.isDirectory()) {
        if (!name.equals(CACHE)) {
          list(status.getPath(), name + "/", files);
        }
      } else {
        files.put(name, status.getLen());
      }
    }
  }

  /**
   * Begins to write; what an earlier run left half done goes. Give what is written by {@link #write} and {@link
   * #move}.
   */
  public void begin() {
    try {
      fs.delete(made, true);
      fs.mkdirs(made);
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  /** Full path of a file or folder in what is being made, for tasks. */
  public String path(String name) {
    return new Path(made, name).toString();
  }

  /** Writes a text as UTF-8. */
  public void write(String name, String text) {
    try (OutputStream out = fs.create(new Path(made, name), true)) {
      out.write(text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  /** Gives a file that a task wrote its place. */
  public void move(String from, String to) {
    try {
      Path target = new Path(made, to);
      fs.mkdirs(target.getParent());
      if (!fs.rename(new Path(made, from), target)) {
        throw new IOException("cannot rename " + from + " to " + to);
      }
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  /** Removes a folder of what is being made. */
  public void remove(String name) {
    try {
      fs.delete(new Path(made, name), true);
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  /** Throws away what was begun. */
  public void abort() {
    try {
      fs.delete(made, true);
    } catch (IOException e) {
      // What stopped the writing says more.
    }
  }

  /** Puts what was made in its place, where {@link #holds} has looked before. */
  public void commit(String key) {
    try {
      ObjectNode now = JSON.createObjectNode().put(STEP, step).put(KEY, key).put(FILES, listing(made));
      boolean older = fs.exists(root);
      JsonNode before = older ? there() : null;
      if (older && before == null) {
        throw TableErrors.notOfStep(root.toString(), step); // somebody made it while this was being written
      }
      if (before instanceof ObjectNode noted && noted.has(FILES)) {
        now.set(BEFORE, noted.deepCopy().without(BEFORE));
      }
      note(now);
      fs.delete(aside, true);
      if (older && !fs.rename(root, aside)) {
        throw new IOException("cannot rename " + root);
      }
      fs.mkdirs(root.getParent());
      if (!fs.rename(made, root)) {
        throw new IOException("cannot rename " + made);
      }
      fs.delete(aside, true);
      note(now.without(BEFORE));
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  private void note(JsonNode now) throws IOException {
    try (OutputStream out = fs.create(mark, true)) {
      out.write(now.toString().getBytes(StandardCharsets.UTF_8));
    }
  }

  private UncheckedIOException unwritable(IOException e) {
    return new UncheckedIOException("Cannot write to --out '" + root + "': " + e.getMessage(), e);
  }
}
