// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import io.winnow.jobs.verify.math.Decision.Outcome;
import io.winnow.jobs.verify.math.Expr.Kind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;

/**
 * Compares where at least one side is an equation or inequality. An equation with nothing but a name on the left
 * ({@code x}, {@code AB}, {@code f(2)}) or whose sides before the last are the same number stands for its last side;
 * any other equation is no value, so {@code 3x+2=5} is not 5.
 */
final class RelationEquivalence {
  /** The comparison that members of relations go back to. */
  interface Comparison {
    Decision decide(Expr gold, Expr answer) throws UnreadableException;
  }

  /** Names that stand in the brackets of a function without further ado. */
  private static final Set<String> ARGUMENTS = Set.of("x", "t", "n", "z", "k", "theta");

  private final WorkLimit work;
  private final Comparison comparison;

  RelationEquivalence(WorkLimit work, Comparison comparison) {
    this.work = work;
    this.comparison = comparison;
  }

  Decision compare(Expr gold, Expr answer) throws UnreadableException {
    if (isMembership(gold)) {
      return comparison.decide(value(gold), answer);
    }
    if (isMembership(answer)) {
      return comparison.decide(gold, value(answer));
    }
    Expr goldValue = value(gold);
    Expr answerValue = value(answer);
    boolean goldIsRelation = gold instanceof Expr.Relation;
    boolean answerIsRelation = answer instanceof Expr.Relation;
    if (goldIsRelation && answerIsRelation) {
      Decision whole = relations((Expr.Relation) gold, (Expr.Relation) answer);
      if (whole.equal() || goldValue == null || answerValue == null) {
        return whole;
      }
      return named((Expr.Relation) gold, goldValue, (Expr.Relation) answer, answerValue);
    }
    if (goldIsRelation ? goldValue != null : answerValue != null) {
      return comparison.decide(goldIsRelation ? goldValue : gold, goldIsRelation ? answer : answerValue);
    }
    Expr.Relation relation = (Expr.Relation) (goldIsRelation ? gold : answer);
    Expr other = goldIsRelation ? answer : gold;
    Expr interval = interval(relation, false);
    if (interval != null && (other instanceof Expr.Seq || other instanceof Expr.Call)) {
      // Of x < a either may be the name.
      Expr turned = interval(relation, true);
      Decision first = goldIsRelation ? comparison.decide(interval, other) : comparison.decide(other, interval);
      return first.equal() || turned.equals(interval) ? first
          : goldIsRelation ? comparison.decide(turned, other) : comparison.decide(other, turned);
    }
    if (other instanceof Expr.Num || other instanceof Expr.Seq) {
      return relation.ops().contains("∈") || relation.ops().contains("≈") || maySolve(relation, other)
          ? Decision.unknown("kinds", "a relation against a value")
          : new Decision(Outcome.DIFFERENT, "kinds",
              goldIsRelation ? "the gold is a relation, the answer a value"
              : "the answer is a relation, the gold a value");
    }
    return Decision.unknown("kinds", "a relation against an expression");
  }

  /**
   * Whether values may be the solutions of a relation, or a plain product the name of one: {@code x^2 = 4} and 2,
   * {@code x^2 < 4} and (-2, 2), {@code mn = 6} and 6. Then neither equal nor different is proved.
   */
  private boolean maySolve(Expr.Relation relation, Expr other) throws UnreadableException {
    if (!relation.ops().equals(List.of("="))) {
      return other instanceof Expr.Seq && !relation.ops().contains("∉");
    }
    boolean plain = relation.sides().get(0) instanceof Expr.Product product
        && product.factors().stream().allMatch(Expr.Sym.class::isInstance);
    if (plain && comparison.decide(relation.sides().get(1), other).outcome() != Outcome.DIFFERENT) {
      return true;
    }
    Set<String> names = Evaluation.variables(relation);
    if (names.size() != 1) {
      return false;
    }
    String name = names.iterator().next();
    for (Expr value : other instanceof Expr.Seq seq ? seq.items() : List.of(other)) {
      Expr.Relation at = (Expr.Relation) Substitution.rewritten(relation,
          part -> part.equals(new Expr.Sym(name)) ? value : part);
      if (value instanceof Expr.Seq || value instanceof Expr.Relation
          || comparison.decide(at.sides().get(0), at.sides().get(1)).outcome() == Outcome.DIFFERENT) {
        return false;
      }
    }
    return true;
  }

  /** The value that {@code name = … = value} stands for, or null; what is no relation stands for itself. */
  private Expr value(Expr expr) throws UnreadableException {
    if (!(expr instanceof Expr.Relation relation)) {
      return expr;
    }
    Expr last = relation.sides().get(relation.sides().size() - 1);
    if (relation.ops().equals(List.of("∈"))) {
      return isName(relation.sides().get(0)) ? last : null;
    }
    if (!relation.ops().stream().allMatch(op -> op.equals("="))) {
      // "x = 2/3 ≈ 0.67" says x is 2/3.
      boolean approximate = relation.ops().size() == 2 && relation.ops().equals(List.of("=", "≈"));
      return approximate && isName(relation.sides().get(0)) ? relation.sides().get(1) : null;
    }
    if (isName(relation.sides().get(0))) {
      return last;
    }
    Expr first = relation.sides().get(0);
    if (last instanceof Expr.Sym && isName(last) && first instanceof Expr.Num && relation.sides().size() == 2) {
      return first;
    }
    for (Expr side : relation.sides()) {
      if (side instanceof Expr.Seq || side instanceof Expr.Words
          || !new Equivalence(work).compare(first, side).equal()) {
        return null;
      }
    }
    return last;
  }

  /** A name: a symbol, or a product or quotient that begins with a symbol, as in AB, f(2) or A/B. */
  private static boolean isName(Expr expr) {
    if (expr instanceof Expr.Sym sym) {
      return !sym.name().equals("pi") && !sym.name().equals("∞");
    }
    if (expr instanceof Expr.Seq seq) {
      return seq.kind() == Kind.BRACKETED && seq.items().stream().allMatch(Expr.Sym.class::isInstance);
    }
    return expr instanceof Expr.Product product && product.factors().get(0) instanceof Expr.Sym head
        && !NormalForm.CONSTANTS.contains(head.name())
        && product.factors().stream().allMatch(RelationEquivalence::isNamePart) && !isPlainProduct(product, head.name());
  }

  /** A product of variables, as in {@code xy = 1}: neither points (AB) nor a function of something (f(x), f(2)). */
  private static boolean isPlainProduct(Expr.Product product, String head) {
    boolean points = product.factors().stream().allMatch(factor -> !(factor instanceof Expr.Sym sym)
        || Character.isUpperCase(sym.name().charAt(0)));
    if (points || !product.factors().stream().allMatch(Expr.Sym.class::isInstance)) {
      return false;
    }
    return product.factors().size() != 2 || !ARGUMENTS.contains(((Expr.Sym) product.factors().get(1)).name())
        || ARGUMENTS.contains(head);
  }

  private static boolean isMembership(Expr expr) {
    return expr instanceof Expr.Relation relation && relation.ops().equals(List.of("∈"))
        && isName(relation.sides().get(0));
  }

  private static boolean isNamePart(Expr expr) {
    return expr instanceof Expr.Sym || expr instanceof Expr.Num || (expr instanceof Expr.Seq seq
        && seq.kind() == Kind.BRACKETED)
        || (expr instanceof Expr.Power power && power.base() instanceof Expr.Sym
        && power.exponent() instanceof Expr.Num num
            && num.value().equals(Rational.MINUS_ONE));
  }

  /** Two values with a name each: x = 5 is not y = 5, and f(t) = 3t is f(x) = 3x. */
  private Decision named(Expr.Relation gold, Expr goldValue, Expr.Relation answer, Expr answerValue)
      throws UnreadableException {
    Expr left = gold.sides().get(0);
    Expr right = answer.sides().get(0);
    if (left.equals(right)) {
      return comparison.decide(goldValue, answerValue);
    }
    String function = function(left);
    if (function != null && function.equals(function(right))) {
      return comparison.decide(goldValue, Substitution.renamed(answerValue, argument(right), argument(left)));
    }
    Decision values = comparison.decide(goldValue, answerValue);
    if (!values.equal()) {
      return values;
    }
    String a = left instanceof Expr.Sym sym ? sym.name() : function;
    String b = right instanceof Expr.Sym sym ? sym.name() : function(right);
    boolean sameKind = (left instanceof Expr.Sym) == (right instanceof Expr.Sym);
    if (a == null || b == null || !sameKind || a.equalsIgnoreCase(b) || a.length() > 3 || b.length() > 3) {
      return Decision.unknown("equation", "the same value for different names");
    }
    return new Decision(Outcome.DIFFERENT, "equation", "the same value for " + b + " and not for " + a);
  }

  /** The name of the function in {@code f(x)}, or null. */
  private static String function(Expr expr) {
    return expr instanceof Expr.Product product && product.factors().size() == 2
        && product.factors().get(0) instanceof Expr.Sym name && product.factors().get(1) instanceof Expr.Sym
        ? name.name() : null;
  }

  private static String argument(Expr call) {
    return ((Expr.Sym) ((Expr.Product) call).factors().get(1)).name();
  }

  private Decision relations(Expr.Relation gold, Expr.Relation answer) throws UnreadableException {
    List<String> ops = new ArrayList<>(gold.ops());
    ops.addAll(answer.ops());
    if (ops.contains("∈") || ops.contains("∉") || ops.contains("∝") || ops.contains("≈")) {
      return Decision.unknown("equation", "membership in a set, or a relation that is no equation");
    }
    boolean equation = gold.ops().stream().allMatch(op -> op.equals("="));
    if (equation != answer.ops().stream().allMatch(op -> op.equals("="))) {
      return new Decision(Outcome.DIFFERENT, "kinds", "an equation against an inequality");
    }
    if (gold.ops().size() == 1 && answer.ops().size() == 1) {
      return differences(gold, answer, equation ? "equation" : "inequality");
    }
    if (equation) {
      return Decision.unknown("equation", "a chain of equations");
    }
    Decision same = chain(gold, answer);
    return gold.ops().equals(answer.ops()) ? same : chain(gold, reversed(answer));
  }

  /**
   * One relation each: equal when the differences of their sides are the same but for a factor (positive, or the
   * sign turned).
   */
  private Decision differences(Expr.Relation gold, Expr.Relation answer, String kind) throws UnreadableException {
    NormalForm a = difference(gold);
    NormalForm b = difference(answer);
    String goldOp = gold.ops().get(0);
    String answerOp = answer.ops().get(0);
    boolean sameOp = goldOp.equals(answerOp);
    boolean flippedOp = flip(goldOp).equals(answerOp);
    boolean whole = a.den().equals(Polynomial.ONE) && b.den().equals(Polynomial.ONE);
    if (a.num().isZero() || b.num().isZero() || (!whole && !(goldOp.equals("=") && answerOp.equals("=")))) {
      return Decision.unknown(kind, "sides that are quotients, or the same on both sides");
    }
    boolean equations = goldOp.equals("=") && answerOp.equals("=");
    Polynomial left = cleared(a.num(), equations);
    Polynomial right = cleared(b.num(), equations);
    if (left.constant() != null || right.constant() != null) {
      return Decision.unknown(kind, "a relation of numbers");
    }
    String goldForm = left + " " + goldOp + " 0";
    String answerForm = right + " " + answerOp + " 0";
    Rational ratio = left.terms().firstEntry().getValue().dividedBy(right.terms().firstEntry().getValue());
    boolean proportional = left.equals(right.times(Polynomial.of(ratio), work));
    if (proportional && (ratio.signum() > 0 ? sameOp : flippedOp)) {
      return Decision.of(true, kind, goldForm, answerForm);
    }
    boolean differ = whole && (isLinear(left) && isLinear(right)
        || (equations ? PolynomialSolutions.rootsDiffer(left, right, work)
            : PolynomialSolutions.holdElsewhere(left, goldOp, right, answerOp, work)));
    return differ ? Decision.of(false, kind, goldForm, answerForm)
        : Decision.unknown(kind, "not decided: gold " + goldForm + ", answer " + answerForm);
  }

  /**
   * Without negative powers: multiplied with what they divide by; of variables in equations alone, where the sign of
   * the factor does not matter.
   */
  private Polynomial cleared(Polynomial of, boolean variables) {
    TreeMap<String, Rational> factor = new TreeMap<>();
    for (Monomial monomial : of.terms().keySet()) {
      monomial.atoms().forEach((atom, exponent) -> {
        if (exponent.signum() < 0 && (variables || NormalForm.isPositive(atom))) {
          factor.merge(atom, exponent.negate(), (x, y) -> x.compareTo(y) >= 0 ? x : y);
        }
      });
    }
    return factor.isEmpty() ? of : of.times(Polynomial.of(new Monomial(factor), Rational.ONE), work);
  }

  private NormalForm difference(Expr.Relation relation) throws UnreadableException {
    NormalForm right = NormalForm.of(Expr.negate(relation.sides().get(1)), work);
    return NormalForm.of(relation.sides().get(0), work).plus(right, work);
  }

  /** Linear in variables alone, at least one: then relations are the same exactly when they are proportional. */
  private static boolean isLinear(Polynomial polynomial) {
    Set<String> constants = Set.of("pi", "e", "∞", "∅", Monomial.IMAGINARY);
    return polynomial.independentAtoms() && polynomial.constant() == null
        && polynomial.terms().keySet().stream().allMatch(monomial -> monomial.isUnit()
            || (monomial.atoms().size() == 1 && monomial.atoms().firstEntry().getValue().equals(Rational.ONE)
                && monomial.atoms().firstKey().charAt(0) != '#' && !constants.contains(monomial.atoms().firstKey())));
  }

  private Decision chain(Expr.Relation gold, Expr.Relation answer) throws UnreadableException {
    if (!gold.ops().equals(answer.ops())) {
      return new Decision(Outcome.UNKNOWN, "inequality", "other relation signs");
    }
    for (int i = 0; i < gold.sides().size(); i++) {
      Decision one = comparison.decide(gold.sides().get(i), answer.sides().get(i));
      if (!one.equal()) {
        return new Decision(
            one.outcome() == Outcome.DIFFERENT && isSimple(gold) && isSimple(answer) ? Outcome.DIFFERENT
                : Outcome.UNKNOWN,
            "inequality", one.detail());
      }
    }
    return new Decision(Outcome.EQUAL, "inequality", "the same chain");
  }

  /** {@code number < symbol < number}: such chains are equal only member by member. */
  private static boolean isSimple(Expr.Relation relation) {
    return relation.sides().size() == 3 && relation.sides().get(1) instanceof Expr.Sym
        && relation.sides().get(0) instanceof Expr.Num && relation.sides().get(2) instanceof Expr.Num;
  }

  private static Expr.Relation reversed(Expr.Relation relation) {
    List<Expr> sides = new ArrayList<>(relation.sides());
    List<String> ops = new ArrayList<>();
    Collections.reverse(sides);
    for (int i = relation.ops().size() - 1; i >= 0; i--) {
      ops.add(flip(relation.ops().get(i)));
    }
    return new Expr.Relation(sides, ops);
  }

  private static String flip(String op) {
    return switch (op) {
      case "<" -> ">";
      case ">" -> "<";
      case "≤" -> "≥";
      case "≥" -> "≤";
      default -> op;
    };
  }

  /** The interval that {@code a < x ≤ b} or {@code x > a} describes, or null. */
  private static Expr interval(Expr.Relation relation, boolean leftIsName) {
    Expr.Relation up = relation.ops().stream().anyMatch(op -> op.equals(">") || op.equals("≥")) ? reversed(relation)
        : relation;
    if (!up.ops().stream().allMatch(op -> op.equals("<") || op.equals("≤"))) {
      return null;
    }
    Expr infinity = new Expr.Sym("∞");
    if (up.sides().size() == 3 && up.sides().get(1) instanceof Expr.Sym) {
      return new Expr.Seq(Kind.BRACKETED, List.of(up.sides().get(0), up.sides().get(2)),
          up.ops().get(0).equals("<"), up.ops().get(1).equals("<"));
    }
    if (up.sides().size() == 2 && up.sides().get(1) instanceof Expr.Sym
        && !(leftIsName && up.sides().get(0) instanceof Expr.Sym)) {
      return new Expr.Seq(Kind.BRACKETED, List.of(up.sides().get(0), infinity), up.ops().get(0).equals("<"), true);
    }
    if (up.sides().size() == 2 && up.sides().get(0) instanceof Expr.Sym) {
      return new Expr.Seq(
          Kind.BRACKETED, List.of(Expr.negate(infinity), up.sides().get(1)), true, up.ops().get(0).equals("<"));
    }
    return null;
  }

  /** {@code x = 2, y = 3} against {@code (2, 3)}: the coordinates in the order of the names. */
  Decision systemAgainstTuple(Expr.Seq gold, Expr.Seq answer) throws UnreadableException {
    boolean goldIsSystem = Equivalence.isAssignments(gold);
    TreeMap<String, Expr> byName = byName(goldIsSystem ? gold : answer);
    if (byName == null) {
      return Decision.unknown("tuple", "a name with two values against a tuple");
    }
    Expr.Seq tuple = new Expr.Seq(Kind.BRACKETED, List.copyOf(byName.values()), true, true);
    return goldIsSystem ? comparison.decide(tuple, answer) : comparison.decide(gold, tuple);
  }

  /** Two systems of assignments to the same names, each once: by name; null when they are not such. */
  Decision systems(Expr.Seq gold, Expr.Seq answer) throws UnreadableException {
    TreeMap<String, Expr> a = byName(gold);
    TreeMap<String, Expr> b = byName(answer);
    if (a == null || b == null || !a.keySet().equals(b.keySet())) {
      return null;
    }
    return comparison.decide(
        new Expr.Seq(Kind.BRACKETED, List.copyOf(a.values()), true, true),
        new Expr.Seq(Kind.BRACKETED, List.copyOf(b.values()), true, true));
  }

  /** The values by name, or null when a name has two. */
  private static TreeMap<String, Expr> byName(Expr.Seq system) {
    TreeMap<String, Expr> byName = new TreeMap<>();
    for (Expr item : system.items()) {
      Expr.Relation relation = (Expr.Relation) item;
      byName.put(((Expr.Sym) relation.sides().get(0)).name(), relation.sides().get(1));
    }
    return byName.size() == system.items().size() ? byName : null;
  }
}
