// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Python's values and their meaning, as far as templates see them: String, Long, Double, Boolean, {@link #NONE}, List,
 * {@link Tuple}, Map, {@link Undefined}, {@link Callable} and {@link Attributes}. No other Java object is ever
 * reachable from a template.
 */
final class JinjaValues {
  /** Python's None. */
  static final Object NONE =
      new Object() {
        @Override
        public String toString() {
          return "None";
        }
      };

  /** A name or field that is not there: prints as nothing, is false, and fails in most other uses. */
  record Undefined(String why) {}

  /** Something that can be called. */
  interface Callable {
    Object call(List<Object> args, Map<String, Object> named);
  }

  /** Something with fields, such as {@code loop}; Undefined for those it has not. */
  interface Attributes {
    Object attribute(String name);
  }

  /** An immutable list that prints in round brackets. */
  static final class Tuple extends AbstractList<Object> {
    private final List<Object> items;
    private final List<String> names;

    Tuple(List<Object> items) {
      this(items, List.of());
    }

    /** @param names what the items are called, in their order */
    Tuple(List<Object> items, List<String> names) {
      this.items = items;
      this.names = names;
    }

    /** The item of that name, or null. */
    Object named(String name) {
      return names.contains(name) ? items.get(names.indexOf(name)) : null;
    }

    @Override
    public Object get(int index) {
      return items.get(index);
    }

    @Override
    public int size() {
      return items.size();
    }
  }

  /** {@code namespace(…)}: the one thing that {@code set} can change across scopes. */
  static final class Namespace implements Attributes {
    final Map<String, Object> fields = new LinkedHashMap<>();

    @Override
    public Object attribute(String name) {
      return fields.getOrDefault(name, new Undefined("the namespace has no field " + name));
    }
  }

  private JinjaValues() {}

  /** Java values of JSON, messages and arguments as template values; anything unknown becomes its text. */
  static Object of(Object value) {
    if (value == null) {
      return NONE;
    }
    if (value instanceof String || value instanceof Boolean || value instanceof Long || value instanceof Double
        || value instanceof Callable || value == NONE) {
      return value;
    }
    if (value instanceof Integer || value instanceof Short || value instanceof Byte) {
      return ((Number) value).longValue();
    }
    if (value instanceof Number number) {
      return number.doubleValue();
    }
    if (value instanceof Map<?, ?> map) {
      Map<Object, Object> copy = new LinkedHashMap<>();
      map.forEach((k, v) -> copy.put(k instanceof String ? k : of(k), of(v)));
      return copy;
    }
    if (value instanceof Iterable<?> items) {
      List<Object> copy = new ArrayList<>();
      items.forEach(item -> copy.add(of(item)));
      return copy;
    }
    return value.toString();
  }

  static boolean truth(Object value) {
    if (value instanceof Boolean b) {
      return b;
    }
    if (value == NONE || value instanceof Undefined) {
      return false;
    }
    if (value instanceof String s) {
      return !s.isEmpty();
    }
    if (value instanceof Number n) {
      return n.doubleValue() != 0;
    }
    if (value instanceof List<?> list) {
      return !list.isEmpty();
    }
    return !(value instanceof Map<?, ?> map) || !map.isEmpty();
  }

  static boolean isNumber(Object value) {
    return value instanceof Number || value instanceof Boolean;
  }

  /** Booleans are numbers in Python. */
  static double number(Object value) {
    return value instanceof Boolean b ? (b ? 1 : 0) : ((Number) value).doubleValue();
  }

  static long integer(Object value, String what) {
    if (value instanceof Boolean b) {
      return b ? 1 : 0;
    }
    if (value instanceof Long n) {
      return n;
    }
    throw new JinjaFailure(what + " must be a whole number, not " + typeName(value));
  }

  static boolean equal(Object a, Object b) {
    if (isNumber(a) && isNumber(b)) {
      return number(a) == number(b);
    }
    if (a instanceof List<?> x && b instanceof List<?> y) {
      if (x instanceof Tuple != y instanceof Tuple || x.size() != y.size()) {
        return false;
      }
      for (int i = 0; i < x.size(); i++) {
        if (!equal(x.get(i), y.get(i))) {
          return false;
        }
      }
      return true;
    }
    if (a instanceof Map<?, ?> x && b instanceof Map<?, ?> y) {
      return x.size() == y.size()
          && x.entrySet().stream().allMatch(e -> y.containsKey(e.getKey()) && equal(e.getValue(), y.get(e.getKey())));
    }
    if (a instanceof Undefined && b instanceof Undefined) {
      return true;
    }
    return Objects.equals(a, b);
  }

  static int compare(Object a, Object b) {
    if (isNumber(a) && isNumber(b)) {
      return Double.compare(number(a), number(b));
    }
    if (a instanceof String x && b instanceof String y) {
      int[] left = x.codePoints().toArray();
      int[] right = y.codePoints().toArray();
      return java.util.Arrays.compare(left, right);
    }
    if (a instanceof List<?> x && b instanceof List<?> y) {
      for (int i = 0; i < Math.min(x.size(), y.size()); i++) {
        if (!equal(x.get(i), y.get(i))) {
          return compare(x.get(i), y.get(i));
        }
      }
      return Integer.compare(x.size(), y.size());
    }
    throw new JinjaFailure(
        "values of the types " + typeName(a) + " and " + typeName(b) + " cannot be put in an order" + undefined(a, b));
  }

  static boolean contains(Object container, Object item) {
    if (container instanceof String text) {
      if (!(item instanceof String part)) {
        throw new JinjaFailure("only a string can be looked for in a string, not " + typeName(item));
      }
      return text.contains(part);
    }
    if (container instanceof Map<?, ?> map) {
      return map.containsKey(item);
    }
    if (container instanceof Undefined) {
      return false;
    }
    return items(container).stream().anyMatch(other -> equal(other, item));
  }

  /** What a loop over the value sees. */
  static List<Object> items(Object value) {
    if (value instanceof List<?> list) {
      return new ArrayList<>(list);
    }
    if (value instanceof Map<?, ?> map) {
      return new ArrayList<>(map.keySet());
    }
    if (value instanceof String text) {
      List<Object> characters = new ArrayList<>();
      text.codePoints().forEach(c -> characters.add(Character.toString(c)));
      return characters;
    }
    if (value instanceof Undefined) {
      return new ArrayList<>();
    }
    throw new JinjaFailure("a value of the type " + typeName(value) + " has no items");
  }

  static int length(Object value) {
    if (value instanceof String text) {
      return text.codePointCount(0, text.length());
    }
    return value instanceof Map<?, ?> map ? map.size() : items(value).size();
  }

  static String typeName(Object value) {
    if (value instanceof String) {
      return "str";
    }
    if (value instanceof Boolean) {
      return "bool";
    }
    if (value instanceof Long) {
      return "int";
    }
    if (value instanceof Double) {
      return "float";
    }
    if (value == NONE) {
      return "NoneType";
    }
    if (value instanceof Tuple) {
      return "tuple";
    }
    if (value instanceof List) {
      return "list";
    }
    return value instanceof Map ? "dict" : value instanceof Undefined ? "undefined" : "object";
  }

  /** Why one of them is undefined, for the end of a message. */
  static String undefined(Object... values) {
    for (Object value : values) {
      if (value instanceof Undefined undefined) {
        return " (" + undefined.why() + ")";
      }
    }
    return "";
  }

  /** Python's {@code str(value)}. */
  static String str(Object value) {
    return value instanceof String text ? text : value instanceof Undefined ? "" : repr(value);
  }

  /** Python's {@code repr(value)}. */
  static String repr(Object value) {
    if (value instanceof String text) {
      return reprString(text);
    }
    if (value instanceof Boolean b) {
      return b ? "True" : "False";
    }
    if (value instanceof Double d) {
      return reprDouble(d);
    }
    if (value instanceof List<?> list) {
      StringBuilder out = new StringBuilder(list instanceof Tuple ? "(" : "[");
      for (int i = 0; i < list.size(); i++) {
        out.append(i == 0 ? "" : ", ").append(repr(list.get(i)));
      }
      return out.append(list instanceof Tuple ? (list.size() == 1 ? ",)" : ")") : "]").toString();
    }
    if (value instanceof Map<?, ?> map) {
      StringBuilder out = new StringBuilder("{");
      map.forEach((k, v) -> out.append(out.length() == 1 ? "" : ", ").append(repr(k)).append(": ").append(repr(v)));
      return out.append('}').toString();
    }
    if (value instanceof Undefined) {
      return "Undefined";
    }
    return value instanceof Callable || value instanceof Attributes ? "<object>" : value.toString();
  }

  private static String reprString(String text) {
    char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    StringBuilder out = new StringBuilder().append(quote);
    text.codePoints()
        .forEach(
            c -> {
              if (c == quote || c == '\\') {
                out.append('\\').appendCodePoint(c);
              } else if (c == '\n') {
                out.append("\\n");
              } else if (c == '\r') {
                out.append("\\r");
              } else if (c == '\t') {
                out.append("\\t");
              } else if (isPrintable(c)) {
                out.appendCodePoint(c);
              } else {
                out.append(c < 0x100 ? String.format("\\x%02x", c)
                    : c < 0x10000 ? String.format("\\u%04x", c) : String.format("\\U%08x", c));
              }
            });
    return out.append(quote).toString();
  }

  private static boolean isPrintable(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE, Character.UNASSIGNED,
          Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> false;
      case Character.SPACE_SEPARATOR -> c == ' ';
      default -> true;
    };
  }

  /** The shortest decimal that gives the number back, in Python's layout. */
  static String reprDouble(double d) {
    if (Double.isNaN(d) || Double.isInfinite(d)) {
      return Double.isNaN(d) ? "nan" : d > 0 ? "inf" : "-inf";
    }
    if (d == 0) {
      return 1 / d < 0 ? "-0.0" : "0.0";
    }
    BigDecimal shortest = new BigDecimal(d);
    for (int digits = 1; digits <= 17; digits++) {
      BigDecimal rounded = new BigDecimal(d).round(new MathContext(digits));
      if (rounded.doubleValue() == d) {
        shortest = rounded.stripTrailingZeros();
        break;
      }
    }
    int exponent = shortest.precision() - shortest.scale() - 1;
    if (exponent >= -4 && exponent < 16) {
      String plain = shortest.toPlainString();
      return plain.indexOf('.') < 0 ? plain + ".0" : plain;
    }
    String digits = shortest.unscaledValue().abs().toString();
    String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
    return String.format(
        "%s%s%se%s%02d", d < 0 ? "-" : "", digits.charAt(0), fraction, exponent < 0 ? "-" : "+", Math.abs(exponent));
  }
}
