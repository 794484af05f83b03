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
  public boolean append(int token, boolean mayStop) {
    text.append((char) ('a' + token % 26));
    for (String s : stop) {
      int at = text.indexOf(s, Math.max(0, text.length() - s.length()));
      if (at >= 0 && mayStop) {
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
