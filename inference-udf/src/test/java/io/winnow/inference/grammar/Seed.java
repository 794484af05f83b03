// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import java.util.Random;

/** Seeds of random tests: new ones each time, printed, and given back by the property {@code winnow.seed}. */
final class Seed {
  private Seed() {}

  static Random random(String test) {
    String given = System.getProperty("winnow.seed", "");
    long seed = given.isEmpty() ? new Random().nextLong() >>> 16 : Long.parseLong(given, 16);
    System.out.println("SEED " + test + ": -Dwinnow.seed=" + Long.toHexString(seed));
    return new Random(seed);
  }
}
