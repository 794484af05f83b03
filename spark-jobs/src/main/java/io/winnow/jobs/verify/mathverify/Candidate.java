// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import java.util.List;

/**
 * A place in a text that may hold the answer.
 *
 * @param kind what was found
 * @param start first character of the whole match, what introduces it included
 * @param end behind its last character: the rightmost comes first
 * @param parts contents, one for each formula of a group; one for the other kinds
 * @param percents for each part whether a percent sign follows
 * @param anchor how it was introduced, for evidence: boxed, final-answer, answer, none
 */
record Candidate(Kind kind, int start, int end, List<String> parts, List<Boolean> percents, String anchor) {
  /** What was found. */
  enum Kind {
    /** Formulas between delimiters; those with boxes in them hold all boxes. */
    FORMULAS,
    /** From the first bare box to the last brace of the text. */
    BARE_BOX,
    /** Digits and operators in prose. */
    ARITHMETIC,
    /** A number in prose. */
    NUMBER
  }

  Candidate at(int newStart, int newEnd, String newAnchor) {
    return new Candidate(kind, newStart, newEnd, parts, percents, newAnchor);
  }
}
