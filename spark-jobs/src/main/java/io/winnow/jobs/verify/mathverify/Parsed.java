// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

/**
 * What a text was found to say.
 *
 * @param term the value, or null when nothing could be read
 * @param text the first candidate's normalized text, which identical texts are recognized by; null when there was none
 * @param read the text that {@code term} was read from
 * @param anchor how the value was introduced: boxed, final-answer, answer or none
 * @param reason why nothing was read, null when something was
 */
record Parsed(Term term, String text, String read, String anchor, String reason) {
  boolean isEmpty() {
    return term == null && text == null;
  }
}
