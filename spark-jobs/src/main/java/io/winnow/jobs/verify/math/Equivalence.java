// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import io.winnow.jobs.verify.math.Decision.Outcome;
import io.winnow.jobs.verify.math.Expr.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.BiFunction;

/**
 * Decides whether an answer equals the gold. Equal is said only when exact normal forms agree; different only when
 * they differ by atoms that are independent, or when numbers with error bounds are apart; else unknown.
 *
 * <p>Policies, where writing is looser than mathematics: a percentage equals its number and its hundredth (50% is 50
 * and is 0.5); units and degree signs after a value do not count; {@code name = value} equals value; bare values
 * between commas are in any order, brackets keep it, brackets against bare values or a set keep it too; repeated
 * members of a set count once.
 */
public final class Equivalence {
  private static final int POINTS = 4;
  /** One letter that stands for a unit as easily as for a variable. */
  private static final Set<String> UNIT_LETTERS =
      Set.of("am", "pm", "m", "g", "s", "h", "l", "L", "t", "d", "c", "N", "J", "W", "V", "A", "K", "C", "F");

  private final WorkLimit work;

  public Equivalence(WorkLimit work) {
    this.work = work;
  }

  /** Compares; throws {@link WorkLimit.Exceeded} when that takes more work than allowed. */
  public Decision compare(Expr gold, Expr answer) {
    try {
      return decide(spread(gold), spread(answer));
    } catch (UnreadableException | ArithmeticException e) {
      return Decision.unknown("none", e.getMessage());
    }
  }

  private Decision decide(Expr gold, Expr answer) throws UnreadableException {
    work.spend(10);
    if (gold instanceof Expr.Words || answer instanceof Expr.Words) {
      return words(gold, answer);
    }
    if (gold instanceof Expr.Relation || answer instanceof Expr.Relation) {
      return new RelationEquivalence(work, this::decide).compare(gold, answer);
    }
    if (gold instanceof Expr.Seq || answer instanceof Expr.Seq) {
      return sequences(gold, answer);
    }
    if (isUnion(gold) && isUnion(answer)) {
      return members(unionParts(gold), unionParts(answer), "interval");
    }
    if (isUnion(gold) || isUnion(answer)) {
      return Decision.unknown("kinds", "a union of sets against something else");
    }
    return values(gold, answer);
  }

  private static Decision words(Expr gold, Expr answer) {
    if (gold instanceof Expr.Words a && answer instanceof Expr.Words b) {
      String left = AnswerText.words(a.text());
      String right = AnswerText.words(b.text());
      if (left.equals(right)) {
        return Decision.of(true, "text", left, right);
      }
      Set<String> shared = new HashSet<>(List.of(left.split(" ")));
      shared.retainAll(Set.of(distinct(right)));
      boolean related = !shared.isEmpty() || left.startsWith(right) || right.startsWith(left)
          || sortedLetters(left).equals(sortedLetters(right));
      return related
          ? Decision.unknown("text", "the words '" + left + "' and '" + right + "' may mean the same")
          : Decision.of(false, "text", "'" + left + "'", "'" + right + "'");
    }
    Expr other = gold instanceof Expr.Words ? answer : gold;
    if (other instanceof Expr.Num || other instanceof Expr.Based) {
      return new Decision(Outcome.DIFFERENT, "kinds", "gold " + name(gold) + " against answer " + name(answer));
    }
    return Decision.unknown("kinds", "words against mathematics");
  }

  private static String[] distinct(String words) {
    return new HashSet<>(List.of(words.split(" "))).toArray(String[]::new);
  }

  private static String sortedLetters(String text) {
    char[] letters = text.toCharArray();
    Arrays.sort(letters);
    return new String(letters);
  }

  private static String name(Expr expr) {
    return expr instanceof Expr.Words words ? "'" + words.text() + "'"
        : expr instanceof Expr.Num num ? num.value().toString() : "a value";
  }

  private Decision sequences(Expr gold, Expr answer) throws UnreadableException {
    if (gold instanceof Expr.Seq a && answer instanceof Expr.Seq b) {
      if (a.kind() == Kind.MATRIX || b.kind() == Kind.MATRIX) {
        return a.kind() == b.kind()
            ? inOrder(a.items(), b.items(), "matrix")
            : Decision.unknown("kinds", "a matrix against a list");
      }
      if (a.kind() == Kind.BRACKETED && b.kind() == Kind.BRACKETED) {
        boolean pair = a.items().size() == 2 && b.items().size() == 2;
        boolean same = a.openLeft() == b.openLeft() && a.openRight() == b.openRight();
        if (pair && !same) {
          Decision ends = inOrder(a.items(), b.items(), "interval");
          return ends.equal() || ends.outcome() == Outcome.DIFFERENT
              ? new Decision(Outcome.DIFFERENT, "interval", "the brackets differ: open and closed ends")
              : ends;
        }
        return inOrder(a.items(), b.items(), pair ? "interval" : "tuple");
      }
      if (a.kind() == Kind.BRACKETED || b.kind() == Kind.BRACKETED) {
        if (isAssignments(a) != isAssignments(b)) {
          return new RelationEquivalence(work, this::decide).systemAgainstTuple(a, b);
        }
        return inOrder(a.items(), b.items(), "tuple");
      }
      if (isAssignments(a) && isAssignments(b)) {
        Decision systems = new RelationEquivalence(work, this::decide).systems(a, b);
        if (systems != null) {
          return systems;
        }
      }
      return members(a.items(), b.items(), "set");
    }
    Expr.Seq seq = (Expr.Seq) (gold instanceof Expr.Seq ? gold : answer);
    Expr single = gold instanceof Expr.Seq ? answer : gold;
    if (seq.kind() == Kind.SET && seq.items().size() == 1) {
      return gold == seq ? decide(seq.items().get(0), single) : decide(single, seq.items().get(0));
    }
    if (single instanceof Expr.Num num && seq.kind() == Kind.LIST && digitGroups(seq).equals(num.value().toString())) {
      return Decision.unknown("kinds", "several values that may be the digit groups of one");
    }
    if (isUnion(single) || single instanceof Expr.Sym || seq.items().size() == 1) {
      return Decision.unknown("kinds", "several values against a set or a name");
    }
    if (seq.kind() != Kind.BRACKETED) {
      // Several values may be one value said several times: "1/2, that is 0.5".
      Outcome all = Outcome.EQUAL;
      boolean some = false;
      for (Expr item : seq.items()) {
        Outcome one = decide(item, single).outcome();
        some |= one != Outcome.DIFFERENT;
        all = one == Outcome.EQUAL ? all : one;
      }
      if (all == Outcome.EQUAL) {
        return new Decision(Outcome.EQUAL, "set", "all values are equal");
      }
      if (some && gold != seq) {
        return new Decision(Outcome.DIFFERENT, "kinds", "several values where the gold is one of them");
      }
    }
    return new Decision(
        Outcome.DIFFERENT, "kinds", gold == seq ? "the gold has several values" : "the answer has several values");
  }

  private static String digitGroups(Expr.Seq seq) {
    StringBuilder digits = new StringBuilder();
    for (Expr item : seq.items()) {
      String format = digits.isEmpty() ? "%d" : "%03d";
      digits.append(item instanceof Expr.Num num ? String.format(Locale.ROOT, format, num.value().num()) : "?");
    }
    return digits.toString();
  }

  static boolean isAssignments(Expr.Seq seq) {
    return seq.items().stream().allMatch(item ->
        item instanceof Expr.Relation r && r.ops().equals(List.of("=")) && r.sides().get(0) instanceof Expr.Sym);
  }

  private Decision inOrder(List<Expr> gold, List<Expr> answer, String kind) throws UnreadableException {
    if (gold.size() != answer.size()) {
      return new Decision(
          Outcome.DIFFERENT, kind, "gold has " + gold.size() + " members, answer " + answer.size());
    }
    StringBuilder detail = new StringBuilder();
    Decision open = null;
    for (int i = 0; i < gold.size(); i++) {
      Decision one = decide(gold.get(i), answer.get(i));
      if (one.outcome() == Outcome.DIFFERENT) {
        return new Decision(Outcome.DIFFERENT, kind, "member " + (i + 1) + ": " + one.detail());
      }
      open = one.outcome() == Outcome.UNKNOWN ? one : open;
      detail.append(i == 0 ? "" : "; ").append(one.detail());
    }
    return open == null ? new Decision(Outcome.EQUAL, kind, detail.toString()) : Decision.unknown(kind, open.detail());
  }

  /** Compares as sets: every member of each side equals one of the other. */
  private Decision members(List<Expr> gold, List<Expr> answer, String kind) throws UnreadableException {
    if (gold.size() > 64 || answer.size() > 64) {
      return inOrder(gold, answer, kind).equal()
          ? new Decision(Outcome.EQUAL, kind, gold.size() + " members in the same order")
          : Decision.unknown(kind, "more than 64 members");
    }
    Decision forth = covered(gold, answer, kind, this::decideSwallowing);
    return forth.equal() ? covered(answer, gold, kind, (a, b) -> decideSwallowing(b, a)) : forth;
  }

  private Decision decideSwallowing(Expr gold, Expr answer) {
    try {
      return decide(gold, answer);
    } catch (UnreadableException | ArithmeticException e) {
      return Decision.unknown("none", e.getMessage());
    }
  }

  private static Decision covered(
      List<Expr> these, List<Expr> those, String kind, BiFunction<Expr, Expr, Decision> compare) {
    StringBuilder detail = new StringBuilder();
    Decision open = null;
    for (Expr one : these) {
      Decision found = null;
      for (Expr other : those) {
        Decision decision = compare.apply(one, other);
        if (decision.equal()) {
          found = decision;
          break;
        }
        found = decision.outcome() == Outcome.UNKNOWN ? decision : found;
      }
      if (found == null) {
        return new Decision(Outcome.DIFFERENT, kind, "a member has no equal on the other side");
      }
      open = found.equal() ? open : found;
      detail.append(detail.isEmpty() ? "" : "; ").append(found.detail());
    }
    return open == null ? new Decision(Outcome.EQUAL, kind, detail.toString()) : Decision.unknown(kind, open.detail());
  }

  private static boolean isUnion(Expr expr) {
    return expr instanceof Expr.Call call && Set.of("cup", "cap", "setminus").contains(call.function());
  }

  private static List<Expr> unionParts(Expr expr) throws UnreadableException {
    if (expr instanceof Expr.Call call && call.function().equals("cup")) {
      List<Expr> parts = new ArrayList<>();
      for (Expr arg : call.args()) {
        parts.addAll(unionParts(arg));
      }
      return parts;
    }
    if (isUnion(expr)) {
      throw new UnreadableException("an intersection or difference of sets");
    }
    return List.of(expr);
  }

  private Decision values(Expr gold, Expr answer) throws UnreadableException {
    Expr a = bare(gold);
    Expr b = bare(answer);
    Expr aPercent = percentOf(a);
    Expr bPercent = percentOf(b);
    if ((aPercent != null) != (bPercent != null)) {
      Decision number = single(aPercent != null ? aPercent : a, bPercent != null ? bPercent : b);
      return number.equal() ? number : single(a, b);
    }
    if ((a instanceof Expr.Based) != (b instanceof Expr.Based)) {
      Expr.Based based = (Expr.Based) (a instanceof Expr.Based ? a : b);
      Expr other = based == a ? b : a;
      if (other instanceof Expr.Num num && num.value().toString().equals(based.digits())) {
        return Decision.unknown("number", "the same digits, once with the base " + based.base() + " and once without");
      }
    }
    return aPercent != null ? single(aPercent, bPercent) : single(a, b);
  }

  /** Without a degree sign around the whole: 60° is 60 as an answer, and π/3 only inside a function. */
  private static Expr bare(Expr expr) {
    if (expr instanceof Expr.Degrees degrees) {
      return degrees.of();
    }
    if (expr instanceof Expr.Product product && product.factors().size() == 2
        && product.factors().get(1) instanceof Expr.Degrees degrees) {
      return new Expr.Product(List.of(product.factors().get(0), degrees.of()));
    }
    return expr;
  }

  /** What stands before the percent sign around the whole, or null. */
  private static Expr percentOf(Expr expr) {
    if (expr instanceof Expr.Percent percent) {
      return percent.of();
    }
    if (expr instanceof Expr.Product product
        && product.factors().get(product.factors().size() - 1) instanceof Expr.Percent percent) {
      List<Expr> factors = new ArrayList<>(product.factors());
      factors.set(factors.size() - 1, percent.of());
      return new Expr.Product(factors);
    }
    return null;
  }

  /** Compares two single values. */
  Decision single(Expr gold, Expr answer) throws UnreadableException {
    NormalForm a = NormalForm.of(gold, work);
    NormalForm b;
    try {
      b = NormalForm.of(answer, work);
    } catch (ArithmeticException e) {
      return new Decision(Outcome.DIFFERENT, "number", "the gold is " + a + ", the answer has no value: "
          + e.getMessage());
    }
    Rational x = a.constant();
    Rational y = b.constant();
    if (x != null && y != null) {
      return Decision.of(x.equals(y), "number", x, y);
    }
    Polynomial difference = a.crossDifference(b, work);
    if (difference.isZero()) {
      return Decision.of(true, "expression", a, b);
    }
    if (unitLetter(a, b) || unitLetter(b, a)) {
      return Decision.unknown("expression", "a letter after the number may be a unit: gold " + a + ", answer " + b);
    }
    if (infinite(a) || infinite(b)) {
      return Decision.of(false, "expression", a, b);
    }
    if (!difference.independentAtoms() && !apart(gold, answer)) {
      return Decision.unknown("expression", "not decided: gold " + a + ", answer " + b);
    }
    if (a.toString().equalsIgnoreCase(b.toString())) {
      return Decision.unknown("expression", "the same but for upper and lower case: gold " + a + ", answer " + b);
    }
    return Decision.of(false, "expression", a, b);
  }

  private boolean apart(Expr gold, Expr answer) {
    for (int point = 0; point < POINTS; point++) {
      if (Approximation.at(point, gold, work).isApartFrom(Approximation.at(point, answer, work))) {
        return true;
      }
    }
    return false;
  }

  /** Whether this is ∞ or -∞ alone. */
  private static boolean infinite(NormalForm form) {
    return form.den().equals(Polynomial.ONE) && form.num().terms().size() == 1
        && form.num().terms().firstKey().equals(Monomial.of("∞", Rational.ONE));
  }

  /** Whether one is the number of the other with a letter that may be a unit. */
  private static boolean unitLetter(NormalForm number, NormalForm withLetter) {
    if (number.constant() == null || !withLetter.den().equals(Polynomial.ONE) || withLetter.num().terms().size() != 1) {
      return false;
    }
    Monomial monomial = withLetter.num().terms().firstKey();
    return monomial.atoms().size() == 1 && UNIT_LETTERS.contains(monomial.atoms().firstKey())
        && withLetter.num().terms().firstEntry().getValue().equals(number.constant());
  }

  /** Turns the first ± into a list of two. */
  private static Expr spread(Expr expr) {
    if (expr instanceof Expr.Relation relation && relation.ops().equals(List.of("="))
        && relation.sides().get(1) instanceof Expr.PlusMinus) {
      Expr values = spread(relation.sides().get(1));
      List<Expr> items = new ArrayList<>();
      for (Expr value : ((Expr.Seq) values).items()) {
        items.add(new Expr.Relation(List.of(relation.sides().get(0), value), relation.ops()));
      }
      return new Expr.Seq(Kind.LIST, items, false, false);
    }
    if (expr instanceof Expr.Seq seq && (seq.kind() == Kind.LIST || seq.kind() == Kind.SET)
        && seq.items().stream().anyMatch(Equivalence::hasPlusMinus)) {
      List<Expr> items = new ArrayList<>();
      for (Expr item : seq.items()) {
        Expr values = spread(item);
        items.addAll(values instanceof Expr.Seq several && several.kind() == Kind.LIST ? several.items()
            : List.of(values));
      }
      return new Expr.Seq(seq.kind(), items, false, false);
    }
    if (!hasPlusMinus(expr)) {
      return expr;
    }
    return new Expr.Seq(Kind.LIST, List.of(choose(expr, true), choose(expr, false)), false, false);
  }

  private static boolean hasPlusMinus(Expr expr) {
    if (expr instanceof Expr.PlusMinus) {
      return true;
    } else if (expr instanceof Expr.Sum sum) {
      return sum.terms().stream().anyMatch(Equivalence::hasPlusMinus);
    } else if (expr instanceof Expr.Product product) {
      return product.factors().stream().anyMatch(Equivalence::hasPlusMinus);
    }
    return false;
  }

  private static Expr choose(Expr expr, boolean upper) {
    if (expr instanceof Expr.PlusMinus pm) {
      Expr right = upper == pm.minusFirst() ? Expr.negate(pm.right()) : pm.right();
      return new Expr.Sum(List.of(choose(pm.left(), upper), right));
    } else if (expr instanceof Expr.Sum sum) {
      return new Expr.Sum(sum.terms().stream().map(term -> choose(term, upper)).toList());
    } else if (expr instanceof Expr.Product product) {
      return new Expr.Product(product.factors().stream().map(factor -> choose(factor, upper)).toList());
    }
    return expr;
  }
}
