// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

import io.winnow.kernels.internal.Processors;
import java.io.IOException;
import java.util.List;

/** Which processors a thread may run on; the threads that it starts may use the same. Needs the native library. */
public final class CpuAffinity {
  private CpuAffinity() {}

  /** Whether this build can ask and say on this machine. */
  public static boolean supported() {
    return Processors.usable();
  }

  /**
   * The processors that the calling thread may use, ascending.
   *
   * @throws IOException when the system does not say
   */
  public static List<Integer> ofThread() throws IOException {
    return Processors.ofThread();
  }

  /**
   * Lets the calling thread, and those that it starts from now on, run on these processors alone.
   *
   * @param processors at least one
   * @throws IOException when the system does not allow it
   */
  public static void pin(List<Integer> processors) throws IOException {
    Processors.pin(processors);
  }
}
