// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import java.util.ArrayList;
import java.util.List;

/**
 * Reads the part of regular expressions that all dialects share. What has no finite automaton, or means different
 * things in different dialects, is refused by its name.
 */
final class RegexParser {
  private static final int MOST_NESTED = 100;
  private static final int MOST_TIMES = 100_000;
  private static final CharSet DOT = CharSet.of('\n', '\n').not();

  private final int[] pattern;
  private final boolean search;
  private int at;
  private int depth;

  private RegexParser(String pattern, boolean search) {
    this.pattern = pattern.codePoints().toArray();
    this.search = search;
  }

  /**
   * Reads a pattern.
   *
   * @param search whether it may match anywhere in a text, as in JSON schemas, but where ^ and $ hold it to the ends;
   *     else it matches the whole text, and they say nothing
   * @throws GrammarRefusal where it is no pattern of this dialect
   */
  static Expression parse(String pattern, boolean search) {
    RegexParser parser = new RegexParser(pattern, search);
    Expression whole = parser.alternatives();
    if (parser.at < parser.pattern.length) {
      throw parser.refused("the ) closes no group; write \\) for the character");
    }
    return whole;
  }

  private GrammarRefusal refused(String why) {
    return new GrammarRefusal(why + " (character " + (Math.min(at, pattern.length) + 1) + ")");
  }

  private boolean more() {
    return at < pattern.length;
  }

  private boolean sees(char c) {
    return more() && pattern[at] == c;
  }

  private boolean sees(String word) {
    for (int i = 0; i < word.length(); i++) {
      if (at + i >= pattern.length || pattern[at + i] != word.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  private boolean takes(String word) {
    boolean seen = sees(word);
    at += seen ? word.length() : 0;
    return seen;
  }

  private Expression alternatives() {
    if (++depth > MOST_NESTED) {
      throw refused("groups are nested more than " + MOST_NESTED + " deep");
    }
    List<Expression> all = new ArrayList<>();
    do {
      all.add(sequence());
    } while (takes("|"));
    depth--;
    return Expression.anyOf(all);
  }

  private Expression sequence() {
    List<Expression> parts = new ArrayList<>();
    boolean outermost = depth == 1;
    boolean fromStart = outermost && takes("^");
    boolean toEnd = false;
    if (outermost && search && !fromStart) {
      parts.add(Expression.ANYTHING);
    }
    while (more() && !sees('|') && !sees(')')) {
      if (outermost && sees('$') && (at + 1 == pattern.length || pattern[at + 1] == '|')) {
        at++;
        toEnd = true;
      } else {
        parts.add(repeated(atom()));
      }
    }
    if (outermost && search && !toEnd) {
      parts.add(Expression.ANYTHING);
    }
    return new Expression.Parts(List.copyOf(parts));
  }

  private Expression atom() {
    int c = pattern[at++];
    switch (c) {
      case '(':
        return group();
      case '[':
        return new Expression.Chars(characterClass());
      case '.':
        return new Expression.Chars(DOT);
      case '\\':
        return new Expression.Chars(escape(false));
      case '^', '$':
        at--;
        throw refused(
            "^ and $ may stand at the ends of the whole pattern alone, where they change nothing; write \\"
                + (char) c + " for the character");
      case '*', '+', '?', '{':
        at--;
        throw refused("nothing stands before " + (char) c + " that it could repeat; write \\" + (char) c
            + " for the character");
      case ']', '}':
        at--;
        throw refused("a " + (char) c + " alone; write \\" + (char) c + " for the character");
      default:
        return literal(c);
    }
  }

  private Expression literal(int c) {
    CharSet set = CharSet.of(c, c);
    if (set.isEmpty()) {
      throw refused("half of a surrogate pair, which no UTF-8 text can hold");
    }
    return new Expression.Chars(set);
  }

  private Expression group() {
    if (sees("?")) {
      if (sees("?=") || sees("?!") || sees("?<=") || sees("?<!")) {
        throw refused("look-ahead and look-behind, (?= (?! (?<= (?<!, are not supported: no automaton of moderate size"
            + " has them; write out what is allowed");
      }
      boolean named = takes("?<") || takes("?P<");
      if (named) {
        while (more() && pattern[at] != '>') {
          at++;
        }
      }
      if (!(named ? takes(">") : takes("?:"))) {
        throw refused("of groups that begin with (? only (?: and named ones are supported: no flags, no atomic groups;"
            + " write [Yy] in place of ignoring case");
      }
    }
    Expression inner = alternatives();
    if (!takes(")")) {
      throw refused("a group is not closed; write \\( for the character");
    }
    return inner;
  }

  private Expression repeated(Expression inner) {
    int least;
    int most;
    if (takes("*")) {
      least = 0;
      most = -1;
    } else if (takes("+")) {
      least = 1;
      most = -1;
    } else if (takes("?")) {
      least = 0;
      most = 1;
    } else if (takes("{")) {
      least = number();
      most = least;
      if (takes(",")) {
        most = sees('}') ? -1 : number();
      }
      if (!takes("}")) {
        throw refused("braces hold {m}, {m,} or {m,n}; write \\{ for the character");
      }
      if (most >= 0 && most < least) {
        throw refused("{" + least + "," + most + "} ends below where it begins");
      }
    } else {
      return inner;
    }
    // A lazy one matches the same texts.
    takes("?");
    if (sees('+')) {
      throw refused("possessive quantifiers, as in a++, are not supported; leave the second + out");
    }
    if (sees('*') || sees('{') || sees('?')) {
      throw refused("two quantifiers in a row; put what the second one repeats into a group");
    }
    return new Expression.Repeat(inner, least, most);
  }

  private int number() {
    int start = at;
    long value = 0;
    while (more() && pattern[at] >= '0' && pattern[at] <= '9' && at - start < 10) {
      value = 10 * value + pattern[at++] - '0';
    }
    if (at == start) {
      throw refused("braces hold {m}, {m,} or {m,n} with numbers, {0,n} for none to n; write \\{ for the character");
    }
    if (value > MOST_TIMES) {
      throw refused("a count of " + value + " is more than " + MOST_TIMES);
    }
    return (int) value;
  }

  private CharSet characterClass() {
    boolean negated = takes("^");
    CharSet set = CharSet.NONE;
    boolean first = true;
    while (first || !sees(']')) {
      if (!more()) {
        throw refused("a character class is not closed; write \\[ for the character");
      }
      if (sees('[') || sees("&&") || first && sees(']')) {
        throw refused("in a class [ and && mean different things in different dialects, and so does ] at its beginning;"
            + " write \\[, \\& and \\]");
      }
      first = false;
      boolean escaped = sees('\\');
      CharSet from = classItem();
      if (sees('-') && at + 1 < pattern.length && pattern[at + 1] != ']') {
        at++;
        escaped |= sees('\\');
        CharSet to = classItem();
        if (size(from) != 1 || size(to) != 1 || to.ranges()[0] < from.ranges()[0]) {
          throw refused("a range in a class goes from one character to a later one, as a-z"
              + (escaped ? "; write \\- for the character" : ""));
        }
        from = CharSet.of(from.ranges()[0], to.ranges()[0]);
      }
      set = set.or(from);
    }
    at++;
    set = negated ? set.not() : set;
    if (set.isEmpty()) {
      throw refused("a character class that holds no character");
    }
    return set;
  }

  private CharSet classItem() {
    int c = pattern[at++];
    return c == '\\' ? escape(true) : ((Expression.Chars) literal(c)).set();
  }

  private static int size(CharSet set) {
    return set.ranges().length == 2 && set.ranges()[0] == set.ranges()[1] ? 1 : 2;
  }

  private CharSet escape(boolean inClass) {
    if (!more()) {
      throw refused("a \\ at the end escapes nothing");
    }
    int c = pattern[at++];
    return switch (c) {
      case 'd' -> CharSet.DIGITS;
      case 'D' -> CharSet.DIGITS.not();
      case 'w' -> CharSet.WORD;
      case 'W' -> CharSet.WORD.not();
      case 's' -> CharSet.SPACES;
      case 'S' -> CharSet.SPACES.not();
      case 'n' -> CharSet.of('\n', '\n');
      case 't' -> CharSet.of('\t', '\t');
      case 'r' -> CharSet.of('\r', '\r');
      case 'f' -> CharSet.of('\f', '\f');
      case 'x' -> hex(2);
      case 'u' -> unit();
      case 'b', 'B', 'A', 'Z', 'z', 'G' ->
          throw refused("\\" + (char) c + " is not supported: a pattern matches the whole answer, and what stands at an"
              + " edge is written out");
      case 'p', 'P' -> throw refused("\\p is not supported; write the ranges, as [a-zà-ÿ]");
      case 'k', '1', '2', '3', '4', '5', '6', '7', '8', '9' ->
          throw refused("back references, as \\1, are not supported: no finite automaton has them");
      default -> {
        boolean word = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c > 0x7F;
        if (word) {
          throw refused("the escape \\" + Character.toString(c) + " is not known"
              + (inClass ? " in a character class" : ""));
        }
        yield CharSet.of(c, c);
      }
    };
  }

  /** {@code \\uXXXX}, or two of them that are a surrogate pair. */
  private CharSet unit() {
    int high = digits(4);
    if (Character.isHighSurrogate((char) high) && takes("\\u")) {
      int low = digits(4);
      if (Character.isLowSurrogate((char) low)) {
        int c = Character.toCodePoint((char) high, (char) low);
        return CharSet.of(c, c);
      }
    }
    return whole(high);
  }

  private CharSet hex(int digits) {
    if (!takes("{")) {
      return whole(digits(digits));
    }
    int start = at;
    while (more() && pattern[at] != '}' && at - start < 6) {
      at++;
    }
    int length = at - start;
    at = start;
    int c = length == 0 ? -1 : digits(length);
    if (!takes("}") || c < 0 || c > 0x10FFFF) {
      throw refused("\\x{…} holds one to six hexadecimal digits of a character");
    }
    return whole(c);
  }

  private CharSet whole(int c) {
    return ((Expression.Chars) literal(c)).set();
  }

  private int digits(int count) {
    int value = 0;
    for (int i = 0; i < count; i++) {
      int digit = more() && pattern[at] < 128 ? Character.digit(pattern[at], 16) : -1;
      if (digit < 0) {
        throw refused("hexadecimal digits are missing");
      }
      value = 16 * value + digit;
      at++;
    }
    return value;
  }
}
