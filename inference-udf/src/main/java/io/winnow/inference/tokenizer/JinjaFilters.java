// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import static io.winnow.inference.tokenizer.JinjaMethods.arg;
import static io.winnow.inference.tokenizer.JinjaMethods.option;
import static io.winnow.inference.tokenizer.JinjaValues.NONE;
import static io.winnow.inference.tokenizer.JinjaValues.items;
import static io.winnow.inference.tokenizer.JinjaValues.str;
import static io.winnow.inference.tokenizer.JinjaValues.truth;

import io.winnow.inference.tokenizer.JinjaValues.Tuple;
import io.winnow.inference.tokenizer.JinjaValues.Undefined;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** Jinja2's built-in filters, with transformers' tojson. */
final class JinjaFilters {
  /** A filter of a value with arguments. */
  interface Filter {
    Object apply(Object value, List<Object> args, Map<String, Object> named);
  }

  private static final Pattern WORD = Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Map<String, Filter> ALL = new LinkedHashMap<>();

  static {
    ALL.put("abs", (v, a, n) -> v instanceof Double d ? (Object) Math.abs(d)
        : (Object) Math.abs(JinjaValues.integer(v, "abs")));
    ALL.put("attr", (v, a, n) -> JinjaOperators.attribute(v, str(arg(a, 0, null))));
    ALL.put("batch", (v, a, n) -> batch(items(v), option(a, n, 0, "linecount", null),
        option(a, n, 1, "fill_with", NONE)));
    ALL.put("slice", (v, a, n) -> slices(items(v), option(a, n, 0, "slices", null),
        option(a, n, 1, "fill_with", NONE)));
    ALL.put("capitalize", (v, a, n) -> JinjaMethods.capitalize(str(v)));
    ALL.put("center", (v, a, n) -> JinjaMethods.pad(str(v), List.of(option(a, n, 0, "width", 80L)), 1));
    ALL.put("default", JinjaFilters::orDefault);
    ALL.put("dictsort", JinjaFilters::dictSort);
    ALL.put("escape", (v, a, n) -> escape(str(v)));
    ALL.put("first", (v, a, n) -> items(v).isEmpty() ? new Undefined("no first item: the sequence is empty")
        : items(v).get(0));
    ALL.put("last", (v, a, n) -> items(v).isEmpty() ? new Undefined("no last item: the sequence is empty")
        : items(v).get(items(v).size() - 1));
    ALL.put("float", (v, a, n) -> toFloat(v, option(a, n, 0, "default", 0.0)));
    ALL.put("int", (v, a, n) -> toInt(v, option(a, n, 0, "default", 0L), option(a, n, 1, "base", 10L)));
    ALL.put("format", (v, a, n) -> JinjaFormat.percent(str(v), n.isEmpty() ? new Tuple(a) : JinjaValues.of(n)));
    ALL.put("groupby", (v, a, n) -> groupBy(items(v), option(a, n, 0, "attribute", null),
        n.getOrDefault("default", NONE)));
    ALL.put("indent", JinjaFilters::indent);
    ALL.put("items", (v, a, n) -> v instanceof Undefined ? List.of() : JinjaMethods.pairs(dict(v, "items")));
    ALL.put("join", JinjaFilters::join);
    ALL.put("length", (v, a, n) -> (long) JinjaValues.length(v));
    ALL.put("list", (v, a, n) -> items(v));
    ALL.put("lower", (v, a, n) -> str(v).toLowerCase(Locale.ROOT));
    ALL.put("upper", (v, a, n) -> str(v).toUpperCase(Locale.ROOT));
    ALL.put("map", JinjaFilters::map);
    ALL.put("max", (v, a, n) -> extreme(v, a, n, -1));
    ALL.put("min", (v, a, n) -> extreme(v, a, n, 1));
    ALL.put("pprint", (v, a, n) -> JinjaValues.repr(v));
    ALL.put("reject", (v, a, n) -> choose(items(v), a, false, false));
    ALL.put("rejectattr", (v, a, n) -> choose(items(v), a, true, false));
    ALL.put("select", (v, a, n) -> choose(items(v), a, false, true));
    ALL.put("selectattr", (v, a, n) -> choose(items(v), a, true, true));
    ALL.put("replace", (v, a, n) -> JinjaMethods.replace(str(v), str(arg(a, 0, null)), str(arg(a, 1, null)),
        option(a, n, 2, "count", NONE)));
    ALL.put("reverse", (v, a, n) -> JinjaOperators.slice(v instanceof Map ? items(v) : v, NONE, NONE, -1L));
    ALL.put("round", JinjaFilters::round);
    ALL.put("safe", (v, a, n) -> v);
    ALL.put("sort", JinjaFilters::sort);
    ALL.put("string", (v, a, n) -> str(v));
    ALL.put("sum", JinjaFilters::sum);
    ALL.put("title", (v, a, n) -> titled(str(v)));
    ALL.put("tojson", JinjaFormat::json);
    ALL.put("trim", (v, a, n) -> JinjaMethods.strip(str(v), option(a, n, 0, "chars", NONE), true, true));
    ALL.put("truncate", JinjaFilters::truncate);
    ALL.put("unique", JinjaFilters::unique);
    ALL.put("urlencode", (v, a, n) -> URLEncoder.encode(str(v), StandardCharsets.UTF_8).replace("+",
        "%20").replace("%2F", "/").replace("%7E", "~"));
    ALL.put("wordcount", (v, a, n) -> WORD.matcher(str(v)).results().count());
    ALL.put("d", ALL.get("default"));
    ALL.put("e", ALL.get("escape"));
    ALL.put("forceescape", ALL.get("escape"));
    ALL.put("count", ALL.get("length"));
  }

  private JinjaFilters() {}

  /** Unlike str.title, an apostrophe does not begin a word. */
  private static String titled(String text) {
    StringBuilder out = new StringBuilder();
    boolean begins = true;
    for (int c : text.codePoints().toArray()) {
      out.appendCodePoint(begins ? Character.toUpperCase(c) : Character.toLowerCase(c));
      begins = Character.isWhitespace(c) || "-({[<".indexOf(c) >= 0;
    }
    return out.toString();
  }

  static boolean exists(String name) {
    return ALL.containsKey(name);
  }

  static Filter named(String name) {
    Filter filter = ALL.get(name);
    if (filter == null) {
      throw new JinjaFailure("there is no filter named '" + name + "'");
    }
    return filter;
  }

  private static Map<?, ?> dict(Object value, String filter) {
    if (value instanceof Map<?, ?> map) {
      return map;
    }
    throw new JinjaFailure("the filter " + filter + " needs a dict, not " + JinjaValues.typeName(value));
  }

  private static Object orDefault(Object value, List<Object> args, Map<String, Object> named) {
    boolean alsoFalse = truth(option(args, named, 1, "boolean", false));
    return value instanceof Undefined || alsoFalse && !truth(value) ? option(args, named, 0, "default_value", "")
        : value;
  }

  private static Object dictSort(Object value, List<Object> args, Map<String, Object> named) {
    boolean caseSensitive = truth(option(args, named, 0, "case_sensitive", false));
    int by = str(option(args, named, 1, "by", "key")).equals("value") ? 1 : 0;
    List<Object> pairs = JinjaMethods.pairs(dict(value, "dictsort"));
    Comparator<Object> order =
        (x, y) -> JinjaValues.compare(folded(((Tuple) x).get(by), caseSensitive),
            folded(((Tuple) y).get(by), caseSensitive));
    pairs.sort(truth(option(args, named, 2, "reverse", false)) ? order.reversed() : order);
    return pairs;
  }

  private static Object folded(Object value, boolean caseSensitive) {
    return value instanceof String text && !caseSensitive ? text.toLowerCase(Locale.ROOT) : value;
  }

  private static Object sort(Object value, List<Object> args, Map<String, Object> named) {
    boolean caseSensitive = truth(option(args, named, 1, "case_sensitive", false));
    Object attribute = option(args, named, 2, "attribute", NONE);
    List<Object> sorted = items(value);
    Comparator<Object> order =
        (x, y) -> JinjaValues.compare(sortKey(x, attribute, caseSensitive), sortKey(y, attribute, caseSensitive));
    sorted.sort(truth(option(args, named, 0, "reverse", false)) ? order.reversed() : order);
    return sorted;
  }

  private static Object sortKey(Object item, Object attribute, boolean caseSensitive) {
    if (attribute instanceof String names && names.contains(",")) {
      List<Object> keys = new ArrayList<>();
      for (String name : names.split(",")) {
        keys.add(folded(path(item, name.strip()), caseSensitive));
      }
      return keys;
    }
    return folded(attribute == NONE ? item : path(item, attribute), caseSensitive);
  }

  /** {@code a.b.0}: fields and indexes one after the other. */
  private static Object path(Object item, Object attribute) {
    if (!(attribute instanceof String names)) {
      return JinjaOperators.item(item, attribute);
    }
    Object value = item;
    for (String name : names.split("\\.")) {
      value = JinjaOperators.item(value, name.matches("\\d+") ? (Object) Long.parseLong(name) : name);
    }
    return value;
  }

  private static Object groupBy(List<Object> all, Object attribute, Object otherwise) {
    TreeMap<Object, List<Object>> groups = new TreeMap<>(JinjaValues::compare);
    for (Object item : all) {
      Object key = path(item, attribute);
      groups.computeIfAbsent(key instanceof Undefined && otherwise != NONE ? otherwise : key, k -> new ArrayList<>())
          .add(item);
    }
    List<Object> pairs = new ArrayList<>();
    groups.forEach((key, group) -> pairs.add(new Tuple(List.of(key, group), List.of("grouper", "list"))));
    return pairs;
  }

  private static Object unique(Object value, List<Object> args, Map<String, Object> named) {
    boolean caseSensitive = truth(option(args, named, 0, "case_sensitive", false));
    Object attribute = option(args, named, 1, "attribute", NONE);
    List<Object> seen = new ArrayList<>();
    List<Object> kept = new ArrayList<>();
    for (Object item : items(value)) {
      Object key = sortKey(item, attribute, caseSensitive);
      if (seen.stream().noneMatch(s -> JinjaValues.equal(s, key))) {
        seen.add(key);
        kept.add(item);
      }
    }
    return kept;
  }

  private static Object extreme(Object value, List<Object> args, Map<String, Object> named, int sign) {
    boolean caseSensitive = truth(option(args, named, 0, "case_sensitive", false));
    Object attribute = option(args, named, 1, "attribute", NONE);
    Object best = null;
    for (Object item : items(value)) {
      if (best == null
          || sign * JinjaValues.compare(sortKey(item, attribute, caseSensitive),
              sortKey(best, attribute, caseSensitive)) < 0) {
        best = item;
      }
    }
    return best == null ? new Undefined("the sequence is empty") : best;
  }

  private static Object sum(Object value, List<Object> args, Map<String, Object> named) {
    Object attribute = option(args, named, 0, "attribute", NONE);
    Object sum = option(args, named, 1, "start", 0L);
    for (Object item : items(value)) {
      sum = JinjaOperators.apply("+", sum, attribute == NONE ? item : path(item, attribute));
    }
    return sum;
  }

  private static Object map(Object value, List<Object> args, Map<String, Object> named) {
    List<Object> out = new ArrayList<>();
    if (args.isEmpty() && named.containsKey("attribute")) {
      Object otherwise = named.get("default");
      for (Object item : items(value)) {
        Object found = path(item, named.get("attribute"));
        out.add(found instanceof Undefined && otherwise != null ? otherwise : found);
      }
      return out;
    }
    Filter filter = named(str(arg(args, 0, null)));
    items(value).forEach(item -> out.add(filter.apply(item, args.subList(1, args.size()), named)));
    return out;
  }

  private static Object choose(List<Object> all, List<Object> args, boolean byAttribute, boolean keep) {
    int testAt = byAttribute ? 1 : 0;
    Object attribute = byAttribute ? arg(args, 0, null) : NONE;
    JinjaTests.Test test = args.size() > testAt ? JinjaTests.named(str(args.get(testAt))) : (v, a) -> truth(v);
    List<Object> rest = args.size() > testAt ? args.subList(testAt + 1, args.size()) : List.of();
    List<Object> out = new ArrayList<>();
    for (Object item : all) {
      if (test.holds(byAttribute ? path(item, attribute) : item, rest) == keep) {
        out.add(item);
      }
    }
    return out;
  }

  private static Object batch(List<Object> all, Object size, Object fill) {
    int n = (int) Math.max(1, Math.min(Integer.MAX_VALUE, JinjaValues.integer(size, "a batch size")));
    List<Object> batches = new ArrayList<>();
    for (int i = 0; i < all.size(); i += n) {
      List<Object> batch = new ArrayList<>(all.subList(i, Math.min(all.size(), i + n)));
      while (fill != NONE && batch.size() < Math.min(n, 100_000)) {
        batch.add(fill);
      }
      batches.add(batch);
    }
    return batches;
  }

  private static Object slices(List<Object> all, Object count, Object fill) {
    int n = (int) Math.max(1, Math.min(100_000, JinjaValues.integer(count, "a number of slices")));
    int longer = all.size() % n;
    List<Object> slices = new ArrayList<>();
    int at = 0;
    for (int i = 0; i < n; i++) {
      int size = all.size() / n + (i < longer ? 1 : 0);
      List<Object> slice = new ArrayList<>(all.subList(at, at + size));
      if (fill != NONE && i >= longer && longer > 0) {
        slice.add(fill);
      }
      slices.add(slice);
      at += size;
    }
    return slices;
  }

  private static Object toFloat(Object value, Object otherwise) {
    if (JinjaValues.isNumber(value)) {
      return JinjaValues.number(value);
    }
    try {
      return Double.parseDouble(str(value).strip().replace("_", ""));
    } catch (NumberFormatException e) {
      return otherwise;
    }
  }

  private static Object toInt(Object value, Object otherwise, Object base) {
    if (JinjaValues.isNumber(value)) {
      return (long) JinjaValues.number(value);
    }
    String text = str(value).strip().replace("_", "");
    try {
      int radix = (int) JinjaValues.integer(base, "a base");
      return Long.parseLong(radix == 16 ? text.replaceFirst("(?i)^0x", "") : text, radix);
    } catch (NumberFormatException e) {
      try {
        return (long) Double.parseDouble(text);
      } catch (NumberFormatException again) {
        return otherwise;
      }
    }
  }

  private static Object round(Object value, List<Object> args, Map<String, Object> named) {
    int digits = (int) JinjaValues.integer(option(args, named, 0, "precision", 0L), "a precision");
    RoundingMode mode =
        switch (str(option(args, named, 1, "method", "common"))) {
          case "ceil" -> RoundingMode.CEILING;
          case "floor" -> RoundingMode.FLOOR;
          default -> RoundingMode.HALF_EVEN;
        };
    if (!JinjaValues.isNumber(value)) {
      throw new JinjaFailure("round needs a number, not " + JinjaValues.typeName(value) + JinjaValues.undefined(value));
    }
    // Python leaves whole numbers whole.
    Object rounded = new BigDecimal(JinjaValues.number(value)).setScale(digits, mode).doubleValue();
    return value instanceof Long && mode == RoundingMode.HALF_EVEN ? (Object) ((Double) rounded).longValue() : rounded;
  }

  private static Object join(Object value, List<Object> args, Map<String, Object> named) {
    String separator = str(option(args, named, 0, "d", ""));
    Object attribute = option(args, named, 1, "attribute", NONE);
    StringBuilder out = new StringBuilder();
    List<Object> all = items(value);
    for (int i = 0; i < all.size(); i++) {
      out.append(i == 0 ? "" : separator).append(str(attribute == NONE ? all.get(i) : path(all.get(i), attribute)));
    }
    return out.toString();
  }

  private static Object indent(Object value, List<Object> args, Map<String, Object> named) {
    Object width = option(args, named, 0, "width", 4L);
    String by = width instanceof String text ? text
        : " ".repeat((int) Math.max(0, Math.min(1000, JinjaValues.integer(width, "a width"))));
    boolean first = truth(option(args, named, 1, "first", false));
    boolean blank = truth(option(args, named, 2, "blank", false));
    String[] lines = str(value).split("\n", -1);
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < lines.length; i++) {
      boolean indented = i == 0 ? first : blank || !lines[i].isEmpty();
      out.append(i == 0 ? "" : "\n").append(indented ? by : "").append(lines[i]);
    }
    return out.toString();
  }

  private static Object truncate(Object value, List<Object> args, Map<String, Object> named) {
    int length = (int) JinjaValues.integer(option(args, named, 0, "length", 255L), "a length");
    boolean killWords = truth(option(args, named, 1, "killwords", false));
    String end = str(option(args, named, 2, "end", "..."));
    int leeway = (int) JinjaValues.integer(option(args, named, 3, "leeway", 5L), "a leeway");
    String text = str(value);
    if (text.length() <= length + leeway) {
      return text;
    }
    String cut = text.substring(0, Math.max(0, length - end.length()));
    int space = cut.lastIndexOf(' ');
    return (killWords || space < 0 ? cut : cut.substring(0, space)) + end;
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;").replace(">", "&gt;").replace("<", "&lt;").replace("'", "&#39;").replace("\"",
        "&#34;");
  }
}
