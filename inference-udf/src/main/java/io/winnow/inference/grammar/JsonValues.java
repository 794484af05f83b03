// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * JSON values as expressions. Each value has one text: a space behind every colon and comma and none elsewhere, as
 * Python's json.dumps writes it and models have mostly read it; strings are UTF-8, with a backslash only where JSON
 * demands one. So answers can be compared as texts.
 */
final class JsonValues {
  /** Whole numbers stay within ±(10^18 − 1), so that a column of 64 bits holds them. */
  static final long MOST = 999_999_999_999_999_999L;

  static final Expression COMMA = Expression.text(", ");
  static final Expression COLON = Expression.text(": ");
  static final Expression QUOTE = Expression.text("\"");

  private static final String ESCAPED = "\"\\\b\f\n\r\t";
  private static final String LETTERS = "\"\\bfnrt";
  /** What stands in a string as it is. */
  private static final CharSet PLAIN =
      CharSet.ALL.without(CharSet.of(0, 0x1F)).without(CharSet.of('"', '"')).without(CharSet.of('\\', '\\'));

  private static final Expression DIGIT = new Expression.Chars(CharSet.DIGITS);
  /** A character of a string; of the control characters those five that have a short escape. */
  static final Expression CHARACTER = escaped(CharSet.ALL);

  static final Expression BOOLEAN = Expression.anyOf(List.of(Expression.text("true"), Expression.text("false")));
  static final Expression NULL = Expression.text("null");
  static final Expression INTEGER = integer(-MOST, MOST);
  /** At most 18 digits on each side of the point, and two of an exponent: a double holds its size. */
  static final Expression NUMBER =
      Expression.parts(
          Expression.optional(Expression.text("-")),
          Expression.anyOf(
              List.of(
                  Expression.text("0"),
                  Expression.parts(Expression.chars('1', '9'), new Expression.Repeat(DIGIT, 0, 17)))),
          Expression.optional(Expression.parts(Expression.text("."), new Expression.Repeat(DIGIT, 1, 18))),
          Expression.optional(
              Expression.parts(
                  new Expression.Chars(CharSet.of('e', 'e').or(CharSet.of('E', 'E'))),
                  Expression.optional(new Expression.Chars(CharSet.of('+', '+').or(CharSet.of('-', '-')))),
                  new Expression.Repeat(DIGIT, 1, 2))));

  private JsonValues() {}

  static Expression string(Expression content) {
    return Expression.parts(QUOTE, content, QUOTE);
  }

  /** A character of the set as it stands in a string. */
  private static Expression escaped(CharSet set) {
    List<Expression> ways = new ArrayList<>();
    CharSet plain = set.without(PLAIN.not());
    if (!plain.isEmpty()) {
      ways.add(new Expression.Chars(plain));
    }
    for (int i = 0; i < ESCAPED.length(); i++) {
      if (set.contains(ESCAPED.charAt(i))) {
        ways.add(Expression.text("\\" + LETTERS.charAt(i)));
      }
    }
    if (ways.isEmpty()) {
      throw new GrammarRefusal(
          "a pattern asks for a control character other than \\b, \\f, \\n, \\r and \\t, which answers do not hold");
    }
    return Expression.anyOf(ways);
  }

  /** An expression over the characters of a string as one over its JSON. */
  static Expression escaped(Expression e) {
    if (e instanceof Expression.Chars chars) {
      return chars.set() == CharSet.ALL ? CHARACTER : escaped(chars.set());
    }
    if (e instanceof Expression.Parts parts) {
      return new Expression.Parts(parts.parts().stream().map(JsonValues::escaped).toList());
    }
    if (e instanceof Expression.AnyOf any) {
      return new Expression.AnyOf(any.alternatives().stream().map(JsonValues::escaped).toList());
    }
    Expression.Repeat repeat = (Expression.Repeat) e;
    return new Expression.Repeat(escaped(repeat.inner()), repeat.least(), repeat.most());
  }

  /** The text of a value. */
  static String text(JsonNode value) {
    StringBuilder out = new StringBuilder();
    if (value.isArray()) {
      for (JsonNode item : value) {
        out.append(out.isEmpty() ? "" : ", ").append(text(item));
      }
      return "[" + out + "]";
    }
    if (value.isObject()) {
      for (Map.Entry<String, JsonNode> field : value.properties()) {
        out.append(out.isEmpty() ? "" : ", ").append(quoted(field.getKey())).append(": ");
        out.append(text(field.getValue()));
      }
      return "{" + out + "}";
    }
    return value.isTextual() ? quoted(value.textValue()) : value.toString();
  }

  /** A string as JSON. */
  static String quoted(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      int place = ESCAPED.indexOf(c);
      if (place >= 0) {
        out.append('\\').append(LETTERS.charAt(place));
      } else if (c < ' ') {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    return out.append('"').toString();
  }

  /** The whole numbers from low to high, both at most {@link #MOST} away from 0. */
  static Expression integer(long low, long high) {
    List<Expression> ways = new ArrayList<>();
    if (low < 0) {
      Expression positive = positive(Math.max(1, -high), -low);
      ways.add(Expression.parts(Expression.text("-"), positive));
    }
    if (high >= 0) {
      ways.add(positive(Math.max(0, low), high));
    }
    return Expression.anyOf(ways);
  }

  private static Expression positive(long low, long high) {
    List<Expression> ways = new ArrayList<>();
    long from = low;
    while (from <= high) {
      String first = Long.toString(from);
      long last = Math.min(high, Long.parseLong("9".repeat(first.length())));
      ways.add(digits(first, Long.toString(last)));
      from = last + 1;
    }
    return Expression.anyOf(ways);
  }

  /** The numbers between two of the same length, by their first digit and the rest. */
  private static Expression digits(String low, String high) {
    int rest = low.length() - 1;
    if (low.chars().allMatch(c -> c == '0') && high.chars().allMatch(c -> c == '9')) {
      return new Expression.Repeat(DIGIT, low.length(), low.length());
    }
    char first = low.charAt(0);
    char last = high.charAt(0);
    if (rest == 0) {
      return Expression.chars(first, last);
    }
    if (first == last) {
      return Expression.parts(Expression.chars(first, first), digits(low.substring(1), high.substring(1)));
    }
    List<Expression> ways = new ArrayList<>();
    boolean wholeFirst = low.substring(1).chars().allMatch(c -> c == '0');
    boolean wholeLast = high.substring(1).chars().allMatch(c -> c == '9');
    if (!wholeFirst) {
      ways.add(Expression.parts(Expression.chars(first, first), digits(low.substring(1), "9".repeat(rest))));
      first++;
    }
    if (!wholeLast) {
      ways.add(Expression.parts(Expression.chars(last, last), digits("0".repeat(rest), high.substring(1))));
      last--;
    }
    if (first <= last) {
      ways.add(Expression.parts(Expression.chars(first, last), new Expression.Repeat(DIGIT, rest, rest)));
    }
    return Expression.anyOf(ways);
  }
}
