// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.function.Executable;

/** Comparisons with references outside the repository: each prints a line, which {@code make conformance} shows. */
public final class Conformance {
  private Conformance() {}

  /** Whether every reference is wanted, also those of architectures that are not known yet. */
  public static boolean everything() {
    return Boolean.getBoolean("winnow.conformance");
  }

  /** A test that prints {@code ok} or {@code FAILED}, the name, and in the second case why. */
  public static DynamicTest test(String name, Executable check) {
    return DynamicTest.dynamicTest(
        name,
        () -> {
          try {
            check.execute();
            System.out.println("ok      " + name);
          } catch (Throwable t) {
            String why = String.valueOf(t.getMessage()).lines().findFirst().orElse("");
            System.out.println("FAILED  " + name + ": " + why);
            throw t;
          }
        });
  }
}
