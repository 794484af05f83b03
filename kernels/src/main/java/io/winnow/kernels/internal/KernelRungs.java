// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.KernelException;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KernelsLadder;
import io.winnow.kernels.KernelsLadder.Rung;
import io.winnow.kernels.QuantFormat;
import io.winnow.kernels.WeightFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;

/** What {@link KernelsLadder} finds on this machine. */
public final class KernelRungs {
  private static final System.Logger LOG = System.getLogger(KernelsLadder.class.getName());
  private static final String REFERENCE = "reference";

  private final Machine machine;
  private final String wish;
  private final String refusal;
  /** What {@link #open} gives; null for plain Java. */
  private final Isa taken;
  private final List<Rung> list;
  private final AtomicBoolean told = new AtomicBoolean();

  private KernelRungs(Machine machine, String wish) {
    this.machine = machine;
    this.wish = wish;
    this.refusal = wish.isEmpty() ? null : refusalOf("WINNOW_ISA=" + wish, wish);
    this.taken = refusal != null || wish.equals(REFERENCE) ? null : wish.isEmpty() ? best() : Isa.of(wish);
    this.list = List.copyOf(rungs());
  }

  /**
   * Looks at this machine.
   *
   * @param forced an instruction set's name or {@code reference}; null or empty for the best
   */
  public static KernelRungs of(String forced) {
    return of(forced, Machine.here());
  }

  static KernelRungs of(String forced, Machine machine) {
    return new KernelRungs(machine, forced == null ? "" : forced.strip().toLowerCase(Locale.ROOT));
  }

  private Isa best() {
    List<Isa> available = machine.available();
    for (int i = available.size() - 1; i >= 0; i--) {
      if (machine.difference(available.get(i)) == null) {
        return available.get(i);
      }
    }
    return null;
  }

  /** Why a name cannot be followed; null if it can. */
  private String refusalOf(String asked, String name) {
    if (name.equals(REFERENCE)) {
      return null;
    }
    Isa isa = Isa.of(name);
    if (isa == null) {
      return asked + " is no instruction set: use " + labels(List.of(Isa.values())) + " or " + REFERENCE;
    }
    String why = whyNot(isa);
    return why == null ? null : asked + " is not available: " + why;
  }

  /** Why an instruction set cannot be used; null if it can. */
  private String whyNot(Isa isa) {
    if (machine.unusableReason() != null) {
      return machine.unusableReason();
    }
    if (!machine.available().contains(isa)) {
      return "this processor or this build lacks it; instruction sets found: " + found();
    }
    String difference = machine.difference(isa);
    return difference == null ? null : "its arithmetic differs from the reference on this machine: " + difference;
  }

  private List<Rung> rungs() {
    List<Rung> rungs = new ArrayList<>();
    rungs.add(new Rung("cuda", "this build has no CUDA kernels"));
    if (machine.unusableReason() != null) {
      rungs.add(new Rung("native", machine.unusableReason()));
    } else {
      boolean passed = false;
      for (Isa isa : Isa.bestFirst()) {
        boolean takes = isa == taken;
        if (takes || machine.available().contains(isa) || isa.ofThisProcessor()) {
          rungs.add(new Rung("native " + isa.label(), takes ? null : notTaken(isa, passed)));
        }
        passed |= takes;
      }
    }
    String faster = taken == null ? null : "native " + taken.label() + " is faster";
    rungs.add(new Rung("java", refusal != null ? refusal : faster));
    return rungs;
  }

  /** Reasons that cost no look at the arithmetic come first. */
  private String notTaken(Isa isa, boolean betterIsTaken) {
    if (!machine.available().contains(isa)) {
      return "this processor or this build lacks it";
    }
    if (betterIsTaken) {
      return taken.label() + " is faster";
    }
    return refusal != null ? refusal : !wish.isEmpty() ? "WINNOW_ISA=" + wish + " asks for another" : whyNot(isa);
  }

  private String found() {
    return machine.available().isEmpty() ? "none" : labels(machine.available());
  }

  private static String labels(List<Isa> isas) {
    return isas.stream().map(Isa::label).collect(Collectors.joining(", "));
  }

  public List<Rung> list() {
    return list;
  }

  public String refusal() {
    return refusal;
  }

  /** Why what {@link #open(int)} gives cannot compute native products; null if it can. */
  public String nativeRefusal() {
    if (refusal != null) {
      return refusal;
    }
    if (!wish.isEmpty() && taken != Isa.AMX) {
      return "WINNOW_ISA=" + wish + " leaves AMX out";
    }
    String why = whyNot(Isa.AMX);
    if (why != null && machine.unusableReason() == null && !machine.available().contains(Isa.AMX)) {
      return "this processor has no AMX, or the system does not give its tiles to this process; instruction sets found:"
          + " " + found();
    }
    return why == null && !machine.multipliesBf16() ? "this processor's AMX has no products of bfloat16" : why;
  }

  /** Instruction sets by name, the best last. */
  public List<String> instructionSets() {
    return machine.available().stream().map(Isa::label).toList();
  }

  /** What {@link #open(String, int)} takes on this machine, the best last. */
  public List<String> names() {
    List<String> names = new ArrayList<>(List.of(REFERENCE));
    names.addAll(instructionSets());
    return List.copyOf(names);
  }

  public long packedBytes(int rows, int cols, WeightFormat format) {
    return taken == null
        ? JavaKernels.packedBytes(rows, cols, format)
        : NativeWeight.sizeBytes(rows, cols, format);
  }

  public long packedBytes(int rows, int cols, QuantFormat format) {
    return taken == null
        ? JavaKernels.packedBytes(rows, cols, format)
        : NativeWeight.sizeBytes(rows, cols, format);
  }

  public Kernels open(int threads) {
    if (refusal != null) {
      throw new KernelException(refusal + ".");
    }
    if (told.compareAndSet(false, true)) {
      // The reference is some times slower: whoever has not asked for it should know.
      boolean slow = taken == null && wish.isEmpty();
      LOG.log(slow ? System.Logger.Level.WARNING : System.Logger.Level.INFO, summary());
    }
    return open(taken, threads);
  }

  /** Opens what a name of {@link #names} stands for, whatever the best is. */
  public Kernels open(String name, int threads) {
    String no = refusalOf("The instruction set " + name, name);
    if (no != null) {
      throw new KernelException(no + ".");
    }
    return open(Isa.of(name), threads);
  }

  private static Kernels open(Isa isa, int threads) {
    return isa == null ? new JavaKernels(threads) : new NativeKernels(isa, threads);
  }

  /** The rung that is taken and why those before it are not, in one line. */
  String summary() {
    StringBuilder line = new StringBuilder("Kernels: ");
    String separator = "; not ";
    StringBuilder better = new StringBuilder();
    for (Rung rung : list) {
      if (rung.unusableReason() == null) {
        return line.append(rung.name()).append(better).toString();
      }
      better.append(separator).append(rung.name()).append(" (").append(rung.unusableReason()).append(')');
      separator = ", not ";
    }
    return line.append("none").append(better).toString();
  }
}
