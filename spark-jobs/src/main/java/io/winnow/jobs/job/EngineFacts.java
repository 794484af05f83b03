// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.EngineMemory;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.HostMemory;
import io.winnow.inference.udf.EngineHost;
import java.util.List;

/** What this host's engine computes with. */
public final class EngineFacts {
  private EngineFacts() {}

  /** The implementations of the kernels, best first: which one is taken, and why those before it are not. */
  public static List<String> kernels() {
    return EngineHost.kernelsLadder();
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

  /** The implementation that this host takes. */
  static String instructionSet() {
    return kernels().stream()
        .filter(rung -> rung.endsWith(": taken"))
        .map(rung -> rung.substring(0, rung.lastIndexOf(':')))
        .findFirst()
        .orElse("unknown");
  }
}
