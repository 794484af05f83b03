// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

/** A text whose characters may be read so many times: a regular expression that backtracks for long ends by it. */
public final class CountedText implements CharSequence {
  /** The text was read too often. */
  public static final class TooManyReadsException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private TooManyReadsException() {
      super(null, null, false, false);
    }
  }

  private final CharSequence text;
  private int left;

  /** A text of which {@code reads} characters may be read before {@link TooManyReadsException}. */
  public CountedText(CharSequence text, int reads) {
    this.text = text;
    this.left = reads;
  }

  @Override
  public int length() {
    return text.length();
  }

  @Override
  public char charAt(int index) {
    if (--left < 0) {
      throw new TooManyReadsException();
    }
    return text.charAt(index);
  }

  @Override
  public CharSequence subSequence(int start, int end) {
    return text.subSequence(start, end);
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
