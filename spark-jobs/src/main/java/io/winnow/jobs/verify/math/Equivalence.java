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
 * Decides whether an answer equals the gold. Equal is said when exact normal forms agree, when both sides agree in
 * 128 bits at every point where they are evaluated, or when one is a decimal number that rounds the other at six
 * decimals or more; different when normal forms differ by atoms that are independent, or when intervals are apart;
 * else unknown.
 *
 * <p>Policies, where writing is looser than mathematics: a percentage equals its number and its hundredth (50% is 50
 * and is 0.5); a unit on one side and degree signs do not count, known units on both sides convert;
 * {@code name = value} equals value; bare values between commas are in any order, brackets keep it, brackets against
 * bare values or a set keep it too; repeated members of a set count once.
 */
public final class Equivalence {
  /** Members of a set that are compared with each of the other's. */
  private static final int MAX_MEMBERS = 64;

  private final WorkLimit work;

  public Equivalence(WorkLimit work) {
    this.work = work;
  }

  /** Compares; throws {@link WorkLimit.Exceeded} when that takes more work than allowed. */
  public Decision compare(Expr gold, Expr answer) {
    try {
      if (gold instanceof Expr.Measure || answer instanceof Expr.Measure) {
        return measures(gold, answer);
      }
      MatrixAlgebra matrices = new MatrixAlgebra(work);
      return decide(spread(matrices.reduced(gold)), spread(matrices.reduced(answer)));
    } catch (UnreadableException | ArithmeticException e) {
      return Decision.unknown("none", e.getMessage());
    }
  }

  /** Values of which at least one has a unit behind it. */
  private Decision measures(Expr gold, Expr answer) {
    Expr.Measure a = gold instanceof Expr.Measure measure ? measure : null;
    Expr.Measure b = answer instanceof Expr.Measure measure ? measure : null;
    Expr goldValue = a == null ? gold : a.value();
    Expr answerValue = b == null ? answer : b.value();
    if (a != null && b != null) {
      Rational ratio = Units.ratio(b.unit(), a.unit());
      if (ratio == null || ratio.equals(Rational.ONE)) {
        return compare(goldValue, answerValue);
      }
      return ratio.signum() == 0
          ? new Decision(Outcome.DIFFERENT, "unit", "gold in " + a.unit() + ", answer in " + b.unit())
          : compare(goldValue, new Expr.Product(List.of(answerValue, new Expr.Num(ratio))));
    }
    if (a != null && a.product() != null) {
      Decision product = compare(a.product(), answer);
      return product.equal() || compare(goldValue, answer).outcome() == Outcome.DIFFERENT ? product
          : Decision.unknown("expression", "the letter behind the gold may be a unit: " + a.unit());
    }
    if (b != null && b.product() != null && !(gold instanceof Expr.Num)) {
      return compare(gold, b.product());
    }
    return compare(goldValue, answerValue);
  }

  private Decision decide(Expr gold, Expr answer) throws UnreadableException {
    work.spend(10);
    boolean named = gold instanceof Expr.Relation || answer instanceof Expr.Relation;
    if (!named && (gold instanceof Expr.Words || answer instanceof Expr.Words)) {
      return words(gold, answer);
    }
    if (isCall(gold, "adjacent") || isCall(answer, "adjacent")) {
      return adjacent(gold, answer);
    }
    if (isCondition(gold) || isCondition(answer) || RealSet.isOperation(gold) || RealSet.isOperation(answer)) {
      Decision sets = sets(gold, answer);
      if (sets != null) {
        return sets;
      }
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
    if (isCall(gold, "ratio") && isCall(answer, "ratio")) {
      return ratios(((Expr.Call) gold).args(), ((Expr.Call) answer).args());
    }
    return values(gold, answer);
  }

  private static boolean isCall(Expr expr, String function) {
    return expr instanceof Expr.Call call && call.function().equals(function);
  }

  /** Numbers side by side are not their sum; whether they are one number with a gap is not known. */
  private Decision adjacent(Expr gold, Expr answer) throws UnreadableException {
    if (isCall(gold, "adjacent") && isCall(answer, "adjacent")) {
      return inOrder(((Expr.Call) gold).args(), ((Expr.Call) answer).args(), "numbers");
    }
    if (gold instanceof Expr.Num num) {
      StringBuilder digits = new StringBuilder();
      for (Expr arg : ((Expr.Call) answer).args()) {
        digits.append(arg instanceof Expr.Num part ? part.value() : "?");
      }
      if (!digits.toString().equals(num.value().toString())) {
        return new Decision(Outcome.DIFFERENT, "numbers", "the answer has several numbers: " + digits);
      }
    }
    return Decision.unknown("numbers", "two numbers side by side");
  }

  /** An inequality, or several between commas. */
  private static boolean isCondition(Expr expr) {
    return expr instanceof Expr.Relation relation
        ? relation.ops().stream().allMatch(op -> "<≤>≥≠".contains(op))
        : expr instanceof Expr.Seq seq && seq.kind() == Kind.LIST
            && seq.items().stream().allMatch(item -> item instanceof Expr.Relation && isCondition(item));
  }

  /** Compares as sets of real numbers, or null where one is none that {@link RealSet} knows. */
  private Decision sets(Expr gold, Expr answer) {
    Set<String> a = Evaluation.variables(gold);
    Set<String> b = Evaluation.variables(answer);
    // A condition on two names describes no set of numbers, and x < 2 is not y < 2.
    if (a.size() > 1 || b.size() > 1 || (!a.isEmpty() && !b.isEmpty() && !a.equals(b))) {
      return null;
    }
    try {
      RealSet left = RealSet.of(gold, work);
      RealSet right = RealSet.of(answer, work);
      return Decision.of(left.isSame(right, work), "interval", left, right);
    } catch (UnreadableException | ArithmeticException e) {
      return null;
    }
  }

  private static boolean isZero(Expr expr) {
    return expr instanceof Expr.Num num && num.value().signum() == 0;
  }

  /** 1:2:3 is 2:4:6, and 12:00 is not 1:00. */
  private Decision ratios(List<Expr> gold, List<Expr> answer) throws UnreadableException {
    Decision same = inOrder(gold, answer, "ratio");
    if (same.equal() || gold.size() != answer.size() || isZero(gold.get(1)) || isZero(answer.get(1))) {
      return same;
    }
    List<Expr> left = new ArrayList<>();
    List<Expr> right = new ArrayList<>();
    for (int i = 0; i < gold.size(); i++) {
      left.add(new Expr.Product(List.of(gold.get(i), answer.get(0))));
      right.add(new Expr.Product(List.of(answer.get(i), gold.get(0))));
    }
    return inOrder(left, right, "ratio");
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
    if (single instanceof Expr.Num num && seq.kind() == Kind.LIST && (digitGroups(seq).equals(num.value().toString())
        || isDecimalComma(seq, num.value()))) {
      return Decision.unknown("kinds", "several values that may be the digits of one");
    }
    if (isUnion(single) || single instanceof Expr.Sym || MatrixAlgebra.isMatrix(seq) || seq.items().size() == 1) {
      return Decision.unknown("kinds", "several values against a set or a name");
    }
    if (seq.kind() != Kind.BRACKETED) {
      // Several values may be one value said several times: "1/2, that is 0.5".
      Outcome all = Outcome.EQUAL;
      boolean some = false;
      for (int i = 0; i < seq.items().size() && (all == Outcome.EQUAL || i < MAX_MEMBERS); i++) {
        Outcome one = decide(seq.items().get(i), single).outcome();
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

  /** Whether {@code 2,74} may be 2.74. */
  private static boolean isDecimalComma(Expr.Seq seq, Rational value) {
    if (seq.items().size() != 2 || !(seq.items().get(0) instanceof Expr.Num whole)
        || !(seq.items().get(1) instanceof Expr.Num part) || !whole.value().isInteger() || !part.value().isInteger()
        || part.value().signum() < 0 || part.value().num().bitLength() > 30) {
      return false;
    }
    String digits = part.value().toString();
    Rational fraction = part.value().times(Rational.of(10).power(-digits.length()));
    return value.equals(whole.value().signum() < 0 ? whole.value().minus(fraction) : whole.value().plus(fraction));
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
    if (gold.size() > MAX_MEMBERS || answer.size() > MAX_MEMBERS) {
      return inOrder(gold, answer, kind).equal()
          ? new Decision(Outcome.EQUAL, kind, gold.size() + " members in the same order")
          : Decision.unknown(kind, "more than " + MAX_MEMBERS + " members");
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
    Decision written = written(a, b);
    // 60° is 60 for those who leave the sign out, and π/3 for all.
    return written.equal() || (a == gold) == (b == answer) || !single(gold, answer).equal() ? written
        : single(gold, answer);
  }

  private Decision written(Expr a, Expr b) throws UnreadableException {
    Expr aPercent = percentOf(a);
    Expr bPercent = percentOf(b);
    if ((aPercent != null) != (bPercent != null)) {
      Expr number = aPercent != null ? aPercent : bPercent;
      Decision asWritten = Evaluation.variables(number).isEmpty()
          ? single(aPercent != null ? aPercent : a, bPercent != null ? bPercent : b) : null;
      return asWritten != null && asWritten.equal() ? asWritten : single(a, b);
    }
    if ((a instanceof Expr.Based) != (b instanceof Expr.Based)) {
      Expr.Based based = (Expr.Based) (a instanceof Expr.Based ? a : b);
      Expr other = based == a ? b : a;
      if (other instanceof Expr.Num num && num.value().toString().equals(based.digits())) {
        return based == a
            ? Decision.unknown("number", "the same digits, in the gold with the base " + based.base())
            : new Decision(Outcome.DIFFERENT, "number", "the same digits, in the answer with the base " + based.base());
      }
      if (based == b && !based.fits()) {
        return new Decision(Outcome.DIFFERENT, "number", "the answer is no number in base " + based.base());
      }
    }
    if (a instanceof Expr.Based x && b instanceof Expr.Based y && (x.equals(y) || !x.fits() || !y.fits())) {
      return Decision.of(x.equals(y), "number", x.digits() + "_" + x.base(), y.digits() + "_" + y.base());
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

  private Decision single(Expr gold, Expr answer) throws UnreadableException {
    if (gold instanceof Expr.Num a && answer instanceof Expr.Num b && a.value().equals(b.value())) {
      return Decision.of(true, "number", a.value(), b.value());
    }
    return new ValueEquivalence(work).compare(gold, answer);
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
