// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Functions inside a {@link NormalForm}: their value where it is exact, else an atom with their canonical text. */
final class NormalFunctions {
  private NormalFunctions() {}

  static NormalForm call(Expr.Call call, WorkLimit work) throws UnreadableException {
    List<NormalForm> args = new ArrayList<>();
    for (Expr arg : call.args()) {
      args.add(NormalForm.of(arg, work));
    }
    NormalForm exact = exact(call.function(), args, work);
    if (exact != null) {
      return exact;
    }
    StringBuilder name = new StringBuilder(call.function());
    for (NormalForm arg : args) {
      name.append(name.length() == call.function().length() ? "(" : ",").append(arg);
    }
    return NormalForm.opaque(name.append(")").toString());
  }

  private static NormalForm exact(String function, List<NormalForm> args, WorkLimit work) throws UnreadableException {
    NormalForm first = args.get(0);
    Rational value = first.constant();
    switch (function) {
      case "adjacent" -> throw new UnreadableException("two numbers side by side: '" + first + " " + args.get(1) + "'");
      case "root" -> {
        return root(first, args.get(1), work);
      }
      case "abs" -> {
        return abs(first, value, work);
      }
      case "exp" -> {
        return NormalForm.power(NormalForm.atom("e"), first, work);
      }
      case "ratio" -> {
        return args.size() == 2 ? first.times(args.get(1).inverse(work), work) : null;
      }
      case "ln" -> {
        return args.size() == 1 ? ln(first, work) : null;
      }
      case "log" -> {
        NormalForm base = args.size() == 2 ? args.get(1) : NormalForm.of(Rational.of(10));
        NormalForm under = ln(base, work);
        return args.size() > 2 || under.isZero() ? null : ln(first, work).times(under.inverse(work), work);
      }
      case "factorial" -> {
        return isSmall(value)
            ? NormalForm.of(Rational.of(fallingFactorial(value.num().intValue(), value.num().intValue(), work))) : null;
      }
      case "binomial" -> {
        return binomial(first, args.get(1).constant(), work);
      }
      case "floor", "ceil" -> {
        return value == null ? null : NormalForm.of(Rational.of(function.equals("floor") ? floor(value)
            : floor(value.negate()).negate()));
      }
      case "mod" -> {
        Rational by = args.size() == 2 ? args.get(1).constant() : null;
        return value == null || by == null || by.signum() == 0 ? null
            : NormalForm.of(value.minus(by.times(Rational.of(floor(value.dividedBy(by))))));
      }
      case "gcd", "lcm", "max", "min" -> {
        return ofConstants(function, args);
      }
      default -> {
        return null;
      }
    }
  }

  private static NormalForm root(NormalForm of, NormalForm by, WorkLimit work) {
    Rational index = by.constant();
    if (index == null || index.signum() == 0) {
      return index == null && !by.isZero() ? NormalForm.power(of, by.inverse(work), work)
          : NormalForm.opaque("root(" + of + "," + by + ")");
    }
    boolean oddRootOfNegative = index.isInteger() && index.num().testBit(0) && of.den().equals(Polynomial.ONE)
        && of.num().terms().size() == 1 && of.num().terms().firstEntry().getValue().signum() < 0;
    NormalForm exponent = NormalForm.of(Rational.ONE.dividedBy(index));
    return oddRootOfNegative
        ? NormalForm.power(new NormalForm(of.num().negate(), of.den()), exponent, work)
            .times(NormalForm.of(Rational.MINUS_ONE), work)
        : NormalForm.power(of, exponent, work);
  }

  /** The absolute value: of a number, of a complex number, of a product; variables are real. */
  private static NormalForm abs(NormalForm of, Rational value, WorkLimit work) {
    if (value != null) {
      return NormalForm.of(value.signum() < 0 ? value.negate() : value);
    }
    Polynomial num = of.num();
    if (!of.den().equals(Polynomial.ONE)) {
      return null;
    }
    if (num.atoms().contains(Monomial.IMAGINARY)) {
      return modulus(num, work);
    }
    if (num.terms().size() == 1) {
      NormalForm result = abs(NormalForm.of(num.terms().firstEntry().getValue()),
          num.terms().firstEntry().getValue(), work);
      for (Map.Entry<String, Rational> atom : num.terms().firstKey().atoms().entrySet()) {
        boolean positive = NormalForm.isPositive(atom.getKey());
        boolean even = atom.getValue().isInteger() && !atom.getValue().num().testBit(0);
        if (!positive && !even && !atom.getValue().isInteger()) {
          return null;
        }
        String name = positive || even || atom.getKey().startsWith("{abs(") ? atom.getKey()
            : "{abs(" + atom.getKey() + ")}";
        result = result.times(
            new NormalForm(Polynomial.of(Monomial.of(name, atom.getValue()), Rational.ONE), Polynomial.ONE), work);
      }
      return result;
    }
    // |b - a| is |a - b|.
    return num.terms().firstEntry().getValue().signum() < 0 ? NormalForm.opaque("abs(" + num.negate() + ")") : null;
  }

  private static NormalForm modulus(Polynomial of, WorkLimit work) {
    TreeMap<Monomial, Rational> re = new TreeMap<>();
    TreeMap<Monomial, Rational> im = new TreeMap<>();
    for (Map.Entry<Monomial, Rational> term : of.terms().entrySet()) {
      TreeMap<String, Rational> atoms = new TreeMap<>(term.getKey().atoms());
      if (atoms.keySet().stream().anyMatch(atom -> atom.charAt(0) == '{')) {
        return null;
      }
      boolean imaginary = atoms.remove(Monomial.IMAGINARY) != null;
      (imaginary ? im : re).put(new Monomial(atoms), term.getValue());
    }
    Polynomial a = new Polynomial(re);
    Polynomial b = new Polynomial(im);
    Polynomial square = a.times(a, work).plus(b.times(b, work), work);
    return NormalForm.power(new NormalForm(square, Polynomial.ONE), NormalForm.of(Rational.HALF), work);
  }

  /** The logarithm of a product of powers of e, of primes and of π as a sum; of anything else an atom. */
  private static NormalForm ln(NormalForm of, WorkLimit work) {
    boolean oneTerm = of.den().equals(Polynomial.ONE) && of.num().terms().size() == 1;
    Rational coefficient = oneTerm ? of.num().terms().firstEntry().getValue() : Rational.ZERO;
    if (coefficient.signum() <= 0
        || !of.num().terms().firstKey().atoms().keySet().stream().allMatch(NormalForm::isPositive)) {
      return NormalForm.opaque("ln(" + of + ")");
    }
    TreeMap<String, Rational> atoms = new TreeMap<>(of.num().terms().firstKey().atoms());
    NormalForm.factor(coefficient.num(), Rational.ONE, atoms, work);
    NormalForm.factor(coefficient.den(), Rational.MINUS_ONE, atoms, work);
    NormalForm result = NormalForm.of(Rational.ZERO);
    for (Map.Entry<String, Rational> atom : atoms.entrySet()) {
      String name = atom.getKey().startsWith("#") ? atom.getKey().substring(1) : atom.getKey();
      NormalForm part = name.equals("e") ? NormalForm.of(Rational.ONE) : NormalForm.opaque("ln(" + name + ")");
      result = result.plus(part.times(NormalForm.of(atom.getValue()), work), work);
    }
    return result;
  }

  private static NormalForm binomial(NormalForm n, Rational k, WorkLimit work) {
    if (!isSmall(k)) {
      return null;
    }
    int below = k.num().intValue();
    Rational top = n.constant();
    BigInteger under = fallingFactorial(below, below, work);
    if (isSmall(top)) {
      return NormalForm.of(new Rational(fallingFactorial(top.num().intValue(), below, work), under));
    }
    if (below > 8) {
      return null;
    }
    NormalForm result = NormalForm.of(Rational.ONE);
    for (int i = 0; i < below; i++) {
      result = result.times(n.plus(NormalForm.of(Rational.of(-i)), work), work);
    }
    return result.times(NormalForm.of(new Rational(BigInteger.ONE, under)), work);
  }

  private static BigInteger floor(Rational value) {
    BigInteger[] parts = value.num().divideAndRemainder(value.den());
    return parts[1].signum() < 0 ? parts[0].subtract(BigInteger.ONE) : parts[0];
  }

  private static NormalForm ofConstants(String function, List<NormalForm> args) {
    Rational result = null;
    for (NormalForm arg : args) {
      Rational next = arg.constant();
      if (next == null) {
        return null;
      }
      if (result == null) {
        result = function.equals("gcd") || function.equals("lcm") ? size(next) : next;
      } else {
        result = switch (function) {
          case "max" -> result.compareTo(next) >= 0 ? result : next;
          case "min" -> result.compareTo(next) <= 0 ? result : next;
          default -> {
            BigInteger den = result.den().multiply(next.den());
            Rational gcd = new Rational(
                result.num().multiply(next.den()).gcd(next.num().multiply(result.den())), den);
            yield function.equals("gcd") || gcd.signum() == 0 ? gcd : size(result.times(next).dividedBy(gcd));
          }
        };
      }
    }
    return NormalForm.of(result);
  }

  private static Rational size(Rational value) {
    return value.signum() < 0 ? value.negate() : value;
  }

  private static boolean isSmall(Rational value) {
    return value != null && value.isInteger() && value.signum() >= 0 && value.num().bitLength() <= 10;
  }

  /** n (n-1) … (n-k+1). */
  private static BigInteger fallingFactorial(int n, int k, WorkLimit work) {
    BigInteger result = BigInteger.ONE;
    for (int i = 0; i < k && result.signum() != 0; i++) {
      work.spend(1 + result.bitLength() / 512);
      result = result.multiply(BigInteger.valueOf(n - i));
    }
    return result;
  }
}
