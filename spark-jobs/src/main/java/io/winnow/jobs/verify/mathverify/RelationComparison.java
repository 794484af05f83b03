// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.math.Rational;
import io.winnow.jobs.verify.math.WorkLimit;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Compares equations and inequalities. Equal differences of both sides count, with the sign turned for the turned
 * relation. Two equations in several variables also count when one follows from the other by solving for a variable;
 * two without any real solution always do.
 */
final class RelationComparison {
  private static final int GRID = 400;

  private final Comparison comparison;
  private final WorkLimit work;

  RelationComparison(Comparison comparison, WorkLimit work) {
    this.comparison = comparison;
    this.work = work;
  }

  /** The equation between the first and the last side, or null for anything but equations. */
  static Term.Relation equation(Term term) {
    if (term instanceof Term.Relation relation) {
      return relation.op().equals("=") ? relation : null;
    }
    if (term instanceof Term.And and && and.relations().stream().allMatch(part -> part.op().equals("="))) {
      List<Term.Relation> parts = and.relations();
      return new Term.Relation("=", parts.get(0).left(), parts.get(parts.size() - 1).right());
    }
    return null;
  }

  /** Whether the left side holds names alone: x, AB, A/B, f(x), x+y. */
  static boolean isAssignment(Term.Relation equation) {
    return isName(equation.left());
  }

  private static boolean isName(Term term) {
    if (term instanceof Term.Sym) {
      return true;
    }
    if (term instanceof Term.Power power) {
      return power.exponent() instanceof Term.Num n && n.value().equals(Rational.of(-1)) && isName(power.base());
    }
    boolean compound = term instanceof Term.Sum || term instanceof Term.Product || term instanceof Term.Applied
        || term instanceof Term.Call || term instanceof Term.Tuple || term instanceof Term.Interval;
    return compound && term.parts().stream().allMatch(RelationComparison::isName);
  }

  boolean equal(Term gold, Term answer) {
    if (gold instanceof Term.Not a && answer instanceof Term.Not b) {
      return comparison.equal(a.of(), b.of());
    }
    if (gold instanceof Term.And a && answer instanceof Term.And b) {
      if (a.relations().size() != b.relations().size()) {
        return false;
      }
      for (int i = 0; i < a.relations().size(); i++) {
        if (!equal(a.relations().get(i), b.relations().get(i))) {
          return false;
        }
      }
      return true;
    }
    Term.Relation a = gold instanceof Term.Relation r ? r : equation(gold);
    Term.Relation b = answer instanceof Term.Relation r ? r : equation(answer);
    if (a == null || b == null) {
      return false;
    }
    if (a.left().isCollection() || a.right().isCollection() || b.left().isCollection() || b.right().isCollection()) {
      return a.op().equals(b.op()) && sameSide(a.left(), b.left()) && sameSide(a.right(), b.right());
    }
    Term first = Term.minus(a.left(), a.right());
    Term second = Term.minus(b.left(), b.right());
    boolean turned = turned(a.op()).equals(b.op());
    if (a.op().equals(b.op()) && comparison.equal(first, second) || turned && comparison.equal(first,
        Term.negate(second))) {
      return true;
    }
    return a.op().equals("=") && b.op().equals("=") && sameSolutions(first, second);
  }

  /** Sides of equations: values by value, sets by how they are written, their order left aside. */
  boolean sameSide(Term gold, Term answer) {
    return gold.isCollection() || answer.isCollection()
        ? Symbolic.key(gold).equals(Symbolic.key(answer)) : comparison.equal(gold, answer);
  }

  private static String turned(String op) {
    return switch (op) {
      case "<" -> ">";
      case ">" -> "<";
      case "≤" -> "≥";
      case "≥" -> "≤";
      case "=" -> "=";
      default -> "";
    };
  }

  private boolean sameSolutions(Term first, Term second) {
    Set<String> names = names(first);
    Set<String> others = names(second);
    if (hasNoSolution(first, names) && hasNoSolution(second, others)) {
      return true;
    }
    if (names.size() < 2 || !names.equals(others)) {
      return false;
    }
    Term ratio = new Term.Product(List.of(first, new Term.Power(second, Term.MINUS_ONE)));
    Double factor = Symbolic.constant(ratio, work);
    if (factor != null && factor != 0) {
      return true;
    }
    for (String name : names) {
      Term slope = slope(first, name);
      Term other = slope == null ? null : slope(second, name);
      if (other != null) {
        Term zero = at(first, name, 0);
        Term otherZero = at(second, name, 0);
        return comparison.equal(
            new Term.Product(List.of(zero, new Term.Power(slope, Term.MINUS_ONE))),
            new Term.Product(List.of(otherZero, new Term.Power(other, Term.MINUS_ONE))));
      }
    }
    return false;
  }

  /** The coefficient of a variable in which the term is linear, else null. */
  private Term slope(Term term, String name) {
    Term step = Term.minus(at(term, name, 1), at(term, name, 0));
    Term next = Term.minus(at(term, name, 5), at(term, name, 4));
    return Symbolic.equal(step, next, work) && !Symbolic.equal(step, Term.ZERO, work) ? step : null;
  }

  private static Term at(Term term, String name, long value) {
    return replaced(term, name, Term.number(value));
  }

  private static Term replaced(Term term, String name, Term value) {
    if (term instanceof Term.Sym sym) {
      return sym.name().equals(name) ? value : term;
    } else if (term instanceof Term.Sum t) {
      return new Term.Sum(t.terms().stream().map(part -> replaced(part, name, value)).toList());
    } else if (term instanceof Term.Product t) {
      return new Term.Product(t.factors().stream().map(part -> replaced(part, name, value)).toList());
    } else if (term instanceof Term.Power t) {
      return new Term.Power(replaced(t.base(), name, value), replaced(t.exponent(), name, value));
    } else if (term instanceof Term.Call t) {
      return new Term.Call(t.function(), t.args().stream().map(part -> replaced(part, name, value)).toList());
    }
    return term;
  }

  private static Set<String> names(Term term) {
    Set<String> names = new TreeSet<>();
    collect(term, names);
    return names;
  }

  private static void collect(Term term, Set<String> names) {
    if (term instanceof Term.Sym sym) {
      names.add(sym.name());
    } else if (term instanceof Term.Applied applied) {
      names.add(applied.name() + "()");
    }
    term.parts().forEach(part -> collect(part, names));
  }

  /** Whether term = 0 has no real solution, as far as a grid of values shows; an identity without names has none. */
  private boolean hasNoSolution(Term term, Set<String> names) {
    if (names.isEmpty()) {
      return true;
    }
    if (names.size() > 1 || hasHighPower(term)) {
      return false;
    }
    String name = names.iterator().next();
    Numeric last = Numeric.NONE;
    double smallest = Double.POSITIVE_INFINITY;
    for (int i = 0; i <= GRID; i++) {
      // Dense around zero, up to about ±3000.
      double x = Math.sinh((i - GRID / 2) * 8.7 / (GRID / 2)) / 1.03;
      Numeric value = Numeric.at(other -> Numeric.real(x), term, work);
      if (value.isReal() && !names.contains(name + "()")) {
        smallest = Math.min(smallest, Math.abs(value.re()));
        if (last.isReal() && last.re() * value.re() < 0) {
          return false;
        }
      }
      last = value.isReal() && value.re() == 0 ? last : value;
    }
    return smallest > 1e-3 || isMonotoneAway(term, work);
  }

  /** Whether a power of more than six stands in it: sympy then finds roots and does not know that none is real. */
  private static boolean hasHighPower(Term term) {
    if (term instanceof Term.Power power && power.exponent() instanceof Term.Num n
        && n.value().compareTo(Rational.of(6)) > 0) {
      return true;
    }
    return term.parts().stream().anyMatch(RelationComparison::hasHighPower);
  }

  /** Whether it goes to zero only at the ends, as e^x does. */
  private static boolean isMonotoneAway(Term term, WorkLimit work) {
    double near = Numeric.at(other -> Numeric.real(-20), term, work).re();
    double far = Numeric.at(other -> Numeric.real(-40), term, work).re();
    return near * far > 0 && Math.abs(far) < Math.abs(near) * 1e-3;
  }
}
