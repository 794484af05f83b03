// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import io.winnow.jobs.trace.ParsedTrace;
import io.winnow.jobs.trace.TraceParser;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Takes the answer out of a completion. The first of these that there is, counts; each names its rule:
 * <ol>
 * <li>{@code boxed}: the last complete {@code \boxed{…}} or {@code \fbox{…}} of what follows the thinking; boxes
 * that stand directly beside it, with no more than "and", "or" or commas between, are offered as a list
 * ({@code boxes});
 * <li>{@code tagged}: what stands in the last {@code <answer>…</answer>};
 * <li>{@code marked}: the line after the last {@code ####};
 * <li>{@code phrase}: what follows the last "answer is", "answer:", or a last line that begins with {@code A:};
 * <li>{@code thinking-boxed}: the last box of the thinking;
 * <li>{@code whole}: an answer part that is one short line;
 * <li>{@code equals}: what follows the last {@code =} in the line of the last number;
 * <li>{@code last-number}, or {@code last-math} where there is no number.
 * </ol>
 * One or a few passes over the text, whatever it holds.
 */
public final class AnswerExtractor {
  private static final int MAX_PHRASE = 300;
  private static final int MAX_WHOLE = 80;
  private static final int MAX_GAP = 50;
  private static final int MAX_BOXES = 16;

  /**
   * One possible answer.
   *
   * @param answer its text, as written
   * @param rule the rule that found it
   */
  public record Candidate(String answer, String rule) {}

  private AnswerExtractor() {}

  /** The candidates in order of preference: the first that can be read is the answer; empty when there is none. */
  public static List<Candidate> candidates(String text) {
    ParsedTrace trace = TraceParser.parse(text);
    String answer = trace.unclosed() ? "" : trace.answer();
    List<Candidate> found = new ArrayList<>();
    boxed(answer, "box", found);
    if (found.isEmpty()) {
      tagged(answer, found);
      marked(answer, found);
      phrase(answer, found);
    }
    if (found.isEmpty() && answer.length() < text.length()) {
      boxed(text.substring(0, trace.unclosed() ? text.length() : trace.thinkEnd()), "thinking-box", found);
    }
    if (found.isEmpty()) {
      bare(answer, found);
    }
    found.removeIf(candidate -> !saysSomething(candidate.answer()));
    return found;
  }

  /** The content of the last complete boxes with no more than commas between, or null; for golds. */
  public static String lastBox(String text) {
    List<Candidate> found = new ArrayList<>();
    boxed(text, "box", found);
    return found.isEmpty() ? null : found.get(found.size() - 1).answer();
  }

  private static void boxed(String text, String rule, List<Candidate> found) {
    if (text.indexOf("box") < 0) {
      return;
    }
    List<int[]> boxes = boxes(text);
    if (boxes.isEmpty()) {
      return;
    }
    int[] last = boxes.get(boxes.size() - 1);
    StringBuilder joined = new StringBuilder(text.substring(last[1], last[2]));
    int count = 1;
    int begin = last[0];
    for (int i = boxes.size() - 2; i >= 0 && count < MAX_BOXES; i--) {
      int[] box = boxes.get(i);
      if (box[3] > begin || !onlyConnects(text, box[3], begin)) {
        break;
      }
      joined.insert(0, text.substring(box[1], box[2]) + ", ");
      begin = box[0];
      count++;
    }
    found.add(new Candidate(text.substring(last[1], last[2]), rule + "ed"));
    if (count > 1) {
      found.add(new Candidate(joined.toString(), rule + "es"));
    }
  }

  /**
   * All complete outermost boxes in order: start of the command, start and end of the content, end. One pass with a
   * stack of open braces, so that ten thousand unclosed boxes cost no more than their length.
   */
  private static List<int[]> boxes(String text) {
    List<int[]> boxes = new ArrayList<>();
    int[] stack = new int[16];
    int depth = 0;
    int at = 0;
    while (at < text.length()) {
      char c = text.charAt(at);
      int content = c == '\\' ? boxContent(text, at) : -1;
      if (content > 0 && content <= text.length() && text.charAt(content - 1) == '{') {
        stack = grown(stack, depth);
        stack[depth++] = at;
        at = content;
      } else if (content > 0) {
        int end = unbracedEnd(text, content);
        if (end > content) {
          boxes.add(new int[] {at, content, end, end});
        }
        at = Math.max(end, at + 1);
      } else if (c == '\\') {
        at += 2;
      } else {
        if (c == '{') {
          stack = grown(stack, depth);
          stack[depth++] = -1;
        } else if (c == '}' && depth > 0) {
          int begin = stack[--depth];
          if (begin >= 0) {
            while (!boxes.isEmpty() && boxes.get(boxes.size() - 1)[0] > begin) {
              boxes.remove(boxes.size() - 1);
            }
            boxes.add(new int[] {begin, boxContent(text, begin), at, at + 1});
          }
        }
        at++;
      }
    }
    return boxes;
  }

  private static int[] grown(int[] stack, int depth) {
    return depth < stack.length ? stack : Arrays.copyOf(stack, depth * 2);
  }

  /**
   * Where the content of a box command at {@code at} begins, just after its brace or, without one, its space; -1 if
   * it is none.
   */
  private static int boxContent(String text, int at) {
    int end = text.startsWith("\\boxed", at) ? at + 6 : text.startsWith("\\fbox", at) ? at + 5 : -1;
    if (end < 0) {
      return -1;
    }
    while (end < text.length() && text.charAt(end) == ' ') {
      end++;
    }
    if (end < text.length() && text.charAt(end) == '{') {
      return end + 1;
    }
    return end < text.length() && Character.isLetter(text.charAt(end)) && text.charAt(end - 1) != ' ' ? -1 : end;
  }

  /** A box without braces ends with the formula, the line or the next space. */
  private static int unbracedEnd(String text, int from) {
    int end = from;
    while (end < text.length() && end - from < MAX_PHRASE && !Character.isWhitespace(text.charAt(end))
        && text.charAt(end) != '$' && text.charAt(end) != '}'
        && !text.startsWith("\\)", end) && !text.startsWith("\\]", end)) {
      end++;
    }
    return end;
  }

  private static boolean onlyConnects(String text, int from, int to) {
    if (to - from > 40) {
      return false;
    }
    String between = text.substring(from, to);
    for (String word : new String[] {"\\text", "\\quad", "\\qquad", "\\(", "\\)", "\\[", "\\]", "\\,", "\\ ",
        "and", "or"}) {
      between = between.replace(word, " ");
    }
    return between.chars().allMatch(c -> " ,;$&{}\n".indexOf(c) >= 0) && to > from;
  }

  private static void tagged(String text, List<Candidate> found) {
    int close = text.lastIndexOf("</answer>");
    int open = close < 0 ? -1 : text.lastIndexOf("<answer>", close);
    if (open >= 0 && close - open <= MAX_PHRASE) {
      phraseCandidates(text.substring(open + "<answer>".length(), close).strip(), "tagged", found);
    }
  }

  private static void marked(String text, List<Candidate> found) {
    int mark = text.lastIndexOf("####");
    if (mark >= 0) {
      phraseCandidates(line(text, mark + 4), "marked", found);
    }
  }

  private static void phrase(String text, List<Candidate> found) {
    int from = text.length();
    for (int tries = 0; tries < 8 && found.isEmpty(); tries++) {
      int at = lastIgnoringCase(text, "answer", from);
      if (at < 0) {
        break;
      }
      from = at - 1;
      int start = afterVerb(text, at + "answer".length());
      if (start >= 0) {
        phraseCandidates(line(text, start), "phrase", found);
      }
    }
    if (found.isEmpty()) {
      int lineStart = text.stripTrailing().lastIndexOf('\n') + 1;
      if (text.startsWith("A:", lineStart)) {
        phraseCandidates(line(text, lineStart + 2), "phrase", found);
      }
    }
  }

  private static int lastIgnoringCase(String text, String word, int from) {
    char first = word.charAt(0);
    for (int at = Math.min(from, text.length() - word.length()); at >= 0; at--) {
      // 32 parts an ASCII letter from its capital.
      if ((text.charAt(at) | 32) == first && text.regionMatches(true, at, word, 0, word.length())) {
        return at;
      }
    }
    return -1;
  }

  /** Behind the "is", ":" or "=" that follows the word answer within a few words of the same line, or -1. */
  private static int afterVerb(String text, int from) {
    for (int at = from; at < text.length() && at < from + MAX_GAP; at++) {
      char c = text.charAt(at);
      if (c == ':' || c == '=') {
        return at + 1;
      }
      if (c == '\n' || c == '.') {
        return -1;
      }
      for (String verb : new String[] {" is", " are", " was", " would be"}) {
        int end = at + verb.length();
        if (text.startsWith(verb, at) && (end == text.length() || !Character.isLetter(text.charAt(end)))) {
          return end < text.length() && text.charAt(end) == ':' ? end + 1 : end;
        }
      }
    }
    return -1;
  }

  /** The rest of the line, or of the next one that is not blank, without markdown stars. */
  private static String line(String text, int from) {
    int start = from;
    while (start < text.length() && (Character.isWhitespace(text.charAt(start)) || text.charAt(start) == '*')) {
      start++;
    }
    int end = text.indexOf('\n', start);
    // A displayed formula goes on over lines.
    if (text.startsWith("\\[", start) || text.startsWith("$$", start)) {
      int close = text.indexOf(text.startsWith("$$", start) ? "$$" : "\\]", start + 2);
      end = close < 0 ? end : close + 2;
    }
    end = end < 0 ? text.length() : end;
    return text.substring(start, Math.min(end, start + MAX_PHRASE));
  }

  private static void phraseCandidates(String line, String rule, List<Candidate> found) {
    String sentence = withoutStars(sentence(line));
    if (sentence.isBlank()) {
      return;
    }
    found.add(new Candidate(AnswerText.unwrapped(sentence), rule));
    List<String> formulas = Formulas.in(sentence);
    if (!formulas.isEmpty() && !AnswerText.unwrapped(sentence).equals(formulas.get(0))) {
      found.add(new Candidate(formulas.get(0), rule));
    }
    // A number inside a formula that cannot be read is not the answer.
    boolean prose = formulas.isEmpty() && sentence.chars().noneMatch(c -> "\\^_{".indexOf(c) >= 0);
    String leading = prose ? Formulas.leadingNumber(sentence) : null;
    String number = leading != null ? leading : prose ? Formulas.lastNumber(sentence) : null;
    if (number != null) {
      found.add(new Candidate(number, rule + "-number"));
    }
  }

  /** Without markdown's bold; two stars between operands are a power. */
  private static String withoutStars(String text) {
    StringBuilder out = new StringBuilder(text);
    for (int at = out.lastIndexOf("**"); at >= 0; at = at == 0 ? -1 : out.lastIndexOf("**", at - 1)) {
      boolean power = at > 0 && at + 2 < out.length() && Character.isLetterOrDigit(out.charAt(at - 1))
          && Character.isLetterOrDigit(out.charAt(at + 2));
      if (!power) {
        out.delete(at, at + 2);
      }
    }
    return out.toString();
  }

  /** Up to a full stop that is followed by a space; all of it when there is none. */
  private static String sentence(String line) {
    for (int at = line.indexOf('.'); at >= 0; at = line.indexOf('.', at + 1)) {
      boolean ends = at + 1 == line.length() || Character.isWhitespace(line.charAt(at + 1));
      // "B. 17" is a choice with its text, "Rs. 5" a currency.
      if (ends && (at > 2 || (at > 0 && Character.isDigit(line.charAt(at - 1))))) {
        return line.substring(0, at);
      }
    }
    return line;
  }

  /** An answer part without any marker. */
  private static void bare(String answer, List<Candidate> found) {
    String all = answer.strip();
    if (!all.isEmpty() && all.indexOf('\n') < 0
        && (all.length() <= MAX_WHOLE || (all.length() <= WorkLimit.MAX_CHARS && !hasProse(all)))) {
      String whole = AnswerText.unwrapped(all);
      String group = Formulas.lastGroup(all);
      if (group != null && hasWord(all)) {
        // Words around a formula are not the answer.
        found.add(new Candidate(group, "last-math"));
      }
      found.add(new Candidate(whole, "whole"));
    }
    int digit = Formulas.lastDigit(answer);
    if (digit < 0) {
      int from = Math.max(0, answer.length() - MAX_PHRASE);
      List<String> formulas = Formulas.in(answer.substring(from));
      if (!formulas.isEmpty()) {
        found.add(new Candidate(formulas.get(formulas.size() - 1), "last-math"));
      }
      return;
    }
    int lineStart = Math.max(answer.lastIndexOf('\n', digit) + 1, digit - MAX_PHRASE);
    int lineEnd = answer.indexOf('\n', digit);
    String line = answer.substring(lineStart, Math.min(lineEnd < 0 ? answer.length() : lineEnd, digit + 100));
    List<String> formulas = Formulas.in(line);
    if (!formulas.isEmpty() && Formulas.lastDigit(formulas.get(formulas.size() - 1)) >= 0) {
      found.add(new Candidate(formulas.get(formulas.size() - 1), "last-math"));
      return;
    }
    int equals = line.lastIndexOf('=');
    if (equals >= 0) {
      String value = sentence(line.substring(equals + 1));
      found.add(new Candidate(AnswerText.unwrapped(value), "equals"));
    }
    String number = hasCommand(line) ? null : Formulas.lastNumber(line);
    if (number != null) {
      found.add(new Candidate(number, "last-number"));
    }
  }

  /** A LaTeX command outside any formula: what stands behind it is not plain text. */
  private static boolean hasCommand(String line) {
    for (int at = line.indexOf('\\'); at >= 0; at = line.indexOf('\\', at + 1)) {
      if (at + 1 < line.length() && Character.isLetter(line.charAt(at + 1))) {
        return true;
      }
    }
    return false;
  }

  /** Whether a word of three letters follows a space: formulas have none. */
  private static boolean hasProse(String line) {
    for (int at = line.indexOf(' '); at >= 0; at = line.indexOf(' ', at + 1)) {
      if (at + 3 < line.length() && line.substring(at + 1, at + 4).chars().allMatch(Character::isLetter)) {
        return true;
      }
    }
    return false;
  }

  /** Whether two letters in a row stand outside formulas. */
  private static boolean hasWord(String line) {
    String outside = Formulas.outside(line);
    for (int i = 1; i < outside.length(); i++) {
      if (Character.isLetter(outside.charAt(i)) && Character.isLetter(outside.charAt(i - 1))) {
        return true;
      }
    }
    return false;
  }

  /** Whether there is anything to read: a letter, a digit, a sign that stands alone. */
  public static boolean saysSomething(String answer) {
    return answer.chars().anyMatch(c -> Character.isLetterOrDigit(c) || "∅∞{}½⅓⅔¼¾".indexOf(c) >= 0 || c > 0x2fff);
  }
}
