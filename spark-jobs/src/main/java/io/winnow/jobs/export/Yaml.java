// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import java.util.List;
import java.util.Locale;
import java.util.Set;

/** The YAML at the head of a card: block style, texts in double quotes wherever another reading were possible. */
final class Yaml {
  private static final Set<String> WORDS = Set.of("true", "false", "yes", "no", "on", "off", "null", "y", "n");

  private final StringBuilder out = new StringBuilder();

  Yaml line(int indent, String text) {
    out.append(" ".repeat(indent)).append(text).append('\n');
    return this;
  }

  Yaml list(String name, List<String> values) {
    if (!values.isEmpty()) {
      line(0, name + ":");
      values.forEach(value -> line(0, "- " + text(value)));
    }
    return this;
  }

  /** A text that YAML 1.1 and 1.2 read as just this text. */
  static String text(String value) {
    boolean plain = value.matches("[A-Za-z_][A-Za-z0-9_.-]*") && !WORDS.contains(value.toLowerCase(Locale.ROOT));
    if (plain) {
      return value;
    }
    StringBuilder quoted = new StringBuilder("\"");
    JsonText.whole(value).codePoints().forEach(c -> quoted.append(escaped(c)));
    return quoted.append('"').toString();
  }

  private static String escaped(int c) {
    return switch (c) {
      case '"' -> "\\\"";
      case '\\' -> "\\\\";
      case '\n' -> "\\n";
      case '\r' -> "\\r";
      case '\t' -> "\\t";
      default -> {
        boolean control = c < 0x20 || c >= 0x7F && c < 0xA0;
        boolean unseen = c == 0x2028 || c == 0x2029 || c == 0xFEFF || c == 0xFFFE || c == 0xFFFF;
        yield control || unseen ? String.format("\\u%04X", c) : Character.toString(c);
      }
    };
  }

  /** The features of columns, as Hugging Face's datasets writes them. */
  Yaml features(int indent, List<ExportColumn> columns) {
    columns.forEach(column -> feature(indent, column.name(), column.type()));
    return this;
  }

  private void feature(int indent, String name, ColumnType type) {
    line(indent, "- name: " + text(name));
    type(indent + 2, type);
  }

  private void type(int indent, ColumnType type) {
    if (type instanceof ColumnType.Scalar scalar) {
      line(indent, "dtype: " + scalar.dtype());
    } else if (type instanceof ColumnType.Struct struct) {
      line(indent, "struct:");
      fields(indent, struct);
    } else if (type instanceof ColumnType.ListOf list) {
      if (list.element() instanceof ColumnType.Scalar scalar) {
        line(indent, "list: " + scalar.dtype());
      } else if (list.element() instanceof ColumnType.Struct struct) {
        line(indent, "list:");
        fields(indent, struct);
      } else {
        line(indent, "list:");
        type(indent + 2, list.element());
      }
    }
  }

  private void fields(int indent, ColumnType.Struct struct) {
    struct.fields().forEach(field -> feature(indent, field.name(), field.type()));
  }

  @Override
  public String toString() {
    return out.toString();
  }
}
