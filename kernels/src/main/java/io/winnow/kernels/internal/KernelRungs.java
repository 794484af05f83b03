// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.KernelException;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KernelsLadder.Rung;
import io.winnow.kernels.QuantFormat;
import io.winnow.kernels.WeightFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** What {@link io.winnow.kernels.KernelsLadder} finds on this machine. */
public final class KernelRungs {
  private final List<Rung> list;
  private final String refusal;
  /** null for plain Java. */
  private final Isa isa;

  private KernelRungs(List<Rung> list, String refusal, Isa isa) {
    this.list = list;
    this.refusal = refusal;
    this.isa = isa;
  }

  /**
   * Looks at the machine.
   *
   * @param forced an instruction set's name or {@code reference}; null or empty for the best
   */
  public static KernelRungs of(String forced) {
    String wish = forced == null ? "" : forced.strip().toLowerCase(Locale.ROOT);
    List<Isa> available = Isa.available();
    Isa named = Arrays.stream(Isa.values()).filter(i -> i.label().equals(wish)).findFirst().orElse(null);
    String refusal = null;
    Isa taken = available.isEmpty() ? null : available.get(available.size() - 1);
    if (wish.equals("reference")) {
      taken = null;
    } else if (named != null) {
      taken = named;
      refusal = available.contains(named) ? null : "WINNOW_ISA=" + wish + " is not available: " + whyNot(available);
    } else if (!wish.isEmpty()) {
      refusal =
          "WINNOW_ISA=" + wish + " is no instruction set: use "
              + Arrays.stream(Isa.values()).map(Isa::label).collect(Collectors.joining(", ")) + " or reference";
    }
    List<Rung> list = new ArrayList<>();
    list.add(new Rung("cuda", "this build has no CUDA kernels"));
    String native0 = "native" + (taken == null ? "" : " " + taken.label());
    String others = available.stream().map(Isa::label).collect(Collectors.joining(", "));
    if (taken != null && refusal == null) {
      list.add(new Rung(native0, null));
      list.add(new Rung("java", "the one before it is faster; instruction sets found: " + others));
    } else {
      String why = wish.equals("reference") ? "WINNOW_ISA=reference asks for plain Java" : whyNot(available);
      list.add(new Rung("native", why));
      list.add(new Rung("java", null));
    }
    return new KernelRungs(List.copyOf(list), refusal, taken);
  }

  private static String whyNot(List<Isa> available) {
    String reason = NativeLibrary.unusableReason();
    return reason != null
        ? reason
        : "instruction sets found: " + available.stream().map(Isa::label).collect(Collectors.joining(", "));
  }

  public List<Rung> list() {
    return list;
  }

  public String refusal() {
    return refusal;
  }

  public long packedBytes(int rows, int cols, WeightFormat format) {
    return isa == null || refusal != null
        ? JavaKernels.packedBytes(rows, cols, format)
        : NativeWeight.sizeBytes(rows, cols, format);
  }

  public long packedBytes(int rows, int cols, QuantFormat format) {
    return isa == null || refusal != null
        ? JavaKernels.packedBytes(rows, cols, format)
        : NativeWeight.sizeBytes(rows, cols, format);
  }

  public Kernels open(int threads) {
    if (refusal != null) {
      throw new KernelException(refusal + ".");
    }
    return isa == null ? new JavaKernels(threads) : new NativeKernels(isa, threads);
  }
}
