// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;

/** {@code winnow doctor}: what this host offers, and what is missing. Opens no Spark session. */
public final class DoctorCommand implements Command {
  private static final int JAVA_LEAST = 17;

  private final Supplier<List<String>> kernels;

  /** @param kernels lines on the numeric kernels, most specific first */
  public DoctorCommand(Supplier<List<String>> kernels) {
    this.kernels = kernels;
  }

  @Override
  public String name() {
    return "doctor";
  }

  @Override
  public String summary() {
    return "Says what this host offers: Java, cores, memory, Spark, temporary folder, numeric kernels.";
  }

  @Override
  public List<Setting<?>> settings() {
    return List.of();
  }

  @Override
  public int run(SettingValues values, Session session) {
    PrintStream out = session.out();
    boolean well = true;
    int java = Runtime.version().feature();
    well &= line(out, "java", System.getProperty("java.version") + " (" + System.getProperty("java.vendor") + ")",
        java >= JAVA_LEAST ? null : "Java 17 or 21 is needed: set JAVA_HOME to one");
    line(out, "system", System.getProperty("os.name") + " " + System.getProperty("os.arch"), null);
    line(out, "cores", Runtime.getRuntime().availableProcessors() + " (after container limits)", null);
    line(out, "memory", memory(), null);
    line(out, "container", container(), null);
    String spark = sparkVersion();
    well &= line(out, "spark", spark == null ? "not on the class path" : spark,
        spark == null ? "start by ./winnow or by spark-submit" : null);
    String tmp = System.getProperty("java.io.tmpdir");
    String trouble = tmpTrouble(Path.of(tmp));
    well &= line(out, "tmp folder", tmp, trouble == null ? null : trouble + ": name another by -Djava.io.tmpdir");
    kernels.get().forEach(text -> line(out, "kernels", text, null));
    return well ? ExitCode.DONE : ExitCode.FAILED;
  }

  private static boolean line(PrintStream out, String name, String value, String trouble) {
    out.println(name + ": " + value + (trouble == null ? "" : " - " + trouble));
    return trouble == null;
  }

  private static String memory() {
    String heap = gib(Runtime.getRuntime().maxMemory()) + " heap at most";
    if (ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system) {
      return gib(system.getTotalMemorySize()) + " (after container limits), " + heap;
    }
    return heap;
  }

  private static String gib(long bytes) {
    return String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1L << 30));
  }

  /** Limits of the control group of this process as the kernel states them (cgroup v2, then v1). */
  private static String container() {
    String memory = firstLine("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes");
    String cpu = firstLine("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    if (memory == null && cpu == null) {
      return "no limits found";
    }
    return "memory " + (memory == null ? "not stated" : memory) + ", cpu " + (cpu == null ? "not stated" : cpu);
  }

  private static String firstLine(String... files) {
    for (String file : files) {
      try {
        return Files.readString(Path.of(file)).strip();
      } catch (IOException | RuntimeException e) {
        // not there on this kind of system, or not for this user: the next one
      }
    }
    return null;
  }

  private static String sparkVersion() {
    try {
      return org.apache.spark.package$.MODULE$.SPARK_VERSION();
    } catch (LinkageError e) {
      return null;
    }
  }

  static String tmpTrouble(Path folder) {
    try {
      Files.delete(Files.createTempFile(folder, "winnow", ".tmp"));
      return null;
    } catch (IOException | RuntimeException e) {
      return "it cannot be written to (" + e.getClass().getSimpleName() + ")";
    }
  }
}
