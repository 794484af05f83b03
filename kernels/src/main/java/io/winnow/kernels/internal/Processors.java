// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Processors of threads; affinity.cc. */
public final class Processors {
  private static final int MOST = 8192;

  private Processors() {}

  public static boolean usable() {
    return NativeLibrary.unusableReason() == null;
  }

  /** Those that the calling thread may use. */
  public static List<Integer> ofThread() throws IOException {
    long memory = Raw.allocate(4L * MOST);
    try {
      int count = NativeLibrary.affinity(memory, MOST);
      if (count < 0) {
        throw new IOException("the system does not say on which processors a thread may run: error " + -count);
      }
      List<Integer> out = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        out.add(Raw.intAt(memory + 4L * i));
      }
      return out;
    } finally {
      Raw.free(memory);
    }
  }

  /** Lets the calling thread run on these alone. */
  public static void pin(List<Integer> processors) throws IOException {
    long memory = Raw.allocate(4L * Math.max(1, processors.size()));
    try {
      for (int i = 0; i < processors.size(); i++) {
        Raw.putInt(memory + 4L * i, processors.get(i));
      }
      int error = NativeLibrary.pin(memory, processors.size());
      if (error != 0) {
        throw new IOException("the system does not let a thread run on processors " + processors + ": error " + error);
      }
    } finally {
      Raw.free(memory);
    }
  }
}
