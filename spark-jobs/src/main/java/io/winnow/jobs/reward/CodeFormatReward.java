// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import io.winnow.jobs.verify.CountedText;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * As {@link FormatReward}, with a block of code in the language asked for within the answer.
 *
 * <p>Open-R1 puts the language into its pattern as it stands: {@code c++} is a repetition there, and {@code cpp} begins
 * {@code cppx} as well. Such a name is taken as a pattern here too, with a bound on the work. Strictly, a language is
 * its name, alone on the line of the fence.
 */
final class CodeFormatReward extends RowReward {
  static final String NAME = "code_format";
  private static final String FENCE = "```";
  /** Characters of a pattern that may mean something else than themselves. */
  private static final Pattern SPECIAL = Pattern.compile("[\\\\^$.|?*+()\\[\\]{}]");
  private static final int FLAGS = Pattern.DOTALL | Pattern.MULTILINE | Pattern.UNIX_LINES;
  /** Four lazy repetitions may look at a text to the fourth power of its length. */
  private static final int STEPS = 10_000_000;

  private final String language;
  private final boolean strict;
  private final Pattern pattern;

  CodeFormatReward(RewardParams params) {
    super(NAME, params, Field.COMPLETION, Field.LANGUAGE);
    language = params.text("language", "python");
    strict = params.strict();
    try {
      pattern = strict || isLiteral(language) ? null : pattern(language);
    } catch (PatternSyntaxException e) {
      throw params.refused("language", language, "a name or a regular expression (strict=true takes any name)");
    }
  }

  private static boolean isLiteral(String language) {
    return !SPECIAL.matcher(language).find();
  }

  private static Pattern pattern(String language) {
    return Pattern.compile(
        "<think>\n.*?\n</think>\n<answer>\n.*?```" + language + ".*?```.*?\n</answer>$", FLAGS);
  }

  @Override
  public Double of(Sample sample) {
    if (sample.completion() == null) {
      return null;
    }
    String asked = sample.language() == null ? language : sample.language();
    Boolean holds =
        strict
            ? Boolean.valueOf(holdsStrictly(sample.completion(), asked))
            : isLiteral(asked)
                ? Boolean.valueOf(holds(sample.completion(), asked))
                : matches(sample.completion(), asked);
    return holds == null ? null : holds ? 1.0 : 0.0;
  }

  private static boolean holds(String text, String language) {
    int answer = Layout.answerStart(text);
    int open = answer < 0 ? -1 : text.indexOf(FENCE + language, answer);
    int close = open < 0 ? -1 : text.indexOf(FENCE, open + FENCE.length() + language.length());
    return close >= 0 && Layout.closesLine(text, close + FENCE.length());
  }

  private static boolean holdsStrictly(String text, String language) {
    String answer = Layout.strictAnswer(text);
    if (answer == null) {
      return false;
    }
    String open = "\n" + FENCE + language + "\n";
    String lined = "\n" + answer.replace("\r\n", "\n") + "\n";
    int at = lined.indexOf(open);
    return at >= 0 && lined.indexOf("\n" + FENCE + "\n", at + open.length() - 1) >= 0;
  }

  /** Null where the language is no pattern, or would take too long to look for. */
  private Boolean matches(String text, String asked) {
    try {
      Pattern own = asked.equals(language) ? pattern : pattern(asked);
      return own.matcher(new CountedText(text, STEPS)).lookingAt();
    } catch (PatternSyntaxException | CountedText.TooManyReadsException | StackOverflowError e) {
      return null;
    }
  }
}
