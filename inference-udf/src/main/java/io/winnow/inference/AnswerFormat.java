// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.io.Serializable;
import java.util.List;

/**
 * What an answer must look like.
 *
 * @param kind what the texts are
 * @param texts the texts of a choice, each once; else the one pattern or schema
 */
public record AnswerFormat(Kind kind, List<String> texts) implements Serializable {
  private static final int SHOWN = 60;

  /** Ways to say it, with the name of the setting for each. */
  public enum Kind {
    /** The answer is one of the texts. */
    CHOICE("--choice"),
    /** The whole answer matches a regular expression. */
    REGEX("--regex"),
    /** The answer is JSON that a JSON schema describes. */
    JSON_SCHEMA("--json-schema");

    private final String option;

    Kind(String option) {
      this.option = option;
    }

    /** The setting on the command line. */
    public String option() {
      return option;
    }
  }

  public AnswerFormat {
    texts = List.copyOf(texts);
    if (texts.isEmpty() || kind != Kind.CHOICE && texts.size() != 1) {
      throw new IllegalArgumentException(
          String.format("Cannot hold answers to %d texts of %s: a choice has one or more, the others one.",
              texts.size(), kind.option()));
    }
  }

  /** One of these texts. */
  public static AnswerFormat choice(List<String> texts) {
    return new AnswerFormat(Kind.CHOICE, texts.stream().distinct().toList());
  }

  /** What the whole pattern matches. */
  public static AnswerFormat regex(String pattern) {
    return new AnswerFormat(Kind.REGEX, List.of(pattern));
  }

  /** JSON that the schema, itself JSON, describes. */
  public static AnswerFormat jsonSchema(String schema) {
    return new AnswerFormat(Kind.JSON_SCHEMA, List.of(schema));
  }

  /** For messages and plans: the setting and the beginning of its value. */
  public String described() {
    String text = kind == Kind.CHOICE ? texts.toString() : texts.get(0);
    text = text.replace('\n', ' ');
    int end = text.offsetByCodePoints(0, Math.min(SHOWN, text.codePointCount(0, text.length())));
    return kind.option() + " '" + text.substring(0, end) + (end < text.length() ? "…'" : "'");
  }
}
