// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Finds candidates for the answer in a text, by classes of priority: what is introduced as the final answer first,
 * then by "answer:", then by "answer", then anything. Within a class the rightmost end goes first. A class is only
 * searched when those before it gave nothing of use.
 */
final class AnswerSearch {
  /** Classes of priority, first to last. */
  static final int CLASSES = 5;

  private static final Comparator<Candidate> ORDER =
      Comparator.comparingInt((Candidate c) -> -c.end()).thenComparingInt(Candidate::start);
  private static final int FINAL_REACH = 100;
  private static final int ANSWER_REACH = 50;

  private final String text;
  /** The same as {@link #text}: what looks at each character looks here. */
  private final char[] chars;
  private final boolean numbers;
  private final boolean boxesFirst;
  private final boolean anything;
  private final FormulaMatcher formulas;
  private final NumberMatcher prose;
  private List<Integer> answers;
  private int lineFrom;
  private int lineEnd = -1;
  private final int[] equalsLine = {-1, -1, -1, -1};
  private final int[] equalsAt = new int[4];
  private final Candidate[] behindEquals = new Candidate[4];

  /**
   * A search.
   *
   * @param numbers whether numbers and arithmetic in prose count beside formulas
   * @param boxesFirst whether boxes belong to the first class and not to the second
   * @param anything whether what nothing introduces counts in the end
   */
  AnswerSearch(String text, boolean numbers, boolean boxesFirst, boolean anything) {
    this.text = text;
    chars = text.toCharArray();
    this.numbers = numbers;
    this.boxesFirst = boxesFirst;
    this.anything = anything;
    formulas = new FormulaMatcher(text);
    prose = new NumberMatcher(text);
  }

  /** The candidates of a class, best first. */
  List<Candidate> of(int priority) {
    List<Candidate> found = new ArrayList<>();
    switch (priority) {
      case 0 -> {
        if (boxesFirst) {
          boxes(found);
        }
        hopes(found);
      }
      case 1 -> {
        if (!boxesFirst) {
          boxes(found);
        }
        finals(found);
      }
      case 2 -> answers(found, true);
      case 3 -> answers(found, false);
      default -> {
        if (anything) {
          everything(found);
        }
      }
    }
    if (found.size() > 1) {
      found.sort(ORDER);
    }
    return found;
  }

  /** Where the word "answer" stands, in any case. */
  private List<Integer> answerWords() {
    if (answers == null) {
      answers = new ArrayList<>();
      // By its w, which is rarer than an a.
      for (int i = 3; i + 3 <= chars.length; i++) {
        if ((chars[i] == 'w' || chars[i] == 'W') && text.regionMatches(true, i - 3, "answer", 0, 6)) {
          answers.add(i - 3);
        }
      }
    }
    return answers;
  }

  private void boxes(List<Candidate> found) {
    int box = text.indexOf("\\boxed{");
    if (box < 0) {
      return;
    }
    int last = text.lastIndexOf('}');
    if (last > box + "\\boxed{".length()) {
      found.add(new Candidate(Candidate.Kind.BARE_BOX, box, last + 1, List.of(text.substring(box, last + 1)),
          List.of(false), "boxed"));
    }
    int lastBox = text.lastIndexOf("\\boxed{");
    for (int i = 0; i < lastBox; i++) {
      char c = chars[i];
      char next = chars[i + 1];
      if (c == '$' || c == '\\' && (next == '[' || next == '(') || next == '[' && Character.isWhitespace(c)) {
        Candidate formula = formulas.groupAt(i, true);
        if (formula != null) {
          found.add(formula);
          i = formula.end() - 1;
        }
      }
    }
  }

  /** {@code final answer is X. I hope}. */
  private void hopes(List<Candidate> found) {
    for (int answer : answerWords()) {
      int is = finalIs(answer);
      if (is < 0) {
        continue;
      }
      for (Target target : targets()) {
        Candidate x = near(target, is, 0, false);
        if (x == null) {
          continue;
        }
        int hope = indexOfHope(x.end());
        if (hope >= 0) {
          found.add(x.at(answer, hope + 6, "final-answer"));
        }
      }
    }
  }

  private int indexOfHope(int from) {
    int i = from;
    if (i < text.length() && text.charAt(i) == '.') {
      i++;
    }
    if (i < text.length() && Character.isWhitespace(text.charAt(i))) {
      i++;
    }
    return text.regionMatches(true, i, "I hope", 0, 6) ? i : -1;
  }

  /** Behind "final answer is" and a colon, when "answer" at {@code answer} belongs to it; else -1. */
  private int finalIs(int answer) {
    if (answer < 6 || !text.regionMatches(true, answer - 6, "final ", 0, 6)
        || !text.regionMatches(true, answer + 6, " is", 0, 3)) {
      return -1;
    }
    int is = answer + 9;
    return is < text.length() && text.charAt(is) == ':' ? is + 1 : is;
  }

  /** {@code final answer … is X}. */
  private void finals(List<Candidate> found) {
    for (Target target : targets()) {
      int from = 0;
      for (int answer : answerWords()) {
        if (answer < from || answer < 6 || !text.regionMatches(true, answer - 6, "final ", 0, 6)) {
          continue;
        }
        int limit = Math.min(text.length() - 3, answer + 6 + FINAL_REACH);
        for (int i = answer + 6; i <= limit; i++) {
          if (!Character.isWhitespace(text.charAt(i)) || !text.regionMatches(true, i + 1, "is", 0, 2)) {
            continue;
          }
          int behind = i + 3;
          if (behind < text.length() && text.charAt(behind) == ':') {
            behind++;
          }
          Candidate x = near(target, behind, 0, false);
          if (x != null) {
            found.add(x.at(answer - 6, x.end(), "final-answer"));
            from = x.end();
            break;
          }
        }
      }
    }
  }

  /** {@code answer: … X} or {@code answer … X}, and {@code answer … = X} within a line. */
  private void answers(List<Candidate> found, boolean colon) {
    for (Target target : targets()) {
      int from = 0;
      int fromEquals = 0;
      for (int answer : answerWords()) {
        int behind = answer + 6;
        if (colon) {
          if (behind >= text.length() || text.charAt(behind) != ':') {
            continue;
          }
          behind++;
        }
        if (answer >= from) {
          Candidate x = near(target, behind, ANSWER_REACH, true);
          if (x != null) {
            found.add(x.at(answer, x.end(), "answer"));
            from = x.end();
          }
        }
        if (target != Target.FORMULA && answer >= fromEquals) {
          for (Target kind : BEHIND_EQUALS) {
            Candidate x = behindLastEquals(kind, behind);
            if (x != null) {
              found.add(x.at(answer, x.end(), "answer"));
              fromEquals = Math.max(fromEquals, x.end());
            }
          }
        }
      }
    }
  }

  /** What follows the last equals sign of the line that something follows; looked for once a line. */
  private Candidate behindLastEquals(Target target, int from) {
    int line = lineEnd(from);
    int kind = target.ordinal();
    if (equalsLine[kind] != line) {
      equalsLine[kind] = line;
      behindEquals[kind] = null;
      for (int i = text.lastIndexOf('=', line - 1); i >= from && behindEquals[kind] == null;
          i = text.lastIndexOf('=', i - 1)) {
        behindEquals[kind] = near(target, i + 1, 0, true);
        equalsAt[kind] = i;
      }
    }
    return behindEquals[kind] == null || equalsAt[kind] < from ? null : behindEquals[kind];
  }

  /** The end of the line that {@code from} is in; remembered, as one line is asked for many times. */
  private int lineEnd(int from) {
    if (from < lineFrom || from > lineEnd) {
      int end = text.indexOf('\n', from);
      lineFrom = from;
      lineEnd = end < 0 ? text.length() : end;
    }
    return lineEnd;
  }

  private enum Target { FORMULA, PROSE, ARITHMETIC, NUMBER }

  private static final List<Target> FORMULAS = List.of(Target.FORMULA);
  private static final List<Target> INTRODUCED = List.of(Target.FORMULA, Target.PROSE);
  private static final List<Target> BEHIND_EQUALS = List.of(Target.ARITHMETIC, Target.NUMBER);
  private static final List<Target> ANYTHING = List.of(Target.FORMULA, Target.ARITHMETIC, Target.NUMBER);

  private List<Target> targets() {
    return numbers ? INTRODUCED : FORMULAS;
  }

  /** The first match that begins at {@code from} or up to {@code reach} characters behind it, or null. */
  private Candidate near(Target target, int from, int reach, boolean anchored) {
    int limit = Math.min(from + reach, text.length() - 1);
    for (int i = from; i <= limit; i++) {
      if (target != Target.FORMULA && i > from && text.charAt(i - 1) == '\n') {
        // What leads to a number stays within the line; what leads to a formula need not.
        break;
      }
      Candidate x = switch (target) {
        case FORMULA -> formulas.groupAt(i);
        case PROSE -> prose.at(i, anchored);
        case ARITHMETIC -> prose.arithmeticAt(i, anchored);
        case NUMBER -> prose.numberAt(i, anchored);
      };
      if (x != null) {
        return x;
      }
    }
    if (reach == 0 && from < text.length() && Character.isWhitespace(text.charAt(from))) {
      return near(target, from + 1, 0, anchored);
    }
    return null;
  }

  private void everything(List<Candidate> found) {
    for (Target target : numbers ? ANYTHING : FORMULAS) {
      for (int i = 0; i < chars.length; i++) {
        if (!mayBegin(target, i)) {
          continue;
        }
        Candidate x = switch (target) {
          case FORMULA -> formulas.groupAt(i);
          case PROSE -> prose.at(i, false);
          case ARITHMETIC -> prose.arithmeticAt(i, false);
          case NUMBER -> prose.numberAt(i, false);
        };
        if (x != null) {
          found.add(x);
          i = Math.max(i, x.end() - 1);
        }
      }
    }
  }

  /** A quick look at one place and the next, before a thorough one. */
  private boolean mayBegin(Target target, int at) {
    char c = chars[at];
    char next = at + 1 < chars.length ? chars[at + 1] : ' ';
    if (target == Target.FORMULA) {
      return c == '$' || c == '\\' && (next == '[' || next == '(' || next == 'f') || c == '-' && next == '\\'
          || next == '[' && Character.isWhitespace(c);
    }
    if (at == 0) {
      return true;
    }
    if (c != '=' && c != ' ' && !Character.isWhitespace(c)) {
      return false;
    }
    return next >= '0' && next <= '9' || next > 127
        || (target == Target.NUMBER ? "-.$*¢" : "-(*").indexOf(next) >= 0;
  }
}
