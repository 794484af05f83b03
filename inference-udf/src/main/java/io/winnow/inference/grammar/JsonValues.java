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
  static final Expression COMMA = Expression.text(", ");
  static final Expression COLON = Expression.text(": ");
  static final Expression QUOTE = Expression.text("\"");

  private static final String ESCAPED = "\"\\\b\f\n\r\t";
  private static final String LETTERS = "\"\\bfnrt";
  /** What stands in a string as it is. */
  private static final CharSet PLAIN =
      CharSet.ALL.without(CharSet.of(0, 0x1F)).without(CharSet.of('"', '"')).without(CharSet.of('\\', '\\'));

  /** A character of a string; of the control characters those five that have a short escape. */
  static final Expression CHARACTER = escaped(CharSet.ALL);

  static final Expression BOOLEAN = Expression.anyOf(List.of(Expression.text("true"), Expression.text("false")));
  static final Expression NULL = Expression.text("null");

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
}
