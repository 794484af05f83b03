// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Memory limits of this process's control groups (cgroup v2 and v1). The JVM knows the limit of its own group; one that
 * stands on a group further up, as batch systems set them, it misses.
 */
final class ContainerMemory {
  private static final Path ROOT = Path.of("/sys/fs/cgroup");
  private static final Path MEMBERSHIP = Path.of("/proc/self/cgroup");

  private ContainerMemory() {}

  /** The lowest limit in bytes, {@link Long#MAX_VALUE} where there is none. */
  static long limit() {
    return limit(ROOT, MEMBERSHIP);
  }

  /**
   * As {@link #limit()}.
   *
   * @param root where the control groups are mounted
   * @param membership lines {@code id:controllers:path} of a process
   */
  static long limit(Path root, Path membership) {
    // A container often sees its own group as the root, whatever path it is told.
    long least =
        Math.min(value(root.resolve("memory.max")), value(root.resolve("memory/memory.limit_in_bytes")));
    for (String line : lines(membership)) {
      String[] parts = line.split(":", 3);
      if (parts.length < 3) {
        continue;
      }
      if (parts[1].isEmpty()) {
        least = Math.min(least, upwards(root, parts[2], "memory.max"));
      } else if (List.of(parts[1].split(",")).contains("memory")) {
        least = Math.min(least, upwards(root.resolve("memory"), parts[2], "memory.limit_in_bytes"));
      }
    }
    return least;
  }

  private static long upwards(Path root, String group, String file) {
    long least = Long.MAX_VALUE;
    Path at = root.resolve(group.replaceAll("^/+", "")).normalize();
    while (at != null && at.startsWith(root)) {
      least = Math.min(least, value(at.resolve(file)));
      at = at.getParent();
    }
    return least;
  }

  /** The number in a file; no limit where it says so (max), cannot be read, or is the kernel's way of saying none. */
  private static long value(Path file) {
    for (String line : lines(file)) {
      try {
        return Long.parseLong(line.strip());
      } catch (NumberFormatException e) {
        return Long.MAX_VALUE;
      }
    }
    return Long.MAX_VALUE;
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException | RuntimeException e) {
      return List.of();
    }
  }
}
