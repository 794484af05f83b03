// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.kernels.CpuAffinity;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** The NUMA nodes of this machine, as Linux tells them: parts of it whose processors have memory of their own. */
final class NumaNodes {
  /** System property with another folder than that of Linux, for tests. */
  static final String FOLDER = "winnow.numa.nodes";

  private static final String LINUX = "/sys/devices/system/node";

  private NumaNodes() {}

  /**
   * Processors of each node that this thread may use; nodes without one are left out.
   *
   * @throws IOException when the system tells of no nodes, or not on which processors this thread may run
   */
  static List<List<Integer>> here() throws IOException {
    return read(Path.of(System.getProperty(FOLDER, LINUX)), Set.copyOf(CpuAffinity.ofThread()));
  }

  /** @param folder with a folder {@code node<N>} for each, and therein {@code cpulist} */
  static List<List<Integer>> read(Path folder, Set<Integer> allowed) throws IOException {
    TreeMap<Integer, List<Integer>> nodes = new TreeMap<>();
    try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, "node[0-9]*")) {
      for (Path node : found) {
        TreeSet<Integer> processors = parse(Files.readString(node.resolve("cpulist")).strip());
        processors.retainAll(allowed);
        if (!processors.isEmpty()) {
          nodes.put(Integer.parseInt(node.getFileName().toString().substring(4)), List.copyOf(processors));
        }
      }
    } catch (NumberFormatException e) {
      throw new IOException("a list of processors in " + folder + " cannot be read: " + e.getMessage(), e);
    }
    return new ArrayList<>(nodes.values());
  }

  /** A list such as 0-3,8; empty for a node of memory alone. */
  private static TreeSet<Integer> parse(String list) {
    TreeSet<Integer> out = new TreeSet<>();
    for (String part : list.isEmpty() ? new String[0] : list.split(",")) {
      String[] ends = part.split("-", 2);
      for (int i = Integer.parseInt(ends[0]); i <= Integer.parseInt(ends[ends.length - 1]); i++) {
        out.add(i);
      }
    }
    return out;
  }
}
