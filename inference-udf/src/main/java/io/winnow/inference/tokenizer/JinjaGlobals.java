// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import io.winnow.inference.tokenizer.JinjaValues.Attributes;
import io.winnow.inference.tokenizer.JinjaValues.Callable;
import io.winnow.inference.tokenizer.JinjaValues.Namespace;
import io.winnow.inference.tokenizer.JinjaValues.Undefined;
import java.time.Clock;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The functions every template can call. */
final class JinjaGlobals {
  private static final int MAX_RANGE = 1_000_000;

  private JinjaGlobals() {}

  /** @param clock what strftime_now reads */
  static void into(JinjaScope scope, Clock clock) {
    scope.set("range", (Callable) (args, named) -> range(args));
    scope.set("dict", (Callable) JinjaGlobals::dict);
    scope.set("namespace", (Callable) JinjaGlobals::namespace);
    scope.set("raise_exception", (Callable) (args, named) -> {
      throw new JinjaFailure(args.isEmpty() ? "the template refused the conversation" : JinjaValues.str(args.get(0)));
    });
    scope.set(
        "strftime_now",
        (Callable) (args, named) -> strftime(JinjaValues.str(JinjaMethods.arg(args, 0, null)),
            ZonedDateTime.now(clock)));
    scope.set("joiner", (Callable) (args, named) -> joiner(JinjaValues.str(JinjaMethods.arg(args, 0, ", "))));
    scope.set("cycler", (Callable) (args, named) -> new Cycler(args));
  }

  private static Object range(List<Object> args) {
    long[] n = args.stream().mapToLong(a -> JinjaValues.integer(a, "a range")).toArray();
    if (n.length < 1 || n.length > 3) {
      throw new JinjaFailure("range takes one to three numbers");
    }
    long from = n.length == 1 ? 0 : n[0];
    long to = n.length == 1 ? n[0] : n[1];
    long step = n.length == 3 ? n[2] : 1;
    if (step == 0) {
      throw new JinjaFailure("a range cannot step by zero");
    }
    List<Object> numbers = new ArrayList<>();
    for (long i = from; step > 0 ? i < to : i > to; i += step) {
      if (numbers.size() >= MAX_RANGE) {
        throw new JinjaFailure("a range has more than " + MAX_RANGE + " numbers");
      }
      numbers.add(i);
    }
    return numbers;
  }

  private static Object dict(List<Object> args, Map<String, Object> named) {
    Map<Object, Object> map = new LinkedHashMap<>();
    if (!args.isEmpty()) {
      if (args.get(0) instanceof Map<?, ?> first) {
        map.putAll(first);
      } else {
        for (Object pair : JinjaValues.items(args.get(0))) {
          List<Object> two = JinjaValues.items(pair);
          if (two.size() != 2) {
            throw new JinjaFailure("dict needs pairs");
          }
          map.put(two.get(0), two.get(1));
        }
      }
    }
    map.putAll(named);
    return map;
  }

  private static Object namespace(List<Object> args, Map<String, Object> named) {
    Namespace namespace = new Namespace();
    for (Object arg : args) {
      if (arg instanceof Map<?, ?> map) {
        map.forEach((k, v) -> namespace.fields.put(JinjaValues.str(k), v));
      }
    }
    namespace.fields.putAll(named);
    return namespace;
  }

  private static Callable joiner(String separator) {
    boolean[] used = {false};
    return (args, named) -> {
      String text = used[0] ? separator : "";
      used[0] = true;
      return text;
    };
  }

  /** {@code cycler(…)}: next(), reset() and current. */
  private static final class Cycler implements Attributes {
    private final List<Object> items;
    private int at;

    Cycler(List<Object> items) {
      if (items.isEmpty()) {
        throw new JinjaFailure("cycler needs at least one item");
      }
      this.items = items;
    }

    @Override
    public Object attribute(String name) {
      return switch (name) {
        case "current" -> items.get(at);
        case "next" -> (Callable) (args, named) -> {
          Object item = items.get(at);
          at = (at + 1) % items.size();
          return item;
        };
        case "reset" -> (Callable) (args, named) -> {
          at = 0;
          return JinjaValues.NONE;
        };
        default -> new Undefined("a cycler has no field " + name);
      };
    }
  }

  static String strftime(String format, ZonedDateTime time) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%' || i + 1 == format.length()) {
        out.append(c);
        continue;
      }
      char kind = format.charAt(++i);
      boolean bare = kind == '-' && i + 1 < format.length();
      if (bare) {
        kind = format.charAt(++i);
      }
      String pattern =
          switch (kind) {
            case 'Y' -> "uuuu";
            case 'y' -> "uu";
            case 'm' -> "MM";
            case 'd' -> "dd";
            case 'e' -> "ppd";
            case 'H' -> "HH";
            case 'I' -> "hh";
            case 'M' -> "mm";
            case 'S' -> "ss";
            case 'f' -> "SSSSSS";
            case 'p' -> "a";
            case 'A' -> "EEEE";
            case 'a' -> "EEE";
            case 'B' -> "MMMM";
            case 'b', 'h' -> "MMM";
            case 'j' -> "DDD";
            case 'F' -> "uuuu-MM-dd";
            case 'T', 'X' -> "HH:mm:ss";
            case 'D', 'x' -> "MM/dd/uu";
            case 'c' -> "EEE MMM ppd HH:mm:ss uuuu";
            case 'Z', 'z' -> "";
            case '%' -> "'%'";
            case 'n' -> "'\n'";
            default -> throw new JinjaFailure("the time format %" + kind + " is not known");
          };
      String text = pattern.isEmpty() ? "" : DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(time);
      out.append(bare ? text.replaceFirst("^0+(?=.)", "") : text);
    }
    return out.toString();
  }
}
