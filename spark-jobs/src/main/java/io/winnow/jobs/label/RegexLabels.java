// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.label;

import io.winnow.inference.grammar.AnswerPattern;
import io.winnow.jobs.verify.CountedText;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** Texts that a pattern matches as a whole: the text, or where the pattern names groups, a struct of what they hold. */
final class RegexLabels extends LabelReader {
  private static final int READS_A_CHARACTER = 1000;
  private static final int LEAST_READS = 1_000_000;

  private final AnswerPattern whole;
  private final boolean describesThinking;
  /** Takes the groups out of what matches. */
  private final Pattern pattern;
  private final List<String> names = new ArrayList<>();
  /** Java's names have no underscores, so groups are called by their numbers there. */
  private static final String PREFIX = "w";

  RegexLabels(String text) {
    String renamed = renamed(text);
    try {
      // A dot stands for all but a line feed, as where answers are held to the pattern.
      pattern = Pattern.compile(renamed, Pattern.UNIX_LINES);
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException("the pattern cannot be read: " + e.getDescription(), e);
    }
    whole = AnswerPattern.whole(text);
    describesThinking = text.contains("think>");
    Columns.check(names);
  }

  /** The pattern with its named groups called by numbers; collects their names. */
  private String renamed(String text) {
    StringBuilder out = new StringBuilder();
    boolean inClass = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\\' && i + 1 < text.length()) {
        out.append(c).append(text.charAt(++i));
        continue;
      }
      inClass = c == '[' || inClass && c != ']';
      int name = inClass ? -1 : text.startsWith("(?<", i) ? i + 3 : text.startsWith("(?P<", i) ? i + 4 : -1;
      int end = name < 0 ? -1 : text.indexOf('>', name);
      if (end > name) {
        out.append("(?<").append(PREFIX).append(names.size()).append('>');
        names.add(text.substring(name, end));
        i = end;
      } else {
        out.append(c);
      }
    }
    return out.toString();
  }

  @Override
  boolean takesThinking() {
    return describesThinking;
  }

  @Override
  public LabelType type() {
    return names.isEmpty()
        ? LabelType.Plain.TEXT
        : new LabelType.Struct(
            names.stream().map(name -> new LabelType.Field(name, LabelType.Plain.TEXT)).toList());
  }

  @Override
  public Object read(String text) throws LabelException {
    if (!whole.matches(text)) {
      throw new LabelException(shown(text) + " does not match the pattern");
    }
    if (names.isEmpty()) {
      return text;
    }
    long reads = Math.max(LEAST_READS, (long) READS_A_CHARACTER * text.length());
    Matcher matcher = pattern.matcher(new CountedText(text, (int) Math.min(Integer.MAX_VALUE, reads)));
    try {
      if (!matcher.matches()) {
        throw new LabelException(shown(text) + " does not match the pattern");
      }
    } catch (CountedText.TooManyReadsException | StackOverflowError e) {
      throw new LabelException(shown(text) + " takes too many steps to find the pattern's groups");
    }
    List<Object> values = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      int start = matcher.start(PREFIX + i);
      values.add(start < 0 ? null : text.substring(start, matcher.end(PREFIX + i)));
    }
    return values;
  }
}
