// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import java.util.ArrayList;
import java.util.List;

/** Normalizes the text of a formula before it is read, in Math-Verify's order; its slips are kept. */
final class LatexCleanup {
  /**
   * Which steps are taken.
   *
   * @param chains whether of a chain of equations the last side is kept
   * @param numbers whether decimals without a leading digit are completed and 0.5 becomes a half
   * @param malformed whether fractions, roots and exponents without braces get them
   */
  record Steps(boolean chains, boolean numbers, boolean malformed) {}

  /** The library's defaults. */
  static final Steps DEFAULT = new Steps(false, true, true);
  /** What Open-R1's accuracy reward asks for. */
  static final Steps OPEN_R1 = new Steps(true, false, false);

  private LatexCleanup() {}

  /** The contents of all boxes joined by commas; the text itself without a box. */
  static String allBoxes(String text) {
    List<int[]> boxes = boxes(text);
    if (boxes.isEmpty() || endsWithBareBox(text)) {
      return behindOpenBox(text);
    }
    return inner(joined(text, boxes, 0), true);
  }

  /** The last box, and those before it that belong to the same answer by the little that stands between them. */
  static String lastBoxes(String text) {
    List<int[]> boxes = boxes(text);
    if (boxes.isEmpty() || endsWithBareBox(text)) {
      return behindOpenBox(text);
    }
    int first = boxes.size() - 1;
    while (first > 0) {
      String between = text.substring(boxes.get(first - 1)[2] + 1, boxes.get(first)[0]);
      boolean joined = between.length() < 10 || between.length() < 70 && (hasWord(between, "and")
          || hasWord(between, "or") || between.indexOf(',') >= 0 || between.indexOf(';') >= 0);
      if (!joined) {
        break;
      }
      first--;
    }
    return inner(joined(text, boxes, first), false);
  }

  private static boolean hasWord(String text, String word) {
    for (int i = text.indexOf(word); i >= 0; i = text.indexOf(word, i + 1)) {
      int end = i + word.length();
      if ((i == 0 || !Character.isLetterOrDigit(text.charAt(i - 1)))
          && (end == text.length() || !Character.isLetterOrDigit(text.charAt(end)))) {
        return true;
      }
    }
    return false;
  }

  /** Contents of boxes from one on, those left out that say the same as the one behind them. */
  private static String joined(String text, List<int[]> boxes, int first) {
    StringBuilder joined = new StringBuilder();
    for (int i = first; i < boxes.size(); i++) {
      String content = text.substring(boxes.get(i)[1], boxes.get(i)[2]);
      if (i + 1 == boxes.size() || !content.equals(text.substring(boxes.get(i + 1)[1], boxes.get(i + 1)[2]))) {
        joined.append(joined.length() == 0 ? "" : ",").append(content);
      }
    }
    return joined.toString().strip();
  }

  /** Boxes within boxes. */
  private static String inner(String text, boolean all) {
    return !text.contains("\\boxed") && !text.contains("\\fbox") ? text : all ? allBoxes(text) : lastBoxes(text);
  }

  /** Whether the last box has no brace. */
  private static boolean endsWithBareBox(String text) {
    int last = text.lastIndexOf("\\boxed");
    return last >= 0 && boxAt(text, "\\boxed", last) < 0;
  }

  /** What stands behind the last box when none is closed, its brace included. */
  private static String behindOpenBox(String text) {
    int open = text.lastIndexOf("\\boxed");
    if (open < 0) {
      return text;
    }
    List<int[]> last = boxes(text.substring(open));
    return last.isEmpty() ? text.substring(open + "\\boxed".length())
        : text.substring(open + last.get(0)[1], open + last.get(0)[2]);
  }

  /**
   * A formula without its boxes, as the grammar reads them: one of several elements is a set, one of a single element
   * is that element, and within a value it is a group.
   */
  static String boxesRead(String text) {
    if (text.length() > TermReader.MAX_CHARS) {
      return text; // it will be refused
    }
    StringBuilder out = new StringBuilder(text);
    List<int[]> boxes = boxes(text);
    for (int i = boxes.size() - 1; i >= 0; i--) {
      int[] box = boxes.get(i);
      if (box[2] >= text.length()) {
        continue; // not closed, which nobody reads
      }
      String inner = boxesRead(text.substring(box[1], box[2]).strip());
      String before = text.substring(0, box[0]).strip();
      String behind = text.substring(box[2] + 1).strip();
      boolean whole = before.isEmpty() && behind.isEmpty();
      boolean element = (before.isEmpty() || ",;=".indexOf(before.charAt(before.length() - 1)) >= 0)
          && (behind.isEmpty() || ",;".indexOf(behind.charAt(0)) >= 0);
      if (!whole) {
        inner = isList(inner) ? "\\{" + inner + "\\}" : element ? inner : "{" + inner + "}";
      }
      out.replace(box[0], box[2] + 1, inner);
    }
    return out.toString();
  }

  /** Whether there are commas or semicolons outside of all brackets. */
  private static boolean isList(String text) {
    int depth = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      depth += "([{".indexOf(c) >= 0 ? 1 : ")]}".indexOf(c) >= 0 ? -1 : 0;
      if (depth == 0 && (c == ',' || c == ';')) {
        return true;
      }
    }
    return false;
  }

  /** Start, begin and end of the contents of each outermost box; one that is not closed ends with the text. */
  private static List<int[]> boxes(String text) {
    List<int[]> boxes = new ArrayList<>();
    int at = 0;
    boolean frames = text.contains("\\fbox");
    while (at < text.length()) {
      int boxed = boxAt(text, "\\boxed", at);
      int framed = frames ? boxAt(text, "\\fbox", at) : -1;
      int start = boxed < 0 ? framed : framed < 0 ? boxed : Math.min(boxed, framed);
      if (start < 0) {
        break;
      }
      int begin = text.indexOf('{', start) + 1;
      int depth = 1;
      int end = begin;
      while (end < text.length()) {
        char c = text.charAt(end);
        if (c == '{') {
          depth++;
        } else if (c == '}' && --depth == 0) {
          break;
        }
        end++;
      }
      if (depth > 0) {
        break;
      }
      boxes.add(new int[] {start, begin, end});
      at = end + 1;
    }
    return boxes;
  }

  /** The next command of that name with a brace behind it. */
  private static int boxAt(String text, String name, int from) {
    for (int i = text.indexOf(name, from); i >= 0; i = text.indexOf(name, i + 1)) {
      int open = FormulaMatcher.skipSpace(text, i + name.length());
      if (open < text.length() && text.charAt(open) == '{') {
        return i;
      }
    }
    return -1;
  }

  static String clean(String raw, Steps steps) {
    String text = basic(raw);
    if (steps.chains) {
      text = lastSide(text, true);
    }
    text = units(text);
    if (steps.numbers) {
      text = text.startsWith(".") ? "0" + text : text;
      text = text.equals("0.5") ? "\\frac{1}{2}" : text;
    }
    text = steps.malformed ? MalformedLatex.repaired(text).strip() : text.strip();
    return text.equals("\\text{}") || text.equals("\\text{ }") ? "" : text;
  }

  /** Of a chain of three or more sides the last; anything else as it is. */
  static String lastSide(String text, boolean onlyComma) {
    int last = text.lastIndexOf('=');
    if (last < 0 || text.indexOf('=') == last || text.indexOf(',') >= 0 || text.indexOf(';') >= 0) {
      return text;
    }
    return text.substring(last + 1).strip();
  }

  private static String basic(String raw) {
    StringBuilder out = new StringBuilder(raw.length());
    boolean matrix = raw.contains("matrix");
    int at = 0;
    while (at < raw.length()) {
      int next = CleanupRules.apply(raw, at, matrix, out);
      if (next > at) {
        at = next;
      } else {
        out.append(raw.charAt(at));
        at++;
      }
    }
    String text = out.toString();
    if (text.contains(")_{")) {
      text = risingFactors(text);
    }
    return text.strip();
  }

  /** {@code (a)_{b}} as a quotient of factorials. */
  private static String risingFactors(String text) {
    int sub = text.indexOf(")_{");
    while (sub >= 0) {
      int open = text.lastIndexOf('(', sub);
      int close = text.indexOf('}', sub);
      String top = open < 0 ? "" : text.substring(open + 1, sub);
      String bottom = close < 0 ? "" : text.substring(sub + 3, close);
      if (isSimple(top) && isSimple(bottom)) {
        String fraction = "\\frac{(" + top + ")!}{((" + top + ")-(" + bottom + "))!}";
        text = text.substring(0, open) + fraction + text.substring(close + 1);
        sub = text.indexOf(")_{", open + fraction.length());
      } else {
        sub = text.indexOf(")_{", sub + 1);
      }
    }
    return text;
  }

  private static boolean isSimple(String text) {
    return !text.isEmpty() && text.chars().allMatch(c -> Character.isLetterOrDigit(c) || "+-*/ ".indexOf(c) >= 0);
  }

  private static String units(String raw) {
    String text = raw;
    if (endsWithGroup(text)) {
      int word = text.indexOf("\\text{");
      int box = text.indexOf("\\mbox{");
      int from = word < 0 ? box : box < 0 ? word : Math.min(word, box);
      if (from > 0) {
        text = text.substring(0, from).strip();
      }
    }
    return UnitWords.cut(UnitWords.cut(text));
  }

  /** Whether it ends with a brace, or with a brace and an exponent of one digit or one group of digits. */
  private static boolean endsWithGroup(String text) {
    int end = text.length();
    if (end >= 3 && Character.isDigit(text.charAt(end - 1)) && text.charAt(end - 2) == '^'
        && text.charAt(end - 3) == '}') {
      return true;
    }
    return end > 0 && text.charAt(end - 1) == '}';
  }
}
