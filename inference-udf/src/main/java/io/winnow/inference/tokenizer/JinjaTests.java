// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import static io.winnow.inference.tokenizer.JinjaValues.NONE;
import static io.winnow.inference.tokenizer.JinjaValues.integer;

import io.winnow.inference.tokenizer.JinjaValues.Callable;
import io.winnow.inference.tokenizer.JinjaValues.Undefined;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What may follow {@code is}. */
final class JinjaTests {
  /** A test of a value with arguments. */
  interface Test {
    boolean holds(Object value, List<Object> args);
  }

  private static final Map<String, Test> ALL =
      Map.ofEntries(
          Map.entry("defined", (v, a) -> !(v instanceof Undefined)),
          Map.entry("undefined", (v, a) -> v instanceof Undefined),
          Map.entry("none", (v, a) -> v == NONE),
          Map.entry("boolean", (v, a) -> v instanceof Boolean),
          Map.entry("true", (v, a) -> Boolean.TRUE.equals(v)),
          Map.entry("false", (v, a) -> Boolean.FALSE.equals(v)),
          Map.entry("integer", (v, a) -> v instanceof Long),
          Map.entry("float", (v, a) -> v instanceof Double),
          Map.entry("number", (v, a) -> JinjaValues.isNumber(v)),
          Map.entry("string", (v, a) -> v instanceof String),
          Map.entry("mapping", (v, a) -> v instanceof Map),
          Map.entry("sequence", (v, a) -> v instanceof String || v instanceof List || v instanceof Map),
          Map.entry(
              "iterable",
              (v, a) -> v instanceof String || v instanceof List || v instanceof Map || v instanceof Undefined),
          Map.entry("callable", (v, a) -> v instanceof Callable),
          Map.entry("odd", (v, a) -> Math.floorMod(integer(v, "what 'odd' tests"), 2) == 1),
          Map.entry("even", (v, a) -> Math.floorMod(integer(v, "what 'even' tests"), 2) == 0),
          Map.entry(
              "divisibleby",
              (v, a) -> JinjaOperators.apply("%", v, argument(a, "divisibleby")) instanceof Number n
                  && n.doubleValue() == 0),
          Map.entry("lower", (v, a) -> JinjaMethods.isCased(JinjaValues.str(v), false)),
          Map.entry("upper", (v, a) -> JinjaMethods.isCased(JinjaValues.str(v), true)),
          Map.entry("eq", (v, a) -> JinjaValues.equal(v, argument(a, "eq"))),
          Map.entry("ne", (v, a) -> !JinjaValues.equal(v, argument(a, "ne"))),
          Map.entry("lt", (v, a) -> JinjaValues.compare(v, argument(a, "lt")) < 0),
          Map.entry("le", (v, a) -> JinjaValues.compare(v, argument(a, "le")) <= 0),
          Map.entry("gt", (v, a) -> JinjaValues.compare(v, argument(a, "gt")) > 0),
          Map.entry("ge", (v, a) -> JinjaValues.compare(v, argument(a, "ge")) >= 0),
          Map.entry("in", (v, a) -> JinjaValues.contains(argument(a, "in"), v)),
          Map.entry(
              "sameas",
              (v, a) -> v == argument(a, "sameas") || !(v instanceof List || v instanceof Map) && v.equals(a.get(0))),
          Map.entry("filter", (v, a) -> JinjaFilters.exists(JinjaValues.str(v))),
          Map.entry("test", (v, a) -> exists(JinjaValues.str(v))));

  private static final Map<String, String> SYNONYMS =
      Map.of(
          "equalto", "eq", "==", "eq", "!=", "ne", "<", "lt", "lessthan", "lt", "<=", "le", ">", "gt",
          "greaterthan", "gt", ">=", "ge");

  private JinjaTests() {}

  private static boolean exists(String name) {
    return ALL.containsKey(SYNONYMS.getOrDefault(name, name));
  }

  static Test named(String name) {
    String known = name.toLowerCase(Locale.ROOT).equals("none") ? "none" : SYNONYMS.getOrDefault(name, name);
    Test test = ALL.get(known.equals("True") ? "true" : known.equals("False") ? "false" : known);
    if (test == null) {
      throw new JinjaFailure("there is no test named '" + name + "'");
    }
    return test;
  }

  private static Object argument(List<Object> args, String test) {
    if (args.isEmpty()) {
      throw new JinjaFailure("the test '" + test + "' needs an argument");
    }
    return args.get(0);
  }
}
