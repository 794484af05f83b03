// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import static io.winnow.inference.tokenizer.JinjaValues.NONE;
import static io.winnow.inference.tokenizer.JinjaValues.str;

import io.winnow.inference.tokenizer.JinjaValues.Callable;
import io.winnow.inference.tokenizer.JinjaValues.Tuple;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntPredicate;

/**
 * Methods of Python's str, dict and list that change nothing; those that change a list or dict are not there, as in the
 * immutable sandbox that transformers uses.
 */
final class JinjaMethods {
  private interface Method<T> {
    Object call(T self, List<Object> args, Map<String, Object> named);
  }

  private static final Map<String, Method<String>> STRING = new LinkedHashMap<>();
  private static final Map<String, Method<Map<?, ?>>> DICT = new LinkedHashMap<>();
  private static final Map<String, Method<List<?>>> LIST = new LinkedHashMap<>();

  static {
    STRING.put("strip", (s, a, n) -> strip(s, arg(a, 0, NONE), true, true));
    STRING.put("lstrip", (s, a, n) -> strip(s, arg(a, 0, NONE), true, false));
    STRING.put("rstrip", (s, a, n) -> strip(s, arg(a, 0, NONE), false, true));
    STRING.put("upper", (s, a, n) -> s.toUpperCase(Locale.ROOT));
    STRING.put("lower", (s, a, n) -> s.toLowerCase(Locale.ROOT));
    STRING.put("casefold", (s, a, n) -> s.toUpperCase(Locale.ROOT).toLowerCase(Locale.ROOT));
    STRING.put("title", (s, a, n) -> title(s));
    STRING.put("capitalize", (s, a, n) -> capitalize(s));
    STRING.put("swapcase", (s, a, n) -> swapCase(s));
    STRING.put("split", (s, a, n) -> split(s, option(a, n, 0, "sep", NONE), option(a, n, 1, "maxsplit", -1L), false));
    STRING.put("rsplit", (s, a, n) -> split(s, option(a, n, 0, "sep", NONE), option(a, n, 1, "maxsplit", -1L), true));
    STRING.put("splitlines", (s, a, n) -> lines(s, JinjaValues.truth(option(a, n, 0, "keepends", false))));
    STRING.put("startswith", (s, a, n) -> anyOf(arg(a, 0, null), "startswith", p -> from(s, a).startsWith(p)));
    STRING.put("endswith", (s, a, n) -> anyOf(arg(a, 0, null), "endswith", p -> from(s, a).endsWith(p)));
    STRING.put("replace", (s, a, n) -> replace(s, text(a, 0, "replace"), text(a, 1, "replace"),
        arg(a, 2, n.getOrDefault("count", -1L))));
    STRING.put("find", (s, a, n) -> codePointIndex(s, s.indexOf(text(a, 0, "find"), start(s, a))));
    STRING.put("rfind", (s, a, n) -> codePointIndex(s, s.lastIndexOf(text(a, 0, "rfind"))));
    STRING.put("index", (s, a, n) -> found(codePointIndex(s, s.indexOf(text(a, 0, "index"), start(s, a)))));
    STRING.put("rindex", (s, a, n) -> found(codePointIndex(s, s.lastIndexOf(text(a, 0, "rindex")))));
    STRING.put("count", (s, a, n) -> count(s, text(a, 0, "count")));
    STRING.put("join", (s, a, n) -> join(s, JinjaValues.items(arg(a, 0, null))));
    STRING.put("format", JinjaFormat::braces);
    STRING.put("removeprefix", (s, a, n) -> s.startsWith(text(a, 0, "")) ? s.substring(text(a, 0, "").length()) : s);
    STRING.put(
        "removesuffix",
        (s, a, n) -> s.endsWith(text(a, 0, "")) ? s.substring(0, s.length() - text(a, 0, "").length()) : s);
    STRING.put("zfill", (s, a, n) -> zfill(s, arg(a, 0, 0L)));
    STRING.put("ljust", (s, a, n) -> pad(s, a, 0));
    STRING.put("rjust", (s, a, n) -> pad(s, a, 2));
    STRING.put("center", (s, a, n) -> pad(s, a, 1));
    STRING.put("partition", (s, a, n) -> partition(s, text(a, 0, "partition"), false));
    STRING.put("rpartition", (s, a, n) -> partition(s, text(a, 0, "rpartition"), true));
    STRING.put("expandtabs", (s, a, n) -> s.replace("\t", "        "));
    STRING.put("isdigit", (s, a, n) -> all(s, c -> Character.getType(c) == Character.DECIMAL_DIGIT_NUMBER));
    STRING.put("isdecimal", (s, a, n) -> all(s, c -> Character.getType(c) == Character.DECIMAL_DIGIT_NUMBER));
    STRING.put("isnumeric", (s, a, n) -> all(s, JinjaMethods::isNumeric));
    STRING.put("isalpha", (s, a, n) -> all(s, Character::isLetter));
    STRING.put("isalnum", (s, a, n) -> all(s, c -> Character.isLetter(c) || isNumeric(c)));
    STRING.put("isspace", (s, a, n) -> all(s, JinjaMethods::isSpace));
    STRING.put("isupper", (s, a, n) -> isCased(s, true));
    STRING.put("islower", (s, a, n) -> isCased(s, false));

    DICT.put("get", (m, a, n) -> m.containsKey(arg(a, 0, null)) ? m.get(a.get(0)) : arg(a, 1, NONE));
    DICT.put("keys", (m, a, n) -> new ArrayList<Object>(m.keySet()));
    DICT.put("values", (m, a, n) -> new ArrayList<Object>(m.values()));
    DICT.put("items", (m, a, n) -> pairs(m));
    DICT.put("copy", (m, a, n) -> new LinkedHashMap<Object, Object>(m));

    LIST.put("index", (l, a, n) -> found(index(l, arg(a, 0, null))));
    LIST.put("count", (l, a, n) -> l.stream().filter(o -> JinjaValues.equal(o, arg(a, 0, null))).count());
    LIST.put("copy", (l, a, n) -> new ArrayList<Object>(l));
  }

  private JinjaMethods() {}

  /** The method of that name bound to its object, or null. */
  static Callable of(Object object, String name) {
    if (object instanceof String self) {
      return bind(STRING.get(name), self);
    }
    if (object instanceof Map<?, ?> self) {
      return bind(DICT.get(name), self);
    }
    return object instanceof List<?> self ? bind(LIST.get(name), self) : null;
  }

  private static <T> Callable bind(Method<T> method, T self) {
    return method == null ? null : (args, named) -> method.call(self, args, named);
  }

  static Object arg(List<Object> args, int index, Object otherwise) {
    if (index < args.size()) {
      return args.get(index);
    }
    if (otherwise == null) {
      throw new JinjaFailure("a call has too few arguments");
    }
    return otherwise;
  }

  static Object option(List<Object> args, Map<String, Object> named, int index, String name, Object otherwise) {
    return named.containsKey(name) ? named.get(name) : arg(args, index, otherwise);
  }

  private static String text(List<Object> args, int index, String method) {
    if (arg(args, index, null) instanceof String text) {
      return text;
    }
    throw new JinjaFailure(
        "the method " + method + " needs a string, not " + JinjaValues.typeName(args.get(index))
            + JinjaValues.undefined(args.get(index)));
  }

  static List<Object> pairs(Map<?, ?> map) {
    List<Object> pairs = new ArrayList<>();
    map.forEach((k, v) -> pairs.add(new Tuple(List.of(k, v))));
    return pairs;
  }

  private static boolean isSpace(int c) {
    return Character.isWhitespace(c) || c == 0x85 || c == 0xa0 || c == 0x2007 || c == 0x202f;
  }

  private static boolean isNumeric(int c) {
    int type = Character.getType(c);
    return type == Character.DECIMAL_DIGIT_NUMBER || type == Character.OTHER_NUMBER || type == Character.LETTER_NUMBER;
  }

  private static boolean all(String s, IntPredicate test) {
    return !s.isEmpty() && s.codePoints().allMatch(test);
  }

  static boolean isCased(String s, boolean upper) {
    boolean any = false;
    for (int c : s.codePoints().toArray()) {
      if (upper ? Character.isLowerCase(c) || Character.isTitleCase(c)
          : Character.isUpperCase(c) || Character.isTitleCase(c)) {
        return false;
      }
      any |= upper ? Character.isUpperCase(c) : Character.isLowerCase(c);
    }
    return any;
  }

  static String strip(String s, Object chars, boolean left, boolean right) {
    if (chars != NONE && !(chars instanceof String)) {
      throw new JinjaFailure("strip needs a string, not " + JinjaValues.typeName(chars) + JinjaValues.undefined(chars));
    }
    IntPredicate strips = chars instanceof String set ? c -> set.indexOf(c) >= 0 : JinjaMethods::isSpace;
    int from = 0;
    int to = s.length();
    while (left && from < to && strips.test(s.codePointAt(from))) {
      from += Character.charCount(s.codePointAt(from));
    }
    while (right && to > from && strips.test(s.codePointBefore(to))) {
      to -= Character.charCount(s.codePointBefore(to));
    }
    return s.substring(from, to);
  }

  static String title(String s) {
    StringBuilder out = new StringBuilder();
    boolean inWord = false;
    for (int c : s.codePoints().toArray()) {
      out.appendCodePoint(inWord ? Character.toLowerCase(c) : Character.toTitleCase(c));
      inWord = Character.isLetter(c);
    }
    return out.toString();
  }

  static String capitalize(String s) {
    if (s.isEmpty()) {
      return s;
    }
    int first = Character.charCount(s.codePointAt(0));
    return s.substring(0, first).toUpperCase(Locale.ROOT) + s.substring(first).toLowerCase(Locale.ROOT);
  }

  private static String swapCase(String s) {
    StringBuilder out = new StringBuilder();
    s.codePoints()
        .forEach(c -> out.appendCodePoint(Character.isUpperCase(c) ? Character.toLowerCase(c)
            : Character.toUpperCase(c)));
    return out.toString();
  }

  static List<Object> split(String s, Object separator, Object limit, boolean fromRight) {
    long max = JinjaValues.integer(limit, "maxsplit");
    List<Object> parts = new ArrayList<>();
    String rest = s;
    if (separator == NONE) {
      boolean cutShort = false;
      rest = strip(s, NONE, !fromRight, fromRight);
      while (!rest.isEmpty()) {
        int cut = fromRight ? lastSpace(rest) : firstSpace(rest);
        cutShort = max >= 0 && parts.size() >= max;
        if (cut < 0 || cutShort) {
          break;
        }
        parts.add(fromRight ? 0 : parts.size(), fromRight ? rest.substring(cut + 1) : rest.substring(0, cut));
        rest = fromRight ? strip(rest.substring(0, cut), NONE, false, true)
            : strip(rest.substring(cut), NONE, true, false);
      }
      if (!rest.isEmpty()) {
        parts.add(fromRight ? 0 : parts.size(), cutShort ? rest : strip(rest, NONE, true, true));
      }
      return parts;
    }
    if (!(separator instanceof String by) || by.isEmpty()) {
      throw new JinjaFailure("split needs a separator that is not empty");
    }
    while (max < 0 || parts.size() < max) {
      int cut = fromRight ? rest.lastIndexOf(by) : rest.indexOf(by);
      if (cut < 0) {
        break;
      }
      parts.add(fromRight ? 0 : parts.size(), fromRight ? rest.substring(cut + by.length()) : rest.substring(0, cut));
      rest = fromRight ? rest.substring(0, cut) : rest.substring(cut + by.length());
    }
    parts.add(fromRight ? 0 : parts.size(), rest);
    return parts;
  }

  private static int firstSpace(String s) {
    for (int i = 0; i < s.length(); i++) {
      if (isSpace(s.charAt(i))) {
        return i;
      }
    }
    return -1;
  }

  private static int lastSpace(String s) {
    for (int i = s.length() - 1; i >= 0; i--) {
      if (isSpace(s.charAt(i))) {
        return i;
      }
    }
    return -1;
  }

  private static List<Object> lines(String s, boolean keepEnds) {
    List<Object> lines = new ArrayList<>();
    int begin = 0;
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c >= '\n' && c <= '\r' || c >= 0x1c && c <= 0x1e || c == 0x85 || c == 0x2028 || c == 0x2029) {
        int end = c == '\r' && i + 1 < s.length() && s.charAt(i + 1) == '\n' ? i + 2 : i + 1;
        lines.add(s.substring(begin, keepEnds ? end : i));
        begin = end;
        i = end - 1;
      }
    }
    if (begin < s.length()) {
      lines.add(s.substring(begin));
    }
    return lines;
  }

  private static String from(String s, List<Object> args) {
    return args.size() > 1 ? (String) JinjaOperators.slice(s, args.get(1), arg(args, 2, NONE), NONE) : s;
  }

  private static boolean anyOf(Object wanted, String method, java.util.function.Predicate<String> test) {
    if (wanted instanceof Tuple tuple) {
      return tuple.stream().anyMatch(w -> anyOf(w, method, test));
    }
    if (!(wanted instanceof String text)) {
      throw new JinjaFailure("the method " + method + " needs a string, not " + JinjaValues.typeName(wanted));
    }
    return test.test(text);
  }

  static String replace(String s, String old, String replacement, Object limit) {
    long max = limit == NONE ? -1 : JinjaValues.integer(limit, "a count");
    if (max < 0) {
      return s.replace(old, replacement);
    }
    StringBuilder out = new StringBuilder();
    int at = 0;
    for (int cut; max > 0 && (cut = s.indexOf(old, at)) >= 0 && !old.isEmpty(); max--) {
      out.append(s, at, cut).append(replacement);
      at = cut + old.length();
    }
    return out.append(s.substring(at)).toString();
  }

  private static int start(String s, List<Object> args) {
    long from = args.size() > 1 ? JinjaValues.integer(args.get(1), "a start") : 0;
    int n = s.codePointCount(0, s.length());
    return s.offsetByCodePoints(0, (int) Math.max(0, Math.min(n, from < 0 ? from + n : from)));
  }

  private static long codePointIndex(String s, int index) {
    return index < 0 ? -1 : s.codePointCount(0, index);
  }

  private static long found(long index) {
    if (index < 0) {
      throw new JinjaFailure("what index looks for is not there");
    }
    return index;
  }

  private static long index(List<?> list, Object wanted) {
    for (int i = 0; i < list.size(); i++) {
      if (JinjaValues.equal(list.get(i), wanted)) {
        return i;
      }
    }
    return -1;
  }

  private static long count(String s, String part) {
    long n = 0;
    for (int at = s.indexOf(part); at >= 0 && !part.isEmpty(); at = s.indexOf(part, at + part.length())) {
      n++;
    }
    return part.isEmpty() ? s.codePointCount(0, s.length()) + 1 : n;
  }

  private static String join(String separator, List<Object> items) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < items.size(); i++) {
      if (!(items.get(i) instanceof String text)) {
        throw new JinjaFailure("join needs strings, not " + JinjaValues.typeName(items.get(i)));
      }
      out.append(i == 0 ? "" : separator).append(text);
    }
    return out.toString();
  }

  private static String zfill(String s, Object width) {
    int missing = (int) Math.min(10_000, JinjaValues.integer(width, "a width")) - s.length();
    boolean signed = s.startsWith("-") || s.startsWith("+");
    return missing <= 0 ? s : (signed ? s.substring(0, 1) : "") + "0".repeat(missing) + s.substring(signed ? 1 : 0);
  }

  /** {@code side}: 0 text left, 1 in the middle, 2 text right. */
  static String pad(String s, List<Object> args, int side) {
    int missing = (int) Math.min(10_000, JinjaValues.integer(arg(args, 0, null), "a width")) - JinjaValues.length(s);
    String fill = str(arg(args, 1, " "));
    if (missing <= 0) {
      return s;
    }
    int left = side == 0 ? 0 : side == 2 ? missing : missing / 2;
    return fill.repeat(left) + s + fill.repeat(missing - left);
  }

  private static Tuple partition(String s, String by, boolean last) {
    int cut = last ? s.lastIndexOf(by) : s.indexOf(by);
    if (cut < 0) {
      return new Tuple(last ? List.of("", "", s) : List.of(s, "", ""));
    }
    return new Tuple(List.of(s.substring(0, cut), by, s.substring(cut + by.length())));
  }
}
