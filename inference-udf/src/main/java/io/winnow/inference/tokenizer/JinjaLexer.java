// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import java.util.ArrayList;
import java.util.List;

/** Cuts the code of one tag into tokens as Jinja2 does. */
final class JinjaLexer {
  enum Kind { NAME, STRING, INTEGER, FLOAT, OPERATOR, END }

  /** {@code text} is the value of a string, the digits of a number, else the spelling; {@code end} is where it ends. */
  record Token(Kind kind, String text, int end) {
    boolean is(String operator) {
      return kind == Kind.OPERATOR && text.equals(operator);
    }

    boolean isName(String name) {
      return kind == Kind.NAME && text.equals(name);
    }
  }

  private static final List<String> LONG_OPERATORS = List.of("**", "//", "==", "!=", "<=", ">=");
  private static final String OPERATORS = "+-*/%~|.,:()[]{}=<>";

  private JinjaLexer() {}

  static List<Token> tokens(String code) {
    List<Token> tokens = new ArrayList<>();
    int at = 0;
    while (at < code.length()) {
      char c = code.charAt(at);
      if (Character.isWhitespace(c)) {
        at++;
        continue;
      }
      Token token;
      if (c == '\'' || c == '"') {
        token = string(code, at);
      } else if (Character.isDigit(c)) {
        boolean index = !tokens.isEmpty() && tokens.get(tokens.size() - 1).is(".");
        token = number(code, at, index);
      } else if (Character.isJavaIdentifierStart(c) && c != '$') {
        int end = at + 1;
        while (end < code.length() && Character.isJavaIdentifierPart(code.charAt(end)) && code.charAt(end) != '$') {
          end++;
        }
        token = new Token(Kind.NAME, code.substring(at, end), end);
      } else {
        String operator = c == 0 ? "" : operator(code, at);
        token = new Token(Kind.OPERATOR, operator, at + operator.length());
      }
      tokens.add(token);
      at = token.end();
    }
    tokens.add(new Token(Kind.END, "end of the tag", code.length()));
    return tokens;
  }

  private static String operator(String code, int at) {
    for (String operator : LONG_OPERATORS) {
      if (code.startsWith(operator, at)) {
        return operator;
      }
    }
    if (OPERATORS.indexOf(code.charAt(at)) < 0) {
      throw new JinjaFailure("unexpected character '" + code.charAt(at) + "' in " + code.strip());
    }
    return code.substring(at, at + 1);
  }

  private static Token number(String code, int at, boolean index) {
    int prefix = at + 1 < code.length() && code.charAt(at) == '0' && !index ? "bBoOxX".indexOf(code.charAt(at + 1))
        : -1;
    if (prefix >= 0) {
      int last = at + 2;
      while (last < code.length() && (Character.digit(code.charAt(last), 16) >= 0 || code.charAt(last) == '_')) {
        last++;
      }
      try {
        long value = Long.parseLong(code.substring(at + 2, last).replace("_", ""), new int[] {2, 8, 16}[prefix / 2]);
        return new Token(Kind.INTEGER, Long.toString(value), last);
      } catch (NumberFormatException e) {
        throw new JinjaFailure("the number " + code.substring(at, last) + " cannot be read");
      }
    }
    int end = digits(code, at);
    boolean isFloat = false;
    if (!index) {
      if (end + 1 < code.length() && code.charAt(end) == '.' && Character.isDigit(code.charAt(end + 1))) {
        end = digits(code, end + 1);
        isFloat = true;
      }
      if (end < code.length() && (code.charAt(end) == 'e' || code.charAt(end) == 'E')) {
        int exponent = end + 1;
        if (exponent < code.length() && (code.charAt(exponent) == '+' || code.charAt(exponent) == '-')) {
          exponent++;
        }
        if (exponent < code.length() && Character.isDigit(code.charAt(exponent))) {
          end = digits(code, exponent);
          isFloat = true;
        }
      }
    }
    return new Token(isFloat ? Kind.FLOAT : Kind.INTEGER, code.substring(at, end).replace("_", ""), end);
  }

  private static int digits(String code, int at) {
    while (at < code.length() && (Character.isDigit(code.charAt(at)) || code.charAt(at) == '_')) {
      at++;
    }
    return at;
  }

  /** The string literal that begins at {@code at}, its escapes resolved as Python resolves them. */
  static Token string(String code, int at) {
    char quote = code.charAt(at);
    StringBuilder value = new StringBuilder();
    int i = at + 1;
    while (i < code.length() && code.charAt(i) != quote) {
      char c = code.charAt(i++);
      if (c != '\\' || i == code.length()) {
        value.append(c);
        continue;
      }
      char escape = code.charAt(i++);
      switch (escape) {
        case 'n' -> value.append('\n');
        case 't' -> value.append('\t');
        case 'r' -> value.append('\r');
        case 'a' -> value.append('\u0007');
        case 'b' -> value.append('\b');
        case 'f' -> value.append('\f');
        case 'v' -> value.append('\u000b');
        case '\n' -> { }
        case '\\', '\'', '"' -> value.append(escape);
        case 'x', 'u', 'U' -> {
          int length = escape == 'x' ? 2 : escape == 'u' ? 4 : 8;
          if (i + length > code.length()) {
            throw new JinjaFailure("a string has a broken \\" + escape + " escape");
          }
          try {
            value.appendCodePoint(Integer.parseInt(code.substring(i, i + length), 16));
          } catch (IllegalArgumentException e) {
            throw new JinjaFailure("a string has a broken \\" + escape + " escape");
          }
          i += length;
        }
        case '0', '1', '2', '3', '4', '5', '6', '7' -> {
          int code8 = escape - '0';
          for (int n = 1; n < 3 && i < code.length() && code.charAt(i) >= '0' && code.charAt(i) <= '7'; n++) {
            code8 = 8 * code8 + code.charAt(i++) - '0';
          }
          value.append((char) code8);
        }
        default -> value.append('\\').append(escape);
      }
    }
    if (i >= code.length()) {
      throw new JinjaFailure("a string has no end");
    }
    return new Token(Kind.STRING, value.toString(), i + 1);
  }
}
