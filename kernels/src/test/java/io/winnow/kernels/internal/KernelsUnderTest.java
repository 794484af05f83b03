// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.Kernels;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntFunction;

/** The implementations that are held to kernels/NUMERICS.md: the reference and every instruction set of the machine. */
final class KernelsUnderTest {
  static final int[] THREADS = {1, 2, 5};
  static final List<IntFunction<Kernels>> IMPLEMENTATIONS = implementations();

  private KernelsUnderTest() {}

  private static List<IntFunction<Kernels>> implementations() {
    List<IntFunction<Kernels>> all = new ArrayList<>(List.of(JavaKernels::new));
    for (Isa isa : Isa.available()) {
      all.add(threads -> new NativeKernels(isa, threads));
    }
    return all;
  }

  /** Runs a test with every implementation and every size of team. */
  static void each(Consumer<Kernels> test) {
    for (int threads : THREADS) {
      each(threads, test);
    }
  }

  static void each(int threads, Consumer<Kernels> test) {
    for (IntFunction<Kernels> open : IMPLEMENTATIONS) {
      try (Kernels kernels = open.apply(threads)) {
        try {
          test.accept(kernels);
        } catch (AssertionError e) {
          throw new AssertionError(kernels.name() + ", " + threads + " threads: " + e.getMessage(), e);
        }
      }
    }
  }
}
