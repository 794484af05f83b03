// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Instruction sets of the native kernels, the best of a machine last; bits as in winnow_kernels.h. */
enum Isa {
  NEON(8),
  AVX2(1),
  AVX512(2),
  AMX(4);

  final int bit;

  Isa(int bit) {
    this.bit = bit;
  }

  String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Those that the library has and this machine can run. */
  static List<Isa> available() {
    List<Isa> out = new ArrayList<>();
    if (NativeLibrary.unusableReason() == null) {
      int bits = NativeLibrary.isas();
      for (Isa isa : values()) {
        if ((bits & isa.bit) != 0) {
          out.add(isa);
        }
      }
    }
    return out;
  }
}
