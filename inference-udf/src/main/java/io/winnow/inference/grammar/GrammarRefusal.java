// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

/** Why a pattern or schema is not taken: half a sentence that goes on behind a colon. */
final class GrammarRefusal extends RuntimeException {
  private static final long serialVersionUID = 1L;

  GrammarRefusal(String why) {
    super(why);
  }

  /** What is more than the limits of an automaton allow. */
  static GrammarRefusal tooLarge(String what) {
    return new GrammarRefusal(
        "it needs more than " + what + "; lower the counts in braces and the lengths, or nest fewer of them");
  }
}
