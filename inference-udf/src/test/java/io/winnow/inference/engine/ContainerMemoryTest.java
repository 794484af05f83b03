// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files as the Linux kernel lays them out: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst. */
class ContainerMemoryTest {
  @TempDir Path folder;

  private void write(String file, String text) throws IOException {
    Path path = folder.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text + "\n");
  }

  private long limit(String membership) throws IOException {
    write("self", membership);
    return ContainerMemory.limit(folder.resolve("cgroup"), folder.resolve("self"));
  }

  @Test
  void withoutFilesThereIsNoLimit() throws IOException {
    assertEquals(Long.MAX_VALUE, limit("0::/"));
    assertEquals(Long.MAX_VALUE, ContainerMemory.limit(folder.resolve("none"), folder.resolve("neither")));
  }

  @Test
  void aContainerSeesItsOwnGroupAsTheRoot() throws IOException {
    write("cgroup/memory.max", "4294967296");
    assertEquals(4L << 30, limit("0::/../../docker/0123abcd"));
    write("cgroup/memory.max", "max");
    assertEquals(Long.MAX_VALUE, limit("0::/"));
  }

  @Test
  void theLowestLimitOnTheWayUpCounts() throws IOException {
    write("cgroup/batch/memory.max", "2000000");
    write("cgroup/batch/job/memory.max", "max");
    write("cgroup/batch/job/step/memory.max", "3000000");
    write("cgroup/other/memory.max", "10");
    assertEquals(2_000_000, limit("0::/batch/job/step"));
  }

  @Test
  void versionOne() throws IOException {
    write("cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
    write("cgroup/memory/yarn/memory.limit_in_bytes", "1073741824");
    write("cgroup/memory/yarn/container/memory.limit_in_bytes", "9223372036854771712");
    assertEquals(1L << 30, limit("5:cpu,cpuacct:/yarn/container\n4:memory:/yarn/container\nbroken\n0::/x"));
  }

  @Test
  void whatIsNoNumberIsNoLimit() throws IOException {
    write("cgroup/memory.max", "lots");
    assertEquals(Long.MAX_VALUE, limit("0::/"));
  }
}
