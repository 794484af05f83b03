// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** What of the native kernels can be used here; tests give others. */
interface Machine {
  /** Why there is no native library; null if there is one. */
  String unusableReason();

  /** Instruction sets that the library has and this machine can run, the best last. */
  List<Isa> available();

  /** Whether the tiles of AMX multiply bfloat16 here. */
  boolean multipliesBf16();

  /** What an instruction set computes otherwise than the reference; null if it gives the same bits. */
  String difference(Isa isa);

  /** This machine. Each instruction set is looked at once in a process, when it is first asked for. */
  static Machine here() {
    return new Machine() {
      private final Map<Isa, String> checked = new EnumMap<>(Isa.class);

      @Override
      public String unusableReason() {
        return NativeLibrary.unusableReason();
      }

      @Override
      public List<Isa> available() {
        return Isa.available();
      }

      @Override
      public boolean multipliesBf16() {
        return Isa.multiplyBf16();
      }

      @Override
      public synchronized String difference(Isa isa) {
        if (!checked.containsKey(isa)) {
          try (NativeKernels kernels = new NativeKernels(isa, 1);
              JavaKernels reference = new JavaKernels(1)) {
            checked.put(isa, SelfCheck.difference(kernels, reference));
          }
        }
        return checked.get(isa);
      }
    };
  }
}
