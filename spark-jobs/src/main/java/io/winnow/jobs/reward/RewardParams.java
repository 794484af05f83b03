// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import java.math.BigDecimal;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** The parameters of one reward: read by type, checked, and complete once all were asked for. */
final class RewardParams {
  private final String reward;
  private final Map<String, String> given;
  private final Set<String> known = new LinkedHashSet<>();
  private final TreeMap<String, String> all = new TreeMap<>();

  RewardParams(String reward, Map<String, String> given) {
    this.reward = reward;
    this.given = given;
  }

  /** A finite number. */
  double number(String name, double byDefault) {
    String text = text(name, String.valueOf(byDefault));
    try {
      double value = Double.parseDouble(text);
      if (Double.isFinite(value)) {
        all.put(name, String.valueOf(value));
        return value;
      }
    } catch (NumberFormatException e) {
      // Told below.
    }
    throw refused(name, text, "a number");
  }

  /** A whole number of at least {@code least}. */
  int whole(String name, int byDefault, int least) {
    String text = text(name, String.valueOf(byDefault));
    try {
      // JSON may say 3.0.
      int value = new BigDecimal(text).intValueExact();
      if (value >= least) {
        all.put(name, String.valueOf(value));
        return value;
      }
    } catch (ArithmeticException | NumberFormatException e) {
      // Told below.
    }
    throw refused(name, text, "a whole number of at least " + least);
  }

  /** Whether the strict sibling is asked for. */
  boolean strict() {
    String text = text(Rewards.STRICT, "false");
    if (!text.equals("true") && !text.equals("false")) {
      throw refused(Rewards.STRICT, text, "true or false");
    }
    return text.equals("true");
  }

  /** One of {@code choices}, the first by default. */
  String choice(String name, String... choices) {
    String text = text(name, choices[0]);
    if (!Set.of(choices).contains(text)) {
      throw refused(name, text, "one of " + String.join(", ", choices));
    }
    return text;
  }

  String text(String name, String byDefault) {
    known.add(name);
    String text = given.getOrDefault(name, byDefault);
    if (text == null) {
      throw refused(name, "null", "given");
    }
    all.put(name, text);
    return text;
  }

  IllegalArgumentException refused(String name, String value, String expected) {
    return new IllegalArgumentException(
        "Cannot use the value '" + value + "' for parameter " + name + " of reward " + reward + ": it must be "
            + expected + ".");
  }

  /** Refuses what was given and never asked for. */
  void checkNames() {
    for (String name : given.keySet()) {
      if (!known.contains(name)) {
        throw new IllegalArgumentException(
            "Unknown parameter '" + name + "' of reward " + reward + ". Known parameters: "
                + (known.isEmpty() ? "none" : String.join(", ", known)) + ".");
      }
    }
  }

  /** All that were asked for so far, with their values: a view that grows as more are asked for. */
  Map<String, String> all() {
    return Collections.unmodifiableSortedMap(all);
  }
}
