// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Regular expressions (java.util.regex). Without {@code pattern} the gold is one, and the answer must match it; with
 * {@code pattern} the expression takes the answer out of the completion: its last match counts, group 1 of it if it has
 * groups, and the gold must be the same text.
 *
 * <p>Parameters: {@code pattern}; {@code match} (full, find: how a gold matches); {@code flags} (letters of i, m, s, x,
 * u); {@code extract} (final, boxed, whole, all; whole by itself with {@code pattern}). An expression that goes back
 * and forth too long on a text is undecided: steps are counted, so the verdict is the same on every machine.
 */
final class RegexVerifier extends AnswerVerifier {
  static final String NAME = "regex";
  private static final String PATTERN = "pattern";
  private static final String FLAGS = "flags";
  private static final int MAX_READS = 2_000_000;
  private static final int MAX_PATTERN = 10_000;

  private enum Match { FULL, FIND }

  private final Pattern pattern;
  private final Match match;
  private final int flags;
  private final FinalAnswer.Take take;

  RegexVerifier(Map<String, String> given) {
    this(new VerifierParams(NAME, given, PATTERN, "match", FLAGS, EXTRACT));
  }

  private RegexVerifier(VerifierParams params) {
    super(NAME, NAME + "/1", params);
    flags = flags(params);
    match = params.choice("match", Match.FULL);
    String text = params.text(PATTERN);
    take = params.choice(EXTRACT, text == null ? FinalAnswer.Take.FINAL : FinalAnswer.Take.WHOLE);
    if (text == null) {
      pattern = null;
      return;
    }
    if (params.text("match") != null) {
      throw new IllegalArgumentException(
          "Cannot use the parameters match and pattern of verifier regex together: match is for golds that are"
              + " patterns.");
    }
    try {
      pattern = compiled(text);
    } catch (PatternSyntaxException | StackOverflowError e) {
      throw params.refused(PATTERN, "a regular expression of Java (" + firstLine(e) + ")");
    }
  }

  private static int flags(VerifierParams params) {
    int all = 0;
    String text = params.text(FLAGS) == null ? "" : params.text(FLAGS);
    for (char c : text.toCharArray()) {
      all |= switch (c) {
        case 'i' -> Pattern.CASE_INSENSITIVE;
        case 'm' -> Pattern.MULTILINE;
        case 's' -> Pattern.DOTALL;
        case 'x' -> Pattern.COMMENTS;
        case 'u' -> Pattern.UNICODE_CASE | Pattern.UNICODE_CHARACTER_CLASS;
        default -> throw params.refused(FLAGS, "letters of i, m, s, x, u");
      };
    }
    return all;
  }

  private Pattern compiled(String text) {
    if (text.length() > MAX_PATTERN) {
      throw new PatternSyntaxException("it is longer than " + MAX_PATTERN + " characters", "", -1);
    }
    return Pattern.compile(text, flags);
  }

  private static String firstLine(Throwable e) {
    String message = e instanceof PatternSyntaxException p ? p.getDescription() : "it nests too deep";
    return message.lines().findFirst().orElse("");
  }

  @Override
  FinalAnswer extract(String completion) {
    FinalAnswer answer = FinalAnswer.of(completion, take);
    if (pattern == null || answer == null) {
      return answer;
    }
    Matcher matcher = pattern.matcher(new CountedText(answer.text(), MAX_READS));
    String found = null;
    while (matcher.find()) {
      String text = matcher.groupCount() > 0 ? matcher.group(1) : matcher.group();
      found = text == null ? found : text;
    }
    return found == null || found.isBlank() ? null : new FinalAnswer(found.strip(), NAME);
  }

  @Override
  String unusable(String gold) {
    if (pattern == null) {
      try {
        compiled(gold);
      } catch (PatternSyntaxException | StackOverflowError e) {
        return "the gold is no regular expression of Java: " + firstLine(e);
      }
    }
    return null;
  }

  @Override
  Judgement judge(String gold, FinalAnswer answer) {
    if (pattern != null) {
      boolean equal = gold.equals(answer.text());
      String detail = Judgement.compared(equal, "'" + gold + "'", "'" + answer.text() + "'");
      return Judgement.of(equal, answer, "exact", detail);
    }
    Matcher matcher = compiled(gold).matcher(new CountedText(answer.text(), MAX_READS));
    boolean matches = match == Match.FULL ? matcher.matches() : matcher.find();
    String how = match == Match.FULL ? "matches" : "has a match of";
    return Judgement.of(matches, answer, NAME, "the answer " + (matches ? how + " " : "does not match ") + gold);
  }

  @Override
  Judgement withoutEnd(Throwable e) {
    return e instanceof CountedText.TooManyReadsException
        ? Judgement.undecided("limit: the expression read more than " + MAX_READS + " characters")
        : e instanceof StackOverflowError
            ? Judgement.undecided("limit: the expression nests too deep for this text") : null;
  }
}
