// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import java.util.Random;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Gives a test that asks for a {@link Random} one with a fresh seed and prints the line that repeats it. The system
 * property {@code winnow.seed} (hexadecimal) sets the seed.
 */
final class Seeds implements ParameterResolver {
  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext test) {
    return parameter.getParameter().getType() == Random.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext test) {
    String given = System.getProperty("winnow.seed", "");
    long seed = given.isEmpty() ? new Random().nextLong() & 0xFFFFFFFFFFFFL : Long.parseUnsignedLong(given, 16);
    System.out.printf(
        "REPRO mvn -pl kernels test -Dtest=%s#%s -Dwinnow.seed=%X%n",
        test.getRequiredTestClass().getSimpleName(), test.getRequiredTestMethod().getName(), seed);
    return new Random(seed);
  }
}
