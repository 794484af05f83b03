// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.label;

import io.winnow.inference.AnswerFormat;
import java.util.List;

/** Reads answers of one format. Thread-safe. */
public abstract class LabelReader {
  private static final int SHOWN = 80;

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

  /**
   * Reads the answer of a trace: its whole text, else what follows its thinking.
   *
   * @param answer what follows the thinking, null where there is none
   * @throws LabelException when neither is an answer of the format
   */
  public final Object read(String text, String answer) throws LabelException {
    try {
      return read(text);
    } catch (LabelException e) {
      if (answer == null || answer.equals(text)) {
        throw e;
      }
      return read(answer.strip());
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
