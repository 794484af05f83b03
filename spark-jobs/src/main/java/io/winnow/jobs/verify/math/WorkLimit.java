// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

/**
 * The work that one comparison may spend, in steps of very roughly 100 nanoseconds, counted and not timed: the
 * same input ends the same way on every machine. Not shared between threads.
 */
public final class WorkLimit {
  /** Enough for every answer in the MATH data set many times over, and over well inside 50 ms. */
  public static final int DEFAULT_STEPS = 100_000;

  /** Characters of an answer or gold that are read as mathematics; longer ones are compared as text only. */
  public static final int MAX_CHARS = 4_096;

  /** Nested grammar rules, about four for a bracket: some hundred brackets, far from the end of a thread's stack. */
  static final int MAX_DEPTH = 400;

  /** Bits of a numerator or denominator: numbers up to about 10^4900. */
  static final int MAX_BITS = 16_384;

  /** Terms of an expanded expression. */
  static final int MAX_TERMS = 600;

  private int left;

  public WorkLimit(int steps) {
    this.left = steps;
  }

  /** Counts steps; call before the work is done. */
  public void spend(int steps) {
    left -= steps;
    if (left < 0) {
      throw new Exceeded("more work than the limit allows");
    }
  }

  /** Steps that are left; negative once exceeded. */
  public int left() {
    return left;
  }

  /** A limit of size or work was reached: the question stays undecided. */
  public static final class Exceeded extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public Exceeded(String message) {
      super(message, null, false, false);
    }
  }
}
