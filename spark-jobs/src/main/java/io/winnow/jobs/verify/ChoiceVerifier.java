// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.jobs.verify.math.AnswerText;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Multiple choice: takes the letter out of a completion and compares it with that of the gold.
 *
 * <p>A letter is found, in this order, in what {@link FinalAnswer} finds ({@code B}, {@code (b)}, {@code B.},
 * {@code B) Paris}, {@code \text{(B)}}, {@code option B}); behind the last "answer is", "answer:", "choose", "option"
 * or "choice" ({@code stated}); as the text of one of the options ({@code option}); as the last letter in parentheses
 * of the last line ({@code parentheses}). A lower-case letter counts only in parentheses or alone: "a" is a word.
 *
 * <p>Parameters: {@code choices} (how many there are, 2 to 26; 10, A to J, by itself); {@code options} (a JSON array of
 * their texts, in order; then the gold may be a text as well); {@code index} (0 or 1: golds are numbers that begin
 * there); {@code multiple} (true: gold and answer are sets of letters, such as {@code A, C}); {@code extract}.
 */
final class ChoiceVerifier extends AnswerVerifier {
  static final String NAME = "choice";
  private static final String OPTIONS = "options";
  private static final String CHOICES = "choices";
  private static final String INDEX = "index";
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int DEFAULT_CHOICES = 10;
  private static final int LETTERS = 26;
  private static final int MAX_LETTER_TEXT = 400;

  private static final Pattern ONE =
      Pattern.compile(
          "(?s)(?:(?i:the|option|choice|answer|is|correct|\\s)*)[\\s*$]*"
              + "(?:\\\\(?:text|textbf|mathrm|mathbf|mbox)\\{)?[\\s*]*"
              + "(?:[(\\[]\\s*([A-Za-z])\\s*[)\\]]|([A-Z])(?![\\w'’])|([a-z])(?=[\\s*$}]*[).:]|[\\s*$}]*\\z))"
              + "(.*)");
  private static final Pattern STATED =
      Pattern.compile(
          "(?i)\\b(?:answer|option|choice|choose|select|pick)"
              + "(?:\\s+(?:is|option|choice|answer|the))*+\\s*+[:=]?[\\s*$]*+"
              + "(?:\\\\boxed\\{|\\\\text\\{)*+[\\s*]*+"
              + "(?-i:[(\\[]\\s*([A-Za-z])\\s*[)\\]]|([A-Z])(?![\\w'’])|([a-z])(?=[\\s*$}]*(?:[.,;]|\\n|\\z)))");
  private static final Pattern PARENTHESES = Pattern.compile("[(\\[]\\s*([A-Za-z])\\s*[)\\]]");
  private static final Pattern SEVERAL =
      Pattern.compile(
          "[\\s(\\[{]*[A-Za-z]"
              + "(?:[)\\].]*\\s*(?:,|;|&|and|\\s)\\s*(?:and\\s+)?[\\s(\\[]*[A-Za-z])*[\\s)\\].}]*");
  private static final Pattern TOGETHER = Pattern.compile("[A-Z]+");

  private final int choices;
  private final List<String> options;
  private final int index;
  private final boolean multiple;
  private final TextVerifier texts = TextVerifier.normalized(Map.of());

  ChoiceVerifier(Map<String, String> given) {
    this(new VerifierParams(NAME, given, CHOICES, OPTIONS, INDEX, "multiple", EXTRACT));
  }

  private ChoiceVerifier(VerifierParams params) {
    super(NAME, NAME + "/1", params);
    options = options(params);
    choices = choices(params, options);
    index = index(params);
    multiple = params.flag("multiple", false);
  }

  private static List<String> options(VerifierParams params) {
    String text = params.text(OPTIONS);
    if (text == null) {
      return List.of();
    }
    try {
      JsonNode all = JSON.readTree(text);
      List<String> out = new ArrayList<>();
      all.forEach(option -> out.add(option.isContainerNode() ? null : option.asText()));
      if (all.isArray() && out.size() >= 2 && out.size() <= LETTERS && !out.contains(null)) {
        return List.copyOf(out);
      }
    } catch (JsonProcessingException e) {
      // Told below.
    }
    throw params.refused(OPTIONS, "a JSON array of 2 to 26 texts");
  }

  private static int choices(VerifierParams params, List<String> options) {
    String text = params.text(CHOICES);
    int count = text == null ? (options.isEmpty() ? DEFAULT_CHOICES : options.size()) : 0;
    if (text != null && text.matches("\\d{1,2}")) {
      count = Integer.parseInt(text);
    }
    if (count < 2 || count > LETTERS || !options.isEmpty() && count != options.size()) {
      throw params.refused(CHOICES, "a number from 2 to 26, and that of the options where these are given");
    }
    return count;
  }

  private static int index(VerifierParams params) {
    String text = params.text(INDEX);
    if (text != null && !text.equals("0") && !text.equals("1")) {
      throw params.refused(INDEX, "0 or 1");
    }
    return text == null ? -1 : Integer.parseInt(text);
  }

  private boolean isChoice(char letter) {
    return letter >= 'A' && letter < 'A' + choices;
  }

  private String range() {
    return "A to " + (char) ('A' + choices - 1);
  }

  /** The letters of the gold, in order; null when it has none. */
  private String goldLetters(String gold) {
    if (index >= 0) {
      int at = gold.matches("\\d{1,2}") ? Integer.parseInt(gold) - index : -1;
      return at >= 0 && at < choices ? String.valueOf((char) ('A' + at)) : null;
    }
    String letters = multiple ? several(gold) : null;
    letters = letters == null ? letter(gold) : letters;
    return letters == null ? ofOption(gold) : letters;
  }

  @Override
  String unusable(String gold) {
    if (goldLetters(gold) != null) {
      return null;
    }
    String kind = index >= 0 ? "a number of one of the choices, which begin at " + index : "a letter " + range();
    return "the gold is not " + kind + (options.isEmpty() ? "" : ", nor the text of an option");
  }

  @Override
  Judgement judge(String gold, FinalAnswer answer) {
    String wanted = goldLetters(gold);
    Found found = find(answer);
    if (found == null) {
      return Judgement.of(false, answer, "none", "no choice found");
    }
    boolean equal = wanted.equals(found.letters);
    FinalAnswer told = new FinalAnswer(found.letters, answer.rule());
    return Judgement.of(
        equal, told, found.rule, equal ? "choice " + wanted : "gold choice " + wanted + ", answer " + found.letters);
  }

  @Override
  String answer(String completion) {
    FinalAnswer answer = extract(completion);
    Found found = answer == null ? null : find(answer);
    return found == null ? null : found.letters;
  }

  private record Found(String letters, String rule) {}

  private Found find(FinalAnswer answer) {
    String text = answer.text();
    String letters = multiple ? several(text) : null;
    letters = letters == null ? letter(text) : letters;
    if (letters != null) {
      return new Found(letters, NAME);
    }
    String option = ofOption(text);
    return option == null ? null : new Found(option, "option");
  }

  @Override
  FinalAnswer extract(String completion) {
    FinalAnswer answer = super.extract(completion);
    if (answer == null || find(answer) != null || !answer.rule().equals("line") && !answer.rule().equals("whole")) {
      return answer;
    }
    // The last line is no choice by itself: what is stated somewhere, or stands in parentheses at the end.
    String text = super.extract(completion).rule().equals("whole") ? answer.text() : behindThinking(completion);
    String stated = last(STATED, text);
    if (stated != null) {
      return new FinalAnswer(stated, "stated");
    }
    String aside = last(PARENTHESES, text.substring(text.lastIndexOf('\n') + 1));
    return aside == null ? answer : new FinalAnswer(aside, "parentheses");
  }

  private static String behindThinking(String completion) {
    return FinalAnswer.of(completion, FinalAnswer.Take.WHOLE).text();
  }

  private String last(Pattern pattern, String text) {
    String found = null;
    Matcher matcher = pattern.matcher(text);
    while (matcher.find()) {
      String letter = group(matcher);
      found = isChoice(letter.charAt(0)) ? letter : found;
    }
    return found;
  }

  private static String group(Matcher matcher) {
    for (int i = 1; i <= Math.min(3, matcher.groupCount()); i++) {
      if (matcher.group(i) != null) {
        return matcher.group(i).toUpperCase(Locale.ROOT);
      }
    }
    throw new IllegalStateException("Each alternative has a group.");
  }

  /** The letter that a text begins with, marked as one or alone; null where there is none. */
  private String letter(String text) {
    String rest = AnswerText.unwrapped(text.length() > MAX_LETTER_TEXT ? text.substring(0, MAX_LETTER_TEXT) : text);
    Matcher one = ONE.matcher(rest);
    if (!one.matches()) {
      return null;
    }
    String letter = group(one);
    String after = one.group(4).replaceAll("^[\\s*$}]+", "");
    boolean marked =
        one.group(1) != null || after.isEmpty() || after.matches("(?s)[).:,;–—-].*")
            || one.group(2) != null && !article(letter, after);
    return marked && isChoice(letter.charAt(0)) ? letter : null;
  }

  /** "A train" and "I think" begin with words. */
  private static boolean article(String letter, String after) {
    return (letter.equals("A") || letter.equals("I")) && after.matches("(?s)[a-z].*")
        && !after.matches("(?s)(?:because|is|as|since|and|or)\\b.*");
  }

  /** The letters of a list of them, each once, in order; null when it is no such list. */
  private String several(String text) {
    String rest = AnswerText.unwrapped(text.length() > MAX_LETTER_TEXT ? text.substring(0, MAX_LETTER_TEXT) : text)
        .replaceAll("\\\\(?:text|textbf|mathrm|mathbf|mbox)\\{([^{}]*)}", "$1").replaceAll("\\s+", " ");
    if (!TOGETHER.matcher(rest).matches() && !SEVERAL.matcher(rest).matches()) {
      return null;
    }
    TreeSet<Character> letters = new TreeSet<>();
    for (char c : rest.replaceAll("\\band\\b", " ").toCharArray()) {
      if (Character.isLetter(c)) {
        char letter = Character.toUpperCase(c);
        if (!isChoice(letter)) {
          return null;
        }
        letters.add(letter);
      }
    }
    return letters.stream().map(String::valueOf).collect(Collectors.joining());
  }

  private String ofOption(String text) {
    String form = texts.normalized(text);
    String found = null;
    for (int i = 0; i < options.size(); i++) {
      if (!form.isEmpty() && texts.normalized(options.get(i)).equals(form)) {
        if (found != null) {
          return null;
        }
        found = String.valueOf((char) ('A' + i));
      }
    }
    return found;
  }
}
