// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

/** Greek letters by their LaTeX names. */
final class GreekLetters {
  private static final String SMALL_LETTERS = "αβγδεζηθικλμνξοπρστυφχψω";
  private static final String[] NAMES = ("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi"
      + " omicron pi rho sigma tau upsilon phi chi psi omega").split(" ");

  private GreekLetters() {}

  /** The name of a letter, capital or small, or null when it is none. */
  static String name(char letter) {
    int index = SMALL_LETTERS.indexOf(Character.toLowerCase(letter));
    return index < 0 ? null : NAMES[index];
  }
}
