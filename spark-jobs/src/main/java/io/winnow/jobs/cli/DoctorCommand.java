// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.EngineMemory;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.HostMemory;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.ModelAddress;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.job.EngineFacts;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
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
    return "Says what this host offers: Java, cores, memory, Spark, numeric kernels; and whether a model fits.";
  }

  @Override
  public List<Setting<?>> settings() {
    return List.of(
        GenerateSettings.MODEL, GenerateSettings.WEIGHTS, GenerateSettings.MAX_SEQUENCES,
        GenerateSettings.KV_CACHE_TOKENS, GenerateSettings.KV_CACHE_TYPE);
  }

  @Override
  public List<String> examples() {
    return List.of("winnow doctor", "winnow doctor --model examples/model --max-sequences 256");
  }

  @Override
  public boolean usesKernels() {
    return true;
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
    line(out, "memory", memory(EngineFacts.memory()), null);
    line(out, "container", container(), null);
    String spark = sparkVersion();
    well &= line(out, "spark", spark == null ? "not on the class path" : spark,
        spark == null ? "start by ./winnow or by spark-submit" : null);
    String tmp = System.getProperty("java.io.tmpdir");
    String trouble = tmpTrouble(Path.of(tmp));
    well &= line(out, "tmp folder", tmp, trouble == null ? null : trouble + ": name another by -Djava.io.tmpdir");
    kernels.get().forEach(text -> line(out, "kernels", text, null));
    if (values.find(GenerateSettings.MODEL).filter(models -> !models.isEmpty()).isPresent()) {
      well &= engine(out, EngineFacts.memory(spec(values)));
    } else {
      line(out, "available", available(EngineFacts.memory()), null);
    }
    return well ? ExitCode.DONE : ExitCode.FAILED;
  }

  private static EngineSpec spec(SettingValues values) {
    List<String> models = values.get(GenerateSettings.MODEL);
    if (models.size() > 1) {
      throw new UsageException("Cannot look at " + models.size() + " models at once. Give --model once.");
    }
    ModelAddress.check(models.get(0));
    return new EngineSpec(
            models.get(0), values.get(GenerateSettings.WEIGHTS), 0, values.get(GenerateSettings.MAX_SEQUENCES),
            values.get(GenerateSettings.KV_CACHE_TOKENS), null, Map.of())
        .withKvCacheType(values.get(GenerateSettings.KV_CACHE_TYPE));
  }

  /** What an engine of these settings takes, and whether it fits. */
  private static boolean engine(PrintStream out, EngineMemory memory) {
    line(out, "available", available(memory.host()), null);
    String limit = memory.sequences() < EngineSpec.MOST_SEQUENCES ? ", the memory or a setting allows no more" : "";
    line(out, "sequences", memory.sequences() + " decoded together" + limit, null);
    line(out, "weights", HostMemory.size(memory.weights()), null);
    String tokens = String.format(Locale.ROOT, "%,d tokens", memory.kvCacheTokens());
    line(out, "kv cache", tokens + ", " + HostMemory.size(memory.kvCache()), null);
    line(out, "scratch", HostMemory.size(memory.scratch()) + " (activations, logits, tokenizer)", null);
    line(out, "total", HostMemory.size(memory.total()), null);
    return line(out, "verdict", memory.fits() ? "fits" : "does not fit", memory.remedy());
  }

  private static String available(HostMemory host) {
    return HostMemory.size(host.available()) + " for an engine outside the heap: " + host.explained();
  }

  private static boolean line(PrintStream out, String name, String value, String trouble) {
    out.println(name + ": " + value + (trouble == null ? "" : " - " + trouble));
    return trouble == null;
  }

  private static String memory(HostMemory host) {
    String heap = HostMemory.size(host.heap()) + " heap at most";
    return HostMemory.size(host.limit()) + " (after container limits), " + heap;
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
