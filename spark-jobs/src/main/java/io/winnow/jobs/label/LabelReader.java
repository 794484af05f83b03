// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.label;

import io.winnow.inference.AnswerFormat;
import java.util.List;

/** Reads answers of one format. Thread-safe. */
public abstract class LabelReader {
  private static final int SHOWN = 80;
  /** As many as may stand between thinking and an answer that is held to a format. */
  private static final int MOST_BLANKS = 8;
  private static final String BLANKS = "\t\n\u000B\f\r ";

  LabelReader() {}

  /**
   * The reader of a format.
   *
   * @throws IllegalArgumentException when no table can hold its labels; the message says why
   */
  public static LabelReader of(AnswerFormat format) {
    String text = format.texts().get(0);
    return switch (format.kind()) {
      case CHOICE -> new Choice(format.texts());
      case REGEX -> new RegexLabels(text);
      case JSON_SCHEMA -> new JsonLabels(text);
    };
  }

  /** The type of all labels. */
  public abstract LabelType type();

  /**
   * Reads a text that is to be an answer of the format as a whole; blanks around choices and JSON do not count.
   *
   * @return a value of {@link #type}, null where the format allows null
   * @throws LabelException when it is none
   */
  public abstract Object read(String text) throws LabelException;

  /** Whether a text with thinking in it can be an answer: where the format describes it, or nothing else would fit. */
  boolean takesThinking() {
    return true;
  }

  /**
   * Reads the answer of a trace: what follows the thinking, else the whole text, for formats that describe the thinking
   * and for texts that quote its mark.
   *
   * @param thinkEnd where the thinking ends in the text; 0 where there is none, null where it does not end
   * @param opened whether the prompt opened it
   * @throws LabelException when there is no answer of the format
   */
  public final Object read(String text, Integer thinkEnd, boolean opened) throws LabelException {
    boolean ends = thinkEnd != null && thinkEnd > 0;
    if (!ends && !takesThinking() && text.startsWith("<think>")) {
      throw new LabelException(shown(text) + " is thinking that does not end");
    }
    if (!ends) {
      return read(text);
    }
    try {
      return readBehindBlanks(text.substring(thinkEnd));
    } catch (LabelException e) {
      if (opened || !takesThinking()) {
        throw e;
      }
      try {
        return read(text);
      } catch (LabelException f) {
        throw e;
      }
    }
  }

  /** Blanks belong to an answer only where it is none without them. */
  private Object readBehindBlanks(String rest) throws LabelException {
    int blanks = 0;
    while (blanks < rest.length() && BLANKS.indexOf(rest.charAt(blanks)) >= 0) {
      blanks++;
    }
    LabelException first = null;
    for (int i = Math.min(blanks, MOST_BLANKS); i >= 0; i--) {
      try {
        return read(rest.substring(i));
      } catch (LabelException e) {
        first = first == null ? e : first;
      }
    }
    try {
      return read(rest.strip());
    } catch (LabelException e) {
      throw first;
    }
  }

  /** The beginning of a text, for messages. */
  static String shown(String text) {
    String line = text.replaceAll("\\s+", " ");
    int end = line.offsetByCodePoints(0, Math.min(SHOWN, line.codePointCount(0, line.length())));
    return "'" + line.substring(0, end) + (end < line.length() ? "…'" : "'");
  }

  /** One of some texts. */
  private static final class Choice extends LabelReader {
    private final List<String> texts;

    Choice(List<String> texts) {
      this.texts = texts;
    }

    @Override
    public LabelType type() {
      return LabelType.Plain.TEXT;
    }

    @Override
    public Object read(String text) throws LabelException {
      for (String one : List.of(text, text.strip())) {
        if (texts.contains(one)) {
          return one;
        }
      }
      throw new LabelException(shown(text) + " is none of the choices " + shown(String.join(", ", texts)));
    }
  }
}
