// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import java.util.List;

/**
 * Brings a template into a plain form that any Jinja scanner reads alike: whitespace control ({@code -}, {@code +},
 * trim_blocks, lstrip_blocks, one trailing newline) is carried out, comments are gone, raw blocks and braces in text
 * and in string literals become escapes, and nested closing braces stand apart.
 *
 * <p>The rules are those of Jinja2's lexer with {@code trim_blocks} and {@code lstrip_blocks}, which is how
 * transformers sets it up.
 */
final class JinjaSource {
  private final String source;
  private final StringBuilder out = new StringBuilder();
  private int at;
  private boolean lineStarting = true;

  private JinjaSource(String source) {
    this.source = source;
  }

  /** @throws JinjaFailure when a tag, comment or raw block has no end */
  static String plain(String template) {
    String unix = template.replace("\r\n", "\n").replace('\r', '\n');
    return new JinjaSource(unix.endsWith("\n") ? unix.substring(0, unix.length() - 1) : unix).rewrite();
  }

  private String rewrite() {
    while (at < source.length()) {
      int open = nextOpen(at);
      if (open < 0) {
        text(source.substring(at));
        break;
      }
      char kind = source.charAt(open + 1);
      String before = source.substring(at, open);
      at = open + 2;
      char sign = at < source.length() ? source.charAt(at) : ' ';
      boolean signed = sign == '-' || sign == '+';
      text(beforeTag(before, kind, sign));
      if (signed) {
        at++;
      }
      switch (kind) {
        case '#' -> comment();
        case '{' -> code(kind, "}}");
        default -> {
          if (!raw()) {
            code(kind, "%}");
          }
        }
      }
    }
    return out.toString();
  }

  private int nextOpen(int from) {
    for (int i = source.indexOf('{', from); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
      char next = source.charAt(i + 1);
      if (next == '{' || next == '%' || next == '#') {
        return i;
      }
    }
    return -1;
  }

  private String beforeTag(String text, char kind, char sign) {
    if (sign == '-') {
      return text.stripTrailing();
    }
    if (sign != '+' && kind != '{') {
      int line = text.lastIndexOf('\n') + 1;
      if ((line > 0 || lineStarting) && text.substring(line).isBlank()) {
        return text.substring(0, line);
      }
    }
    return text;
  }

  /** After a closing tag: {@code -} eats all whitespace, blocks and comments eat one newline. */
  private void afterTag(char sign, boolean eatsNewline) {
    int begin = at;
    if (sign == '-') {
      while (at < source.length() && Character.isWhitespace(source.charAt(at))) {
        at++;
      }
    } else if (sign != '+' && eatsNewline && at < source.length() && source.charAt(at) == '\n') {
      at++;
    }
    lineStarting = at > begin && source.charAt(at - 1) == '\n';
  }

  private void comment() {
    int close = source.indexOf("#}", at);
    if (close < 0) {
      throw new JinjaFailure("a comment has no end");
    }
    char sign = close > at ? source.charAt(close - 1) : ' ';
    at = close + 2;
    afterTag(sign, true);
  }

  /** The whole raw block, where the tag just opened begins one. */
  private boolean raw() {
    int i = skipSpace(at);
    if (!source.startsWith("raw", i)) {
      return false;
    }
    i = skipSpace(i + 3);
    char sign = i < source.length() ? source.charAt(i) : ' ';
    if (sign == '-' || sign == '+') {
      i++;
    }
    if (!source.startsWith("%}", i)) {
      return false;
    }
    at = i + 2;
    afterTag(sign, false);
    for (int open = source.indexOf("{%", at); open >= 0; open = source.indexOf("{%", open + 2)) {
      int j = open + 2;
      char before = j < source.length() ? source.charAt(j) : ' ';
      j = skipSpace(before == '-' || before == '+' ? j + 1 : j);
      if (!source.startsWith("endraw", j)) {
        continue;
      }
      j = skipSpace(j + 6);
      char after = j < source.length() ? source.charAt(j) : ' ';
      if (after == '-' || after == '+') {
        j++;
      }
      if (source.startsWith("%}", j)) {
        text(beforeTag(source.substring(at, open), '%', before));
        at = j + 2;
        afterTag(after, true);
        return true;
      }
    }
    throw new JinjaFailure("a raw block has no end");
  }

  private int skipSpace(int i) {
    while (i < source.length() && Character.isWhitespace(source.charAt(i))) {
      i++;
    }
    return i;
  }

  /** One tag's code up to {@code close}; braces that it opens itself do not close the tag. */
  private void code(char kind, String close) {
    // Brackets keep a sign at the start of an expression from being read as whitespace control.
    out.append('{').append(kind).append(kind == '{' ? " (" : " ");
    int depth = 0;
    int begin = out.length();
    while (true) {
      if (at >= source.length()) {
        throw new JinjaFailure("a tag has no end: " + close + " is missing");
      }
      char c = source.charAt(at);
      if (depth == 0) {
        boolean signed = (c == '-' || c == '+' && kind == '%') && source.startsWith(close, at + 1);
        if (signed || source.startsWith(close, at)) {
          at += signed ? 3 : 2;
          if (out.substring(begin).isBlank()) {
            throw new JinjaFailure("a tag is empty");
          }
          out.append(kind == '{' ? ") " : " ").append(close);
          afterTag(signed ? c : ' ', kind == '%');
          return;
        }
      }
      if (c == '\'' || c == '"') {
        JinjaLexer.Token string = JinjaLexer.string(source, at);
        literal(string.text());
        at = string.end();
        continue;
      }
      at++;
      if ("({[".indexOf(c) >= 0) {
        depth++;
      } else if (")}]".indexOf(c) >= 0) {
        depth--;
      }
      out.append(c == '\n' || c == '\t' ? ' ' : c);
      if ("{}%#".indexOf(c) >= 0) {
        out.append(' ');
      }
    }
  }

  private void text(String text) {
    if (text.indexOf('{') < 0 && text.indexOf('}') < 0) {
      out.append(text);
      return;
    }
    out.append("{{ ");
    literal(text);
    out.append(" }}");
  }

  /** A string literal without anything that a scanner could take for a tag. */
  private void literal(String value) {
    out.append('\'');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c < ' ' || List.of('{', '}', '%', '#', '\'', '"', '\\', '-').contains(c)) {
        out.append(String.format("\\x%02x", (int) c));
      } else {
        out.append(c);
      }
    }
    out.append('\'');
  }
}
