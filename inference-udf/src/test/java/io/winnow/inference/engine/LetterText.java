// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import java.util.List;

/** Text of made-up tokens: each is one letter. */
final class LetterText implements StopDetector {
  private final List<String> stop;
  private final StringBuilder text = new StringBuilder();

  LetterText(List<String> stop) {
    this.stop = stop;
  }

  @Override
  public boolean append(int token) {
    text.append((char) ('a' + token % 26));
    for (String s : stop) {
      int at = text.indexOf(s);
      if (at >= 0) {
        text.setLength(at);
        return true;
      }
    }
    return false;
  }

  @Override
  public String text() {
    return text.toString();
  }
}
