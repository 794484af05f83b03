// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Compares numbers: correct where |answer − gold| ≤ max({@code abs}, {@code rel} · |gold|), in exact arithmetic.
 *
 * <p>Parameters: {@code abs} and {@code rel} (numbers from 0 on, both 0 by themselves: then only equal numbers are
 * correct); {@code percent} (ignore: 50% is 50; scale: 50% is 0.5); {@code extract}. Of an answer with several numbers
 * the one behind the last equals sign counts, else the last; units and words around it do not. Numbers are decimal,
 * with thousands separators, exponents ({@code 1.5e3}, {@code 1.5 \times 10^{3}}) or as fractions ({@code 3/4},
 * {@code \frac{3}{4}}). An answer with roots, powers and the like is undecided: verifier math reads those.
 */
final class NumericVerifier extends AnswerVerifier {
  static final String NAME = "numeric";
  private static final String ABS = "abs";
  private static final String REL = "rel";
  private static final int MAX_EXPONENT = 1000;
  private static final int MAX_DIGITS = 5000;

  private static final String ABSENT = "absent";

  private enum Percent { IGNORE, SCALE }

  private static final String DECIMAL = "(?:\\d{1,3}(?:,\\d{3})+(?!\\d)|\\d+)(?:\\.\\d*)?|\\.\\d+";
  private static final String SIGN = "(?<![\\w.)}\\]])[-−+]\\s?\\\\?[$]?|";
  private static final Pattern NUMBER =
      Pattern.compile(
          "(?<sign>" + SIGN + ")(?:(?<units>\\d+)?\\s?\\\\[dt]?frac\\{(?<top>[-−]?\\d+)}\\{(?<bottom>[-−]?\\d+)}"
              + "|(?<![\\d.])(?<whole>\\d+)\\s(?<part>\\d+)\\s?/\\s?(?<of>\\d+)(?![\\d.])"
              + "|(?<![\\d.])(?<number>" + DECIMAL + ")"
              + "(?:[eE](?<exp>[-+]?\\d+)(?!\\w)|\\s?(?:\\\\times|\\\\cdot|[×*·])\\s?10\\^\\{?(?<pow>[-−+]?\\d+)}?"
              + "|\\s?/\\s?(?<den>\\d+)(?![\\d.]))?)"
              + "(?<percent>\\s?\\\\?%)?");
  /** What makes a number of what stands around it another one. */
  private static final Pattern EXPRESSION =
      Pattern.compile("\\\\(?:sqrt|pi|log|ln|sin|cos|tan|exp|infty|binom|pm)(?![a-zA-Z])|√|π|∞|±|\\^|\\d\\s?!");

  private final BigDecimal abs;
  private final BigDecimal rel;
  private final Percent percent;

  NumericVerifier(Map<String, String> given) {
    this(new VerifierParams(NAME, given, ABS, REL, "percent", EXTRACT));
  }

  private NumericVerifier(VerifierParams params) {
    super(NAME, NAME + "/1", params);
    abs = tolerance(params, ABS);
    rel = tolerance(params, REL);
    percent = params.choice("percent", Percent.IGNORE);
  }

  private static BigDecimal tolerance(VerifierParams params, String name) {
    try {
      BigDecimal value = params.text(name) == null ? BigDecimal.ZERO : new BigDecimal(params.text(name));
      if (value.signum() >= 0 && Math.abs((long) value.scale()) <= MAX_EXPONENT && value.precision() <= MAX_DIGITS) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Told below.
    }
    throw params.refused(name, "a number from 0 on, for example 0.01 or 1e-6");
  }

  /** A number as a fraction, or why there is none. */
  private record Reading(BigInteger top, BigInteger bottom, String why, String rule) {
    static Reading none(String why) {
      return new Reading(null, null, why, "none");
    }

    BigDecimal shown() {
      return new BigDecimal(top).divide(new BigDecimal(bottom), MathContext.DECIMAL64).stripTrailingZeros();
    }
  }

  private Reading read(String text) {
    String part = text;
    String rule = "number";
    int equals = Math.max(text.lastIndexOf('='), text.lastIndexOf('≈'));
    if (equals >= 0) {
      part = text.substring(equals + 1);
      rule = "behind-equals";
    }
    Matcher matcher = NUMBER.matcher(part);
    int begin = -1;
    int end = -1;
    int count = 0;
    while (matcher.find()) {
      begin = matcher.start();
      end = matcher.end();
      count++;
    }
    Matcher expression = EXPRESSION.matcher(part);
    while (expression.find()) {
      if (begin < 0 || expression.start() >= end || expression.end() <= begin) {
        return Reading.none("it is an expression and no plain number; verifier math reads those");
      }
    }
    if (begin < 0) {
      return new Reading(null, null, "there is no number in it", ABSENT);
    }
    matcher.reset();
    matcher.find(begin);
    return value(matcher, count > 1 ? "last-number" : rule);
  }

  private Reading value(Matcher m, String rule) {
    BigInteger top;
    BigInteger bottom;
    String sign = m.group("sign").strip();
    if (m.group("top") != null) {
      top = integer(m.group("top"));
      bottom = integer(m.group("bottom"));
      top = m.group("units") == null ? top : top.add(bottom.multiply(integer(m.group("units"))));
    } else if (m.group("whole") != null) {
      bottom = integer(m.group("of"));
      top = integer(m.group("whole")).multiply(bottom).add(integer(m.group("part")));
    } else {
      String digits = m.group("number").replace(",", "");
      String power = m.group("exp") != null ? m.group("exp") : m.group("pow");
      long exponent = power == null ? 0 : power.length() > 8 ? Integer.MAX_VALUE : integer(power).longValue();
      if (digits.length() > MAX_DIGITS || Math.abs(exponent) > MAX_EXPONENT) {
        return Reading.none("limit: a number of more than " + MAX_DIGITS + " digits or 10^" + MAX_EXPONENT);
      }
      BigDecimal value = new BigDecimal(digits.endsWith(".") ? digits + "0" : digits).scaleByPowerOfTen((int) exponent);
      top = value.scale() > 0 ? value.unscaledValue() : value.toBigIntegerExact();
      bottom = value.scale() > 0 ? BigInteger.TEN.pow(value.scale()) : BigInteger.ONE;
      bottom = m.group("den") == null ? bottom : bottom.multiply(integer(m.group("den")));
    }
    if (bottom.signum() == 0) {
      return Reading.none("it divides by zero");
    }
    if (m.group("percent") != null && percent == Percent.SCALE) {
      bottom = bottom.multiply(BigInteger.valueOf(100));
    }
    boolean negative = (sign.startsWith("-") || sign.startsWith("−")) != bottom.signum() < 0;
    return new Reading(negative ? top.negate() : top, bottom.abs(), null, rule);
  }

  private static BigInteger integer(String text) {
    String plain = text.replace('−', '-');
    return new BigInteger(plain.startsWith("+") ? plain.substring(1) : plain);
  }

  @Override
  String unusable(String gold) {
    Reading reading = read(goldText(gold));
    return reading.why == null ? null : "the gold cannot be read: " + reading.why;
  }

  /** Golds may be worked solutions, as those of GSM8K are. */
  private static String goldText(String gold) {
    int mark = gold.lastIndexOf("####");
    String rest = mark < 0 ? gold : gold.substring(mark + 4);
    String box = FinalAnswer.lastBox(rest);
    return box == null ? rest : box;
  }

  @Override
  Judgement judge(String gold, FinalAnswer answer) {
    Reading wanted = read(goldText(gold));
    Reading got = read(answer.text());
    if (got.rule.equals(ABSENT)) {
      return Judgement.of(false, answer, "none", "there is no number in the answer");
    }
    if (got.why != null) {
      return Judgement.undecided(answer, "none", "the answer cannot be read: " + got.why);
    }
    // |g/h − a/b| ≤ t  is  |g·b − a·h| ≤ t·h·b
    BigInteger difference = wanted.top.multiply(got.bottom).subtract(got.top.multiply(wanted.bottom)).abs();
    BigDecimal whole = new BigDecimal(wanted.bottom.multiply(got.bottom));
    BigDecimal relative = rel.multiply(new BigDecimal(wanted.top.abs())).multiply(new BigDecimal(got.bottom));
    boolean equal = new BigDecimal(difference).compareTo(abs.multiply(whole).max(relative)) <= 0;
    boolean tolerant = abs.signum() > 0 || rel.signum() > 0;
    String bound = tolerant ? " (abs " + abs + ", rel " + rel + ")" : "";
    String detail =
        equal && difference.signum() != 0
            ? "gold " + wanted.shown() + " ≈ answer " + got.shown() + bound
            : Judgement.compared(equal, wanted.shown().toString(), got.shown().toString()) + (equal ? "" : bound);
    return Judgement.of(equal, answer, got.rule, detail);
  }
}
