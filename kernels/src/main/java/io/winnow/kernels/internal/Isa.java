// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/** Instruction sets of the native kernels, the best of a machine last; bits as in winnow_kernels.h. */
enum Isa {
  NEON(8, "aarch64"),
  AVX2(1, "amd64"),
  AVX512(2, "amd64"),
  AMX(4, "amd64");

  final int bit;
  /** As Java names the architecture that has it. */
  private final String arch;

  Isa(int bit, String arch) {
    this.bit = bit;
    this.arch = arch;
  }

  String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Whether processors of this machine's architecture may have it. */
  boolean ofThisProcessor() {
    return arch.equals(System.getProperty("os.arch"));
  }

  /** By its label; null for a name that is none. */
  static Isa of(String label) {
    return Arrays.stream(values()).filter(isa -> isa.label().equals(label)).findFirst().orElse(null);
  }

  static List<Isa> bestFirst() {
    List<Isa> all = new ArrayList<>(List.of(values()));
    Collections.reverse(all);
    return all;
  }

  /** Whether {@link #AMX} is among {@link #available} and has products of bfloat16: WK_ISA_AMX_BF16. */
  static boolean multiplyBf16() {
    return NativeLibrary.unusableReason() == null && (NativeLibrary.isas() & 16) != 0;
  }

  /** Whether the tiles of {@link #AMX} are emulated, in builds for tests: WK_ISA_AMX_EMULATED. */
  static boolean tilesAreEmulated() {
    return NativeLibrary.unusableReason() == null && (NativeLibrary.isas() & 32) != 0;
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
