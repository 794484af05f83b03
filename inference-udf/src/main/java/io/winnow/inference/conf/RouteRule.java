// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.util.ArrayList;
import java.util.List;

/**
 * Which of several teachers answer which prompts: the value of {@code --route}.
 *
 * <pre>
 *   all                          every teacher answers every prompt
 *   column:NAME                  the column names the prompt's teacher
 *   difficulty:NAME:B1,B2,…      the column is a number: below B1 the first teacher, from B1 to below B2 the second, …
 *   escalate                     the first teacher first; prompts that it has not solved go to the next, and so on
 *   cheapest                     as escalate, in the order of the teachers' prices
 * </pre>
 *
 * @param column of the prompts, null where none is read
 * @param bounds of the difficulty, ascending; empty for others
 */
public record RouteRule(Kind kind, String column, List<Double> bounds) {
  /** In words, for messages. */
  static final String GRAMMAR = "all, column:NAME, difficulty:NAME:BOUND,BOUND…, escalate or cheapest";

  /** The kinds of rules. */
  public enum Kind { ALL, COLUMN, DIFFICULTY, ESCALATE, CHEAPEST }

  public RouteRule {
    bounds = List.copyOf(bounds);
  }

  /** Whether a teacher is asked only where those before it have not solved the prompt. */
  public boolean escalates() {
    return kind == Kind.ESCALATE || kind == Kind.CHEAPEST;
  }

  /**
   * Reads a rule.
   *
   * @throws IllegalArgumentException with what a rule looks like, when it is none
   */
  public static RouteRule parse(String text) {
    switch (text) {
      case "all":
        return new RouteRule(Kind.ALL, null, List.of());
      case "escalate":
        return new RouteRule(Kind.ESCALATE, null, List.of());
      case "cheapest":
        return new RouteRule(Kind.CHEAPEST, null, List.of());
      default:
        break;
    }
    if (text.startsWith("column:") && text.length() > "column:".length()) {
      return new RouteRule(Kind.COLUMN, text.substring("column:".length()), List.of());
    }
    String rest = text.startsWith("difficulty:") ? text.substring("difficulty:".length()) : "";
    int colon = rest.lastIndexOf(':');
    if (colon < 1) {
      throw new IllegalArgumentException(GRAMMAR);
    }
    return new RouteRule(Kind.DIFFICULTY, rest.substring(0, colon), bounds(rest.substring(colon + 1)));
  }

  private static List<Double> bounds(String text) {
    List<Double> out = new ArrayList<>();
    for (String part : text.split(",", -1)) {
      double bound;
      try {
        bound = Double.parseDouble(part.strip());
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException(GRAMMAR + ", with bounds that are numbers", e);
      }
      if (!Double.isFinite(bound) || !out.isEmpty() && out.get(out.size() - 1) >= bound) {
        throw new IllegalArgumentException(GRAMMAR + ", with bounds that ascend");
      }
      out.add(bound);
    }
    return out;
  }

  static boolean isRule(String text) {
    try {
      parse(text);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }
}
