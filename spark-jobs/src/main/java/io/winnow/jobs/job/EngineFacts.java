// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.EngineMemory;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.HostMemory;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.SidecarSettings;
import io.winnow.inference.udf.EngineHost;
import io.winnow.inference.udf.SidecarHost;
import io.winnow.inference.udf.SidecarProgress;
import java.util.ArrayList;
import java.util.List;

/** What this host's engine computes with. */
public final class EngineFacts {
  private EngineFacts() {}

  /**
   * The instruction sets found, then the implementations of the kernels, best first: which one is taken and why the
   * others are not.
   */
  public static List<String> kernels() {
    List<String> sets = EngineHost.instructionSets();
    List<String> lines = new ArrayList<>();
    lines.add("instruction sets found: " + (sets.isEmpty() ? "none" : String.join(", ", sets)));
    lines.addAll(EngineHost.kernelsLadder());
    return lines;
  }

  /** Why this host cannot compute with the instruction set that it is told to use; null if it can. */
  public static String kernelsRefusal() {
    return EngineHost.kernelsRefusal();
  }

  /** The memory of this JVM, and what of it an engine may take. */
  public static HostMemory memory() {
    return EngineHost.memory();
  }

  /**
   * What an engine would take in this JVM; no weight is loaded.
   *
   * @throws io.winnow.inference.InferenceException when the model cannot be opened
   */
  public static EngineMemory memory(EngineSpec spec) {
    return EngineHost.memory(spec);
  }

  /**
   * Looks whether what shall run beside executors can be started at all.
   *
   * @throws io.winnow.inference.conf.UsageException when its command is none
   */
  public static void checkSidecar(SettingValues values) {
    SidecarSettings.spec(values).ifPresent(SidecarHost::check);
  }

  /** How the servers beside executors are, as executors have told; null where there are none. */
  public static String servers() {
    return SidecarProgress.line();
  }

  /** The implementation that this host takes. */
  static String instructionSet() {
    return EngineHost.kernelsLadder().stream()
        .filter(rung -> rung.endsWith(": taken"))
        .map(rung -> rung.substring(0, rung.lastIndexOf(':')))
        .findFirst()
        .orElse("unknown");
  }
}
