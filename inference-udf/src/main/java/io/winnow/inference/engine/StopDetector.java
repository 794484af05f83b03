// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

/** Follows a sequence's text token by token. */
public interface StopDetector {
  /**
   * Takes the next token; true when a stop string is now complete.
   *
   * @param mayStop whether a stop string that ends within this token ends the text
   */
  boolean append(int token, boolean mayStop);

  /** The final text: special tokens left out, cut before the stop string. */
  String text();

  /** Makes one for each sequence. */
  interface Factory {
    StopDetector create(java.util.List<String> stopStrings);
  }
}
