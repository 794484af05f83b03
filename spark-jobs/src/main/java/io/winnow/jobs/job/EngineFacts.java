// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.udf.EngineHost;
import java.util.List;

/** What this host's engine computes with. */
public final class EngineFacts {
  private EngineFacts() {}

  /** The implementations of the kernels, best first: which one is taken, and why those before it are not. */
  public static List<String> kernels() {
    return EngineHost.kernelsLadder();
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
