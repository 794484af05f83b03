// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Units of measurement: which belong together, and how many of one make another. Unknown words say nothing. */
final class Units {
  /** Letters that stand for a unit behind a number and a space. */
  static final Set<String> LETTERS =
      Set.of("m", "g", "s", "h", "L", "l", "t", "d", "N", "J", "W", "V", "A", "K", "F");

  /** A unit as a factor of the base unit of its dimension. */
  private record Unit(String dimension, Rational factor) {}

  private static final Map<String, Unit> KNOWN = new HashMap<>();

  static {
    add("length", 1, 1000, "mm millimeter millimetre");
    add("length", 1, 100, "cm centimeter centimetre");
    add("length", 1, 10, "dm decimeter decimetre");
    add("length", 1, 1, "m meter metre");
    add("length", 1000, 1, "km kilometer kilometre");
    add("length", 254, 10000, "in inch inche");
    add("length", 3048, 10000, "ft foot feet");
    add("length", 9144, 10000, "yd yard");
    add("length", 1609344, 1000, "mi mile");
    add("time", 1, 1, "s sec second");
    add("time", 60, 1, "min minute");
    add("time", 3600, 1, "h hr hour");
    add("time", 86400, 1, "d day");
    add("time", 604800, 1, "week");
    add("month", 1, 1, "month");
    add("month", 12, 1, "year yr");
    add("mass", 1, 1000, "mg milligram");
    add("mass", 1, 1, "g gram");
    add("mass", 1000, 1, "kg kilogram");
    add("mass", 45359237, 100000, "lb pound");
    add("mass", 45359237, 1600000, "oz ounce");
    add("volume", 1, 1000, "ml mL milliliter millilitre");
    add("volume", 1, 1, "l L liter litre");
    add("gallon", 1, 1, "gal gallon");
    add("gallon", 1, 4, "quart qt");
    add("gallon", 1, 8, "pint pt");
    add("dollar", 1, 1, "dollar");
    add("dollar", 1, 100, "cent");
  }

  private Units() {}

  private static void add(String dimension, long num, long den, String names) {
    for (String name : names.split(" ")) {
      KNOWN.put(name, new Unit(dimension, Rational.of(num, den)));
    }
  }

  /**
   * How many of {@code to} one of {@code from} is: null when one of them is not known, zero when they measure
   * different things.
   *
   * @param from words with powers and a bar, as {@code cm^2} or {@code km/h}
   */
  static Rational ratio(String from, String to) {
    TreeMap<String, Integer> dimensions = new TreeMap<>();
    Rational a = parse(from, 1, dimensions);
    Rational b = a == null ? null : parse(to, -1, dimensions);
    if (b == null) {
      return null;
    }
    boolean same = dimensions.values().stream().allMatch(power -> power == 0);
    return same ? a.times(b) : Rational.ZERO;
  }

  private static Rational parse(String text, int sign, TreeMap<String, Integer> dimensions) {
    Rational factor = Rational.ONE;
    int direction = sign;
    int power = 1;
    for (String word : text.replace("/", " / ").trim().split("\\s+")) {
      switch (word.toLowerCase(Locale.ROOT)) {
        case "/", "per" -> direction = -sign;
        case "square", "sq" -> power = 2;
        case "cubic", "cu" -> power = 3;
        default -> {
          int caret = word.indexOf('^');
          if (caret > 0 && word.length() - caret == 2 && Character.isDigit(word.charAt(caret + 1))) {
            power = word.charAt(caret + 1) - '0';
          } else if (caret >= 0) {
            return null;
          }
          Unit unit = unit(caret < 0 ? word : word.substring(0, caret));
          if (unit == null) {
            return null;
          }
          dimensions.merge(unit.dimension, power * direction, Integer::sum);
          factor = factor.times(unit.factor.power((long) power * direction));
          power = 1;
        }
      }
    }
    return factor;
  }

  private static Unit unit(String word) {
    Unit unit = KNOWN.get(word);
    if (unit != null) {
      return unit;
    }
    String lower = word.endsWith(".") ? word.substring(0, word.length() - 1) : word;
    lower = lower.length() > 2 ? lower.toLowerCase(Locale.ROOT) : lower;
    unit = KNOWN.get(lower);
    return unit == null && lower.length() > 2 && lower.endsWith("s") ? KNOWN.get(lower.substring(0, lower.length() - 1))
        : unit;
  }
}
