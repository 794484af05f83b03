// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import static io.winnow.inference.tokenizer.JinjaValues.NONE;
import static io.winnow.inference.tokenizer.JinjaValues.integer;
import static io.winnow.inference.tokenizer.JinjaValues.isNumber;
import static io.winnow.inference.tokenizer.JinjaValues.number;
import static io.winnow.inference.tokenizer.JinjaValues.typeName;

import io.winnow.inference.tokenizer.JinjaValues.Attributes;
import io.winnow.inference.tokenizer.JinjaValues.Callable;
import io.winnow.inference.tokenizer.JinjaValues.Tuple;
import io.winnow.inference.tokenizer.JinjaValues.Undefined;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What Python's operators, subscripts and calls do to template values. */
final class JinjaOperators {
  /** A template's strings and lists stay below this: a row must not be able to fill the executor's memory. */
  private static final long MAX_LENGTH = 64L << 20;

  private JinjaOperators() {}

  static boolean compare(String operator, Object a, Object b) {
    return switch (operator) {
      case "==" -> JinjaValues.equal(a, b);
      case "!=" -> !JinjaValues.equal(a, b);
      case "in" -> JinjaValues.contains(b, a);
      case "not in" -> !JinjaValues.contains(b, a);
      case "<" -> JinjaValues.compare(a, b) < 0;
      case "<=" -> JinjaValues.compare(a, b) <= 0;
      case ">" -> JinjaValues.compare(a, b) > 0;
      default -> JinjaValues.compare(a, b) >= 0;
    };
  }

  static Object apply(String operator, Object a, Object b) {
    if (operator.equals("~")) {
      return JinjaValues.str(a) + JinjaValues.str(b);
    }
    if (isNumber(a) && isNumber(b)) {
      return a instanceof Double || b instanceof Double || operator.equals("/")
          ? floats(operator, number(a), number(b))
          : integers(operator, integer(a, ""), integer(b, ""));
    }
    switch (operator) {
      case "+":
        if (a instanceof String x && b instanceof String y) {
          return x + y;
        }
        if (a instanceof List<?> x && b instanceof List<?> y && x instanceof Tuple == y instanceof Tuple) {
          List<Object> sum = new ArrayList<>(x);
          sum.addAll(y);
          return x instanceof Tuple ? new Tuple(sum) : sum;
        }
        break;
      case "*":
        if (b instanceof String || b instanceof List) {
          return repeat(b, a);
        }
        if (a instanceof String || a instanceof List) {
          return repeat(a, b);
        }
        break;
      case "%":
        if (a instanceof String format) {
          return JinjaFormat.percent(format, b);
        }
        break;
      default:
    }
    throw new JinjaFailure(
        "the operator " + operator + " does not take " + typeName(a) + " and " + typeName(b)
            + JinjaValues.undefined(a, b));
  }

  private static Object repeat(Object value, Object times) {
    long n = Math.max(0, integer(times, "a repetition"));
    if (n * Math.max(1, JinjaValues.length(value)) > MAX_LENGTH) {
      throw new JinjaFailure("a repetition makes more than " + MAX_LENGTH + " elements");
    }
    if (value instanceof String text) {
      return text.repeat((int) n);
    }
    List<Object> all = new ArrayList<>();
    for (long i = 0; i < n; i++) {
      all.addAll((List<?>) value);
    }
    return value instanceof Tuple ? new Tuple(all) : all;
  }

  private static Object floats(String operator, double a, double b) {
    if (b == 0 && (operator.equals("/") || operator.equals("//") || operator.equals("%"))) {
      throw new JinjaFailure("division by zero");
    }
    return switch (operator) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> a / b;
      case "//" -> Math.floor(a / b);
      case "%" -> a - b * Math.floor(a / b);
      default -> Math.pow(a, b);
    };
  }

  private static Object integers(String operator, long a, long b) {
    try {
      return switch (operator) {
        case "+" -> Math.addExact(a, b);
        case "-" -> Math.subtractExact(a, b);
        case "*" -> Math.multiplyExact(a, b);
        case "//" -> Math.floorDiv(a, b);
        case "%" -> Math.floorMod(a, b);
        default -> {
          if (b < 0) {
            yield Math.pow(a, b);
          }
          yield java.math.BigInteger.valueOf(a).pow((int) Math.min(b, 1000)).longValueExact();
        }
      };
    } catch (ArithmeticException e) {
      throw new JinjaFailure(String.format("%d %s %d has no result: %s", a, operator, b, e.getMessage()));
    }
  }

  /** {@code object.name}: a method or field first, then an entry. */
  static Object attribute(Object object, String name) {
    if (object instanceof Undefined undefined) {
      throw new JinjaFailure(undefined.why());
    }
    if (object instanceof Attributes attributes) {
      return attributes.attribute(name);
    }
    if (object instanceof Tuple tuple && tuple.named(name) != null) {
      return tuple.named(name);
    }
    Callable method = JinjaMethods.of(object, name);
    if (method != null) {
      return method;
    }
    return object instanceof Map<?, ?> map && map.containsKey(name) ? map.get(name) : missing(object, name);
  }

  /** {@code object[key]}: an entry first, then a method or field. */
  static Object item(Object object, Object key) {
    if (object instanceof Undefined undefined) {
      throw new JinjaFailure(undefined.why());
    }
    if (object instanceof Map<?, ?> map && map.containsKey(key)) {
      return map.get(key);
    }
    if (key instanceof String name) {
      if (object instanceof Attributes attributes) {
        return attributes.attribute(name);
      }
      Callable method = JinjaMethods.of(object, name);
      return method != null ? method : missing(object, name);
    }
    if ((object instanceof String || object instanceof List) && (key instanceof Long || key instanceof Boolean)) {
      List<Object> items = JinjaValues.items(object);
      long index = integer(key, "an index");
      long from = index < 0 ? index + items.size() : index;
      if (from >= 0 && from < items.size()) {
        return items.get((int) from);
      }
    }
    return missing(object, key);
  }

  private static Undefined missing(Object object, Object key) {
    return new Undefined("'" + typeName(object) + "' has no element or field " + JinjaValues.repr(key));
  }

  static Object slice(Object object, Object start, Object stop, Object step) {
    if (!(object instanceof String || object instanceof List)) {
      throw new JinjaFailure("a value of the type " + typeName(object) + " cannot be sliced"
          + JinjaValues.undefined(object));
    }
    List<Object> items = JinjaValues.items(object);
    long by = step == NONE ? 1 : integer(step, "a slice step");
    if (by == 0) {
      throw new JinjaFailure("a slice step cannot be zero");
    }
    int n = items.size();
    long from = bound(start, by > 0 ? 0 : n - 1, n, by);
    long to = bound(stop, by > 0 ? n : -1, n, by);
    List<Object> part = new ArrayList<>();
    for (long i = from; by > 0 ? i < to : i > to; i += by) {
      part.add(items.get((int) i));
    }
    if (object instanceof String) {
      StringBuilder text = new StringBuilder();
      part.forEach(text::append);
      return text.toString();
    }
    return object instanceof Tuple ? new Tuple(part) : part;
  }

  private static long bound(Object given, long otherwise, int n, long step) {
    if (given == NONE) {
      return otherwise;
    }
    long index = integer(given, "a slice bound");
    index = index < 0 ? index + n : index;
    return step > 0 ? Math.max(0, Math.min(n, index)) : Math.max(-1, Math.min(n - 1, index));
  }

  static Object call(Object function, List<Object> args, Map<String, Object> named) {
    if (function instanceof Callable callable) {
      return callable.call(args, named);
    }
    throw new JinjaFailure(
        function instanceof Undefined undefined ? undefined.why() : "a " + typeName(function) + " cannot be called");
  }
}
