// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The numbers between two bounds, as expressions over their decimal texts. Texts have at most 18 digits on each side of
 * the point, so that 64 bits hold the whole ones and a double the size of the others.
 *
 * @param low lower bound, null for none
 * @param lowOut whether the lower bound itself is left out
 * @param high upper bound, null for none
 * @param highOut whether the upper bound itself is left out
 */
record NumberRange(BigDecimal low, boolean lowOut, BigDecimal high, boolean highOut) {
  /** The keywords of JSON Schema that bound a number. */
  static final Set<String> NAMES = Set.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum");

  /** Whole numbers stay within ±(10^18 − 1). */
  static final long MOST = 999_999_999_999_999_999L;

  private static final int FRACTION_DIGITS = 18;
  private static final Expression DIGIT = new Expression.Chars(CharSet.DIGITS);
  private static final Expression MINUS = Expression.text("-");

  /** Numbers without bounds may have an exponent of two digits. */
  private static final Expression UNBOUNDED =
      Expression.parts(
          Expression.optional(MINUS),
          Expression.anyOf(
              List.of(
                  Expression.text("0"),
                  Expression.parts(Expression.chars('1', '9'), new Expression.Repeat(DIGIT, 0, 17)))),
          Expression.optional(Expression.parts(Expression.text("."), new Expression.Repeat(DIGIT, 1, FRACTION_DIGITS))),
          Expression.optional(
              Expression.parts(
                  new Expression.Chars(CharSet.of('e', 'e').or(CharSet.of('E', 'E'))),
                  Expression.optional(new Expression.Chars(CharSet.of('+', '+').or(CharSet.of('-', '-')))),
                  new Expression.Repeat(DIGIT, 1, 2))));

  /** The range of a schema whose bounds are numbers. */
  static NumberRange of(JsonNode schema) {
    BigDecimal low = bound(schema, "minimum");
    BigDecimal high = bound(schema, "maximum");
    BigDecimal above = bound(schema, "exclusiveMinimum");
    BigDecimal below = bound(schema, "exclusiveMaximum");
    boolean lowOut = above != null && (low == null || above.compareTo(low) >= 0);
    boolean highOut = below != null && (high == null || below.compareTo(high) <= 0);
    return new NumberRange(lowOut ? above : low, lowOut, highOut ? below : high, highOut);
  }

  /** A bound; one with more digits than texts have is brought to a place between the same two texts. */
  private static BigDecimal bound(JsonNode schema, String name) {
    if (!schema.has(name)) {
      return null;
    }
    BigDecimal value = schema.get(name).decimalValue();
    BigDecimal far = BigDecimal.TEN.pow(20);
    BigDecimal half = new BigDecimal(BigInteger.valueOf(5L * value.signum()), FRACTION_DIGITS + 1);
    // Before anything is scaled: 1e-999999999 would be a fraction of as many digits.
    if (value.signum() == 0) {
      return BigDecimal.ZERO;
    }
    if (value.abs().compareTo(half.abs()) < 0) {
      return half;
    }
    value = value.min(far).max(far.negate());
    BigDecimal cut = value.setScale(FRACTION_DIGITS, RoundingMode.DOWN);
    return (cut.compareTo(value) == 0 ? cut : cut.add(half)).stripTrailingZeros();
  }

  /** The whole numbers of the range, null where there are none. */
  Expression whole() {
    long from = low == null ? -MOST : nearest(low, RoundingMode.CEILING);
    long to = high == null ? MOST : nearest(high, RoundingMode.FLOOR);
    from += lowOut && low.compareTo(BigDecimal.valueOf(from)) == 0 ? 1 : 0;
    to -= highOut && high.compareTo(BigDecimal.valueOf(to)) == 0 ? 1 : 0;
    from = Math.max(from, -MOST);
    to = Math.min(to, MOST);
    if (from > to) {
      return null;
    }
    List<Expression> ways = new ArrayList<>();
    if (from < 0) {
      ways.add(Expression.parts(MINUS, positive(Math.max(1, -to), -from)));
    }
    if (to >= 0) {
      ways.add(positive(Math.max(0, from), to));
    }
    return Expression.anyOf(ways);
  }

  private static long nearest(BigDecimal bound, RoundingMode mode) {
    BigDecimal most = BigDecimal.valueOf(MOST + 1);
    return bound.min(most).max(most.negate()).setScale(0, mode).longValueExact();
  }

  /** The numbers of the range, without exponents where there is a bound; null where there are none. */
  Expression decimals() {
    if (low == null && high == null) {
      return UNBOUNDED;
    }
    List<Expression> ways = new ArrayList<>();
    if (low == null || low.signum() < 0) {
      Expression below =
          new NumberRange(
              high == null ? BigDecimal.ZERO : high.negate().max(BigDecimal.ZERO), highOut && high.signum() <= 0,
              low == null ? null : low.negate(), lowOut).magnitudes();
      if (below != null) {
        ways.add(Expression.parts(MINUS, below));
      }
    }
    if (high == null || high.signum() >= 0) {
      Expression above =
          new NumberRange(
              low == null ? BigDecimal.ZERO : low.max(BigDecimal.ZERO), lowOut && low.signum() >= 0, high, highOut)
                  .magnitudes();
      if (above != null) {
        ways.add(above);
      }
    }
    return ways.isEmpty() ? null : Expression.anyOf(ways);
  }

  /** Numbers of a range that begins at 0 or above, by the digits before the point. */
  private Expression magnitudes() {
    long first = nearest(low, RoundingMode.FLOOR);
    long last = high == null ? MOST + 1 : nearest(high, RoundingMode.FLOOR);
    List<Expression> ways = new ArrayList<>();
    String fromDigits = fraction(low);
    String toDigits = high == null ? null : fraction(high);
    if (first == last) {
      add(ways, first, new Fractions(fromDigits, lowOut, toDigits, highOut));
    } else if (first < last) {
      add(ways, first, new Fractions(fromDigits, lowOut, null, false));
      if (first + 1 <= Math.min(last - 1, MOST)) {
        ways.add(
            Expression.parts(
                positive(first + 1, Math.min(last - 1, MOST)), new Fractions(null, false, null, false).expression()));
      }
      add(ways, last, new Fractions(null, false, toDigits, highOut));
    }
    return ways.isEmpty() ? null : Expression.anyOf(ways);
  }

  private static void add(List<Expression> ways, long whole, Fractions fractions) {
    Expression behind = whole > MOST ? null : fractions.expression();
    if (behind != null) {
      ways.add(Expression.parts(Expression.text(Long.toString(whole)), behind));
    }
  }

  /** The digits behind the point, without zeros at the end. */
  private static String fraction(BigDecimal bound) {
    BigDecimal rest = bound.remainder(BigDecimal.ONE).stripTrailingZeros();
    return rest.signum() == 0 ? "" : rest.toPlainString().substring(2);
  }

  /**
   * What may stand behind the digits before the point: nothing, or a point and digits.
   *
   * @param low least digits, null where the number is above the lower bound by what stands before
   * @param high most digits, null where it is below the upper bound by what stands before
   */
  private record Fractions(String low, boolean lowOut, String high, boolean highOut) {
    Fractions {
      // Nothing is below a bound of no digits that is in the range itself.
      low = low != null && low.isEmpty() && !lowOut ? null : low;
    }

    /** Null where nothing is in the range. */
    Expression expression() {
      Expression digits = digits(FRACTION_DIGITS, false);
      Expression pointed = digits == null ? null : Expression.parts(Expression.text("."), digits);
      return pointed == null ? mayEnd() ? Expression.EMPTY : null : mayEnd() ? Expression.optional(pointed) : pointed;
    }

    /** Whether the number that ends here is in the range: as if only zeros followed. */
    private boolean mayEnd() {
      return (low == null || low.isEmpty() && !lowOut) && (high == null || !high.isEmpty() || !highOut);
    }

    /** Up to so many digits; none of them too where it says so. */
    private Expression digits(int most, boolean orNone) {
      if (low == null && high == null) {
        return new Expression.Repeat(DIGIT, orNone ? 0 : 1, most);
      }
      List<Expression> ways = new ArrayList<>();
      if (orNone && mayEnd()) {
        ways.add(Expression.EMPTY);
      }
      for (char digit = '0', last; most > 0 && digit <= '9'; digit = (char) (last + 1)) {
        Fractions behind = behind(digit);
        last = digit;
        while (last < '9' && behind != null && behind.equals(behind((char) (last + 1)))) {
          last++;
        }
        Expression rest = behind == null ? null : behind.digits(most - 1, true);
        if (rest != null) {
          ways.add(Expression.parts(Expression.chars(digit, last), rest));
        }
      }
      return ways.isEmpty() ? null : Expression.anyOf(ways);
    }

    /** What may stand behind a digit; null where the digit is out of the range. */
    private Fractions behind(char digit) {
      int overLow = low == null ? 1 : Character.compare(digit, low.isEmpty() ? '0' : low.charAt(0));
      int underHigh = high == null ? 1 : Character.compare(high.isEmpty() ? '0' : high.charAt(0), digit);
      if (overLow < 0 || underHigh < 0) {
        return null;
      }
      return new Fractions(
          overLow > 0 ? null : rest(low), overLow == 0 && lowOut, underHigh > 0 ? null : rest(high),
          underHigh == 0 && highOut);
    }

    private static String rest(String digits) {
      return digits.isEmpty() ? "" : digits.substring(1);
    }
  }

  private static Expression positive(long low, long high) {
    List<Expression> ways = new ArrayList<>();
    long from = low;
    while (from <= high) {
      String first = Long.toString(from);
      long last = Math.min(high, Long.parseLong("9".repeat(first.length())));
      ways.add(digits(first, Long.toString(last)));
      from = last + 1;
    }
    return Expression.anyOf(ways);
  }

  /** The numbers between two of the same length, by their first digit and the rest. */
  private static Expression digits(String low, String high) {
    int rest = low.length() - 1;
    if (low.chars().allMatch(c -> c == '0') && high.chars().allMatch(c -> c == '9')) {
      return new Expression.Repeat(DIGIT, low.length(), low.length());
    }
    char first = low.charAt(0);
    char last = high.charAt(0);
    if (rest == 0) {
      return Expression.chars(first, last);
    }
    if (first == last) {
      return Expression.parts(Expression.chars(first, first), digits(low.substring(1), high.substring(1)));
    }
    List<Expression> ways = new ArrayList<>();
    boolean wholeFirst = low.substring(1).chars().allMatch(c -> c == '0');
    boolean wholeLast = high.substring(1).chars().allMatch(c -> c == '9');
    if (!wholeFirst) {
      ways.add(Expression.parts(Expression.chars(first, first), digits(low.substring(1), "9".repeat(rest))));
      first++;
    }
    if (!wholeLast) {
      ways.add(Expression.parts(Expression.chars(last, last), digits("0".repeat(rest), high.substring(1))));
      last--;
    }
    if (first <= last) {
      ways.add(Expression.parts(Expression.chars(first, last), new Expression.Repeat(DIGIT, rest, rest)));
    }
    return Expression.anyOf(ways);
  }
}
