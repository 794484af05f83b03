// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import io.winnow.inference.tokenizer.JinjaValues.Tuple;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Values as text: Python's % formatting, str.format, and json.dumps. */
final class JinjaFormat {
  private static final Pattern PERCENT =
      Pattern.compile("%(?:\\((\\w+)\\))?([-+ 0#]*)(\\d*)(?:\\.(\\d+))?([sdiufFgrxXc%])");
  private static final Pattern SPEC = Pattern.compile("(?:(.)?([<>^]))?([+ ]?)(0?)(\\d*)(,?)(?:\\.(\\d+))?([sdfxX%]?)");
  private static final int MAX_WIDTH = 10_000;

  private JinjaFormat() {}

  static String percent(String format, Object values) {
    List<?> list = values instanceof Tuple tuple ? tuple : List.of(values);
    Matcher matcher = PERCENT.matcher(format);
    StringBuilder out = new StringBuilder();
    int used = 0;
    int at = 0;
    while (matcher.find()) {
      out.append(format, at, matcher.start());
      at = matcher.end();
      String kind = matcher.group(5);
      if (kind.equals("%")) {
        out.append('%');
        continue;
      }
      Object value;
      if (matcher.group(1) != null) {
        value = JinjaOperators.item(values, matcher.group(1));
      } else if (used < list.size()) {
        value = list.get(used++);
      } else {
        throw new JinjaFailure("a % format has more places than values");
      }
      String precision = matcher.group(4);
      String text =
          switch (kind) {
            case "s" -> JinjaValues.str(value);
            case "r" -> JinjaValues.repr(value);
            case "c" -> value instanceof Long c ? Character.toString(c.intValue()) : JinjaValues.str(value);
            case "x", "X" -> {
              String hex = Long.toHexString(JinjaValues.integer(value, "a hexadecimal"));
              yield kind.equals("x") ? hex : hex.toUpperCase(java.util.Locale.ROOT);
            }
            case "d", "i", "u" -> Long.toString((long) numeric(value));
            case "g" -> JinjaValues.str(value);
            default -> fixed(numeric(value), precision == null ? 6 : width(precision));
          };
      if ((kind.equals("s") || kind.equals("r")) && precision != null) {
        text = text.substring(0, Math.min(text.length(), width(precision)));
      }
      out.append(pad(text, width(matcher.group(3)), matcher.group(2)));
    }
    return out.append(format.substring(at)).toString();
  }

  private static String pad(String text, int width, String flags) {
    String signed = flags.contains("+") && !text.startsWith("-") ? "+" + text : text;
    String fill = " ".repeat(Math.max(0, width - signed.length()));
    if (flags.contains("-")) {
      return signed + fill;
    }
    boolean negative = signed.startsWith("-") || signed.startsWith("+");
    return flags.contains("0")
        ? (negative ? signed.substring(0, 1) : "") + fill.replace(' ', '0') + signed.substring(negative ? 1 : 0)
        : fill + signed;
  }

  private static int width(String digits) {
    if (digits.isEmpty()) {
      return 0;
    }
    if (digits.length() > 5 || Integer.parseInt(digits) > MAX_WIDTH) {
      throw new JinjaFailure("a format asks for a width of " + digits);
    }
    return Integer.parseInt(digits);
  }

  private static double numeric(Object value) {
    if (!JinjaValues.isNumber(value)) {
      throw new JinjaFailure("a format needs a number, not " + JinjaValues.typeName(value));
    }
    return JinjaValues.number(value);
  }

  private static String fixed(double value, int digits) {
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      return JinjaValues.reprDouble(value);
    }
    return new BigDecimal(value).setScale(digits, RoundingMode.HALF_EVEN).toPlainString();
  }

  /** {@code str.format} with positions, names, fields, indexes and the common format specifications. */
  static String braces(String format, List<Object> args, Map<String, Object> named) {
    StringBuilder out = new StringBuilder();
    int automatic = 0;
    boolean counted = false;
    boolean numbered = false;
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if ((c == '{' || c == '}') && i + 1 < format.length() && format.charAt(i + 1) == c) {
        out.append(c);
        i++;
      } else if (c == '{') {
        int close = format.indexOf('}', i);
        if (close < 0) {
          throw new JinjaFailure("a format has a { without }");
        }
        String field = format.substring(i + 1, close);
        int colon = field.indexOf(':');
        String spec = colon < 0 ? "" : field.substring(colon + 1);
        String path = (colon < 0 ? field : field.substring(0, colon)).replaceFirst("!s$", "");
        boolean repr = path.endsWith("!r");
        path = path.replaceFirst("!r$", "");
        String[] steps = path.split("[.\\[]", -1);
        Object value;
        if (steps[0].isEmpty() || steps[0].chars().allMatch(Character::isDigit)) {
          counted |= steps[0].isEmpty();
          numbered |= !steps[0].isEmpty();
          if (counted && numbered) {
            throw new JinjaFailure("a format mixes {} with numbered places");
          }
          int index = steps[0].isEmpty() ? automatic++ : width(steps[0]);
          if (index >= args.size()) {
            throw new JinjaFailure("a format has more places than values");
          }
          value = args.get(index);
        } else if (named.containsKey(steps[0])) {
          value = named.get(steps[0]);
        } else {
          throw new JinjaFailure("a format names the missing value " + steps[0]);
        }
        for (int s = 1; s < steps.length; s++) {
          String step = steps[s].replace("]", "");
          value = JinjaOperators.item(value, step.matches("\\d{1,9}") ? (Object) Long.parseLong(step) : step);
        }
        out.append(spec(repr ? JinjaValues.repr(value) : value, spec));
        i = close;
      } else if (c == '}') {
        throw new JinjaFailure("a format has a } without {");
      } else {
        out.append(c);
      }
    }
    return out.toString();
  }

  private static String spec(Object value, String spec) {
    Matcher m = SPEC.matcher(spec);
    if (!m.matches()) {
      throw new JinjaFailure("the format '" + spec + "' is not known");
    }
    String text;
    String kind = m.group(8);
    if (value instanceof String || kind.equals("s") || !JinjaValues.isNumber(value)) {
      text = JinjaValues.str(value);
      text = m.group(7) == null ? text : text.substring(0, Math.min(text.length(), width(m.group(7))));
    } else if (kind.equals("x") || kind.equals("X")) {
      text = Long.toHexString(JinjaValues.integer(value, "a hexadecimal"));
      text = kind.equals("X") ? text.toUpperCase(java.util.Locale.ROOT) : text;
    } else if (kind.equals("%")) {
      text = fixed(100 * numeric(value), m.group(7) == null ? 6 : width(m.group(7))) + "%";
    } else if (kind.equals("f") || m.group(7) != null) {
      text = fixed(numeric(value), m.group(7) == null ? 6 : width(m.group(7)));
    } else {
      text = value instanceof Boolean ? Long.toString((long) numeric(value)) : JinjaValues.str(value);
    }
    if (!m.group(6).isEmpty()) {
      int point = text.indexOf('.');
      String whole = point < 0 ? text : text.substring(0, point);
      text = whole.replaceAll("(?<=\\d)(?=(\\d{3})+$)", ",") + (point < 0 ? "" : text.substring(point));
    }
    String align = m.group(2) == null ? (JinjaValues.isNumber(value) ? ">" : "<") : m.group(2);
    String fill = m.group(1) == null ? (m.group(4).isEmpty() ? " " : "0") : m.group(1);
    int missing = Math.max(0, width(m.group(5)) - text.length());
    int left = align.equals("<") ? 0 : align.equals(">") ? missing : missing / 2;
    return fill.repeat(left) + (m.group(3).equals("+") && !text.startsWith("-") ? "+" : "") + text
        + fill.repeat(missing - left);
  }

  /** Python's {@code json.dumps(value, ensure_ascii=False, …)}, which transformers puts in place of Jinja's tojson. */
  static String json(Object value, List<Object> args, Map<String, Object> named) {
    Object indent = named.getOrDefault("indent", args.size() > 1 ? args.get(1) : JinjaValues.NONE);
    Object separators = named.getOrDefault("separators", args.size() > 2 ? args.get(2) : JinjaValues.NONE);
    boolean ascii =
        JinjaValues.truth(named.getOrDefault("ensure_ascii", !args.isEmpty() && JinjaValues.truth(args.get(0))));
    boolean sorted = JinjaValues.truth(named.getOrDefault("sort_keys", args.size() > 3 ? args.get(3) : false));
    String unit =
        indent == JinjaValues.NONE ? null
            : indent instanceof String text ? text
            : " ".repeat((int) Math.max(0, Math.min(100, JinjaValues.integer(indent, "indent"))));
    String itemSeparator = unit == null ? ", " : ",";
    String keySeparator = ": ";
    if (separators instanceof List<?> pair && pair.size() == 2) {
      itemSeparator = JinjaValues.str(pair.get(0));
      keySeparator = JinjaValues.str(pair.get(1));
    }
    StringBuilder out = new StringBuilder();
    new Json(out, unit, itemSeparator, keySeparator, ascii, sorted).write(value, 0);
    return out.toString();
  }

  private record Json(
      StringBuilder out, String unit, String itemSeparator, String keySeparator, boolean ascii, boolean sorted) {

    void write(Object value, int depth) {
      if (depth > 200) {
        throw new JinjaFailure("a value is nested too deep for JSON");
      }
      if (value instanceof String text) {
        string(text);
      } else if (value instanceof Boolean || value == JinjaValues.NONE) {
        out.append(value == JinjaValues.NONE ? "null" : value.toString());
      } else if (value instanceof Double d) {
        out.append(Double.isNaN(d) ? "NaN" : Double.isInfinite(d) ? (d > 0 ? "Infinity" : "-Infinity")
            : JinjaValues.repr(d));
      } else if (value instanceof Long) {
        out.append(value);
      } else if (value instanceof Map<?, ?> map) {
        List<Map.Entry<?, ?>> entries = new ArrayList<>(map.entrySet());
        if (sorted) {
          entries.sort((a, b) -> JinjaValues.compare(a.getKey(), b.getKey()));
        }
        out.append('{');
        for (int i = 0; i < entries.size(); i++) {
          between(i, depth);
          Object key = entries.get(i).getKey();
          if (key instanceof String text) {
            string(text);
          } else {
            out.append('"');
            write(key, depth + 1);
            out.append('"');
          }
          out.append(keySeparator);
          write(entries.get(i).getValue(), depth + 1);
        }
        close(entries.isEmpty(), depth, '}');
      } else if (value instanceof List<?> list) {
        out.append('[');
        for (int i = 0; i < list.size(); i++) {
          between(i, depth);
          write(list.get(i), depth + 1);
        }
        close(list.isEmpty(), depth, ']');
      } else {
        throw new JinjaFailure(
            "a value of the type " + JinjaValues.typeName(value) + " cannot be JSON" + JinjaValues.undefined(value));
      }
    }

    private void between(int index, int depth) {
      out.append(index == 0 ? "" : itemSeparator);
      line(depth + 1);
    }

    private void close(boolean empty, int depth, char bracket) {
      if (!empty) {
        line(depth);
      }
      out.append(bracket);
    }

    private void line(int depth) {
      if (unit != null) {
        out.append('\n').append(unit.repeat(depth));
      }
    }

    private void string(String text) {
      out.append('"');
      for (int i = 0; i < text.length(); i++) {
        char c = text.charAt(i);
        switch (c) {
          case '"' -> out.append("\\\"");
          case '\\' -> out.append("\\\\");
          case '\n' -> out.append("\\n");
          case '\r' -> out.append("\\r");
          case '\t' -> out.append("\\t");
          case '\b' -> out.append("\\b");
          case '\f' -> out.append("\\f");
          default -> {
            if (c < ' ' || ascii && c > '~') {
              out.append(String.format("\\u%04x", (int) c));
            } else {
              out.append(c);
            }
          }
        }
      }
      out.append('"');
    }
  }
}
