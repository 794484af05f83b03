// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

import io.winnow.kernels.internal.KernelRungs;
import java.util.List;

/**
 * Picks the best implementation that this machine can run, and says why the better ones were not taken. All give the same
 * bits, so which one it is matters to nothing but speed. Before an instruction set is taken some small operations are
 * compared with the reference; one that gives other bits is not used. The environment variable {@value #ISA_VARIABLE}
 * forces one: {@code avx2}, {@code avx512}, {@code amx}, {@code neon}, or {@code reference} for plain Java.
 */
public final class KernelsLadder {
  public static final String ISA_VARIABLE = "WINNOW_ISA";

  private static final KernelRungs RUNGS = KernelRungs.of(System.getenv(ISA_VARIABLE));

  private KernelsLadder() {}

  /**
   * One rung.
   *
   * @param name implementation, with its instruction set
   * @param unusableReason why it is not taken, null when it is
   */
  public record Rung(String name, String unusableReason) {}

  /** The rungs, best first; the one without a reason is what {@link #open(int)} gives. */
  public static List<Rung> rungs() {
    return RUNGS.list();
  }

  /** Instruction sets that this build has and this machine can run, the best last. */
  public static List<String> instructionSets() {
    return RUNGS.instructionSets();
  }

  /** Why {@value #ISA_VARIABLE} cannot be followed; null if it can, or is not set. */
  public static String refusal() {
    return RUNGS.refusal();
  }

  /** Why {@link #open(int)} gives kernels that cannot compute native products; null if they can. */
  public static String nativeRefusal() {
    return RUNGS.nativeRefusal();
  }

  /** Bytes that a matrix [rows][cols] takes once {@link Kernels#pack} of what {@link #open(int)} gives has packed it. */
  public static long packedBytes(int rows, int cols, WeightFormat format) {
    return RUNGS.packedBytes(rows, cols, format);
  }

  /** The same for integer weights. */
  public static long packedBytes(int rows, int cols, QuantFormat format) {
    return RUNGS.packedBytes(rows, cols, format);
  }

  /**
   * Opens the best usable implementation, or the one that {@value #ISA_VARIABLE} names.
   *
   * @param threads size of its team, at least 1
   * @throws KernelException where this machine lacks what the variable names
   */
  public static Kernels open(int threads) {
    return RUNGS.open(threads);
  }

  /** {@code reference} and the instruction sets of this machine: all that {@link #open(String, int)} can open. */
  public static List<String> names() {
    return RUNGS.names();
  }

  /**
   * Opens one implementation, whatever the best one is; to compare them.
   *
   * @param name one of {@link #names}
   * @throws KernelException where there is none of that name, or its arithmetic differs from the reference
   */
  public static Kernels open(String name, int threads) {
    return RUNGS.open(name, threads);
  }
}
