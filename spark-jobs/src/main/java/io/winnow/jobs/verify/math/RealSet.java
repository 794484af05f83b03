// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import io.winnow.jobs.verify.math.Expr.Kind;
import java.util.ArrayList;
import java.util.List;

/**
 * A set of real numbers as disjoint intervals in ascending order: what intervals, finite sets, inequalities in one
 * name, unions, intersections and differences of them describe. Two that describe the same numbers have the same
 * intervals.
 */
final class RealSet {
  private static final int MAX_INTERVALS = 64;

  /** An end: a number, or an infinity when {@code infinite} is not 0. */
  private record End(Expr value, int infinite) {}

  private record Interval(End low, boolean openLow, End high, boolean openHigh) {}

  private static final End BELOW = new End(null, -1);
  private static final End ABOVE = new End(null, 1);

  private final List<Interval> intervals;

  private RealSet(List<Interval> intervals) {
    this.intervals = intervals;
  }

  /** Reads a set. */
  static RealSet of(Expr expr, WorkLimit work) throws UnreadableException {
    work.spend(20);
    if (expr instanceof Expr.Sym sym && sym.name().equals("∅")) {
      return new RealSet(List.of());
    } else if (expr instanceof Expr.Sym sym && sym.name().equals("mathbbR")) {
      return all();
    } else if (expr instanceof Expr.Seq seq && seq.kind() == Kind.BRACKETED && seq.items().size() == 2) {
      return interval(end(seq.items().get(0)), seq.openLeft(), end(seq.items().get(1)), seq.openRight(), work);
    } else if (expr instanceof Expr.Seq seq && seq.kind() == Kind.SET) {
      RealSet result = new RealSet(List.of());
      for (Expr item : seq.items()) {
        result = result.union(interval(end(item), false, end(item), false, work), work);
      }
      return result;
    } else if (expr instanceof Expr.Seq seq && seq.kind() == Kind.LIST) {
      return conditions(seq.items(), work);
    } else if (expr instanceof Expr.Relation relation) {
      return relation(relation, work);
    } else if (expr instanceof Expr.Call call) {
      RealSet result = null;
      for (Expr arg : call.args()) {
        RealSet next = of(arg, work);
        result = result == null ? next : switch (call.function()) {
          case "cup" -> result.union(next, work);
          case "cap" -> result.complement(work).union(next.complement(work), work).complement(work);
          case "setminus" -> result.complement(work).union(next, work).complement(work);
          default -> throw new UnreadableException("no set of numbers");
        };
      }
      return result;
    }
    throw new UnreadableException("no set of numbers");
  }

  /** Whether an expression is a set that {@link Equivalence} should compare as numbers and not as a list. */
  static boolean isOperation(Expr expr) {
    return expr instanceof Expr.Call call
        ? call.function().equals("cup") || call.function().equals("cap") || call.function().equals("setminus")
        : expr instanceof Expr.Sym sym && (sym.name().equals("mathbbR") || sym.name().equals("∅"));
  }

  private static RealSet all() {
    return new RealSet(List.of(new Interval(BELOW, true, ABOVE, true)));
  }

  private static End end(Expr expr) {
    if (expr instanceof Expr.Sym sym && sym.name().equals("∞")) {
      return ABOVE;
    }
    boolean below = expr instanceof Expr.Product product && product.factors().size() == 2
        && product.factors().get(0) instanceof Expr.Num num && num.value().equals(Rational.MINUS_ONE)
        && product.factors().get(1).equals(new Expr.Sym("∞"));
    return below ? BELOW : new End(expr, 0);
  }

  private static RealSet interval(End low, boolean openLow, End high, boolean openHigh, WorkLimit work)
      throws UnreadableException {
    int order = compare(low, high, work);
    if (order > 0) {
      throw new UnreadableException("an interval whose ends are in the wrong order");
    }
    if (order == 0 && (openLow || openHigh || low.infinite != 0)) {
      return new RealSet(List.of());
    }
    return new RealSet(List.of(new Interval(low, openLow || low.infinite != 0, high, openHigh || high.infinite != 0)));
  }

  /** Conditions with commas or "and" between: all of them where that is possible, else any of them. */
  private static RealSet conditions(List<Expr> items, WorkLimit work) throws UnreadableException {
    RealSet none = new RealSet(List.of());
    RealSet any = none;
    RealSet every = all();
    for (Expr item : items) {
      if (!(item instanceof Expr.Relation relation) || relation.ops().contains("=")) {
        throw new UnreadableException("no set of numbers");
      }
      RealSet next = relation(relation, work);
      any = any.union(next, work);
      every = every.complement(work).union(next.complement(work), work).complement(work);
    }
    return every.intervals.isEmpty() ? any : every;
  }

  private static RealSet relation(Expr.Relation relation, WorkLimit work) throws UnreadableException {
    List<Expr> sides = relation.sides();
    List<String> ops = relation.ops();
    if (ops.size() == 1 && (ops.get(0).equals("∈") || ops.get(0).equals("∉")) && isName(sides.get(0))) {
      RealSet set = of(sides.get(1), work);
      return ops.get(0).equals("∈") ? set : set.complement(work);
    }
    int name = isName(sides.get(0)) ? 0 : isName(sides.get(1)) ? 1 : -1;
    if (name < 0 || sides.size() > 3 || (sides.size() == 3 && name != 1) || Evaluation.variables(relation).size() > 1) {
      throw new UnreadableException("a relation that is no condition on one name");
    }
    RealSet result = all();
    for (int i = 0; i < ops.size(); i++) {
      boolean nameLeft = i == name;
      End end = end(sides.get(nameLeft ? i + 1 : i));
      RealSet half = switch (ops.get(i)) {
        case "<" -> half(end, nameLeft, true, work);
        case "≤" -> half(end, nameLeft, false, work);
        case ">" -> half(end, !nameLeft, true, work);
        case "≥" -> half(end, !nameLeft, false, work);
        case "≠" -> interval(end, false, end, false, work).complement(work);
        default -> throw new UnreadableException("a relation that is no condition on one name");
      };
      result = result.complement(work).union(half.complement(work), work).complement(work);
    }
    return result;
  }

  private static RealSet half(End end, boolean below, boolean open, WorkLimit work) throws UnreadableException {
    return below ? interval(BELOW, true, end, open, work) : interval(end, open, ABOVE, true, work);
  }

  private static boolean isName(Expr expr) {
    return expr instanceof Expr.Sym sym && !NormalForm.CONSTANTS.contains(sym.name());
  }

  private RealSet union(RealSet other, WorkLimit work) throws UnreadableException {
    if (intervals.size() + other.intervals.size() > MAX_INTERVALS) {
      throw new UnreadableException("a set of more than " + MAX_INTERVALS + " intervals");
    }
    // Inserted one by one at their place; the lists are short.
    List<Interval> sorted = new ArrayList<>(intervals);
    for (Interval one : other.intervals) {
      int at = 0;
      while (at < sorted.size() && startsBefore(sorted.get(at), one, work)) {
        at++;
      }
      sorted.add(at, one);
    }
    List<Interval> merged = new ArrayList<>();
    for (Interval next : sorted) {
      Interval last = merged.isEmpty() ? null : merged.get(merged.size() - 1);
      int gap = last == null ? -1 : compare(last.high, next.low, work);
      if (last == null || gap < 0 || (gap == 0 && last.openHigh && next.openLow)) {
        merged.add(next);
        continue;
      }
      int order = compare(last.high, next.high, work);
      End high = order >= 0 ? last.high : next.high;
      boolean open = order == 0 ? last.openHigh && next.openHigh : order > 0 ? last.openHigh : next.openHigh;
      merged.set(merged.size() - 1, new Interval(last.low, last.openLow, high, open));
    }
    return new RealSet(merged);
  }

  private static boolean startsBefore(Interval a, Interval b, WorkLimit work) throws UnreadableException {
    int order = compare(a.low, b.low, work);
    return order < 0 || (order == 0 && (!a.openLow || b.openLow));
  }

  private RealSet complement(WorkLimit work) throws UnreadableException {
    List<Interval> rest = new ArrayList<>();
    End low = BELOW;
    boolean open = true;
    for (Interval one : intervals) {
      if (one.low.infinite == 0) {
        rest.addAll(interval(low, open, one.low, !one.openLow, work).intervals);
      }
      low = one.high;
      open = !one.openHigh;
    }
    if (low.infinite <= 0) {
      rest.add(new Interval(low, open || low.infinite != 0, ABOVE, true));
    }
    return new RealSet(rest);
  }

  /** Whether the two hold the same numbers. */
  boolean isSame(RealSet other, WorkLimit work) throws UnreadableException {
    if (intervals.size() != other.intervals.size()) {
      return false;
    }
    for (int i = 0; i < intervals.size(); i++) {
      Interval a = intervals.get(i);
      Interval b = other.intervals.get(i);
      if (a.openLow != b.openLow || a.openHigh != b.openHigh || compare(a.low, b.low, work) != 0
          || compare(a.high, b.high, work) != 0) {
        return false;
      }
    }
    return true;
  }

  private static int compare(End a, End b, WorkLimit work) throws UnreadableException {
    work.spend(10);
    if (a.infinite != 0 || b.infinite != 0) {
      return Integer.compare(a.infinite, b.infinite);
    }
    NormalForm left = NormalForm.of(a.value, work);
    NormalForm right = NormalForm.of(b.value, work);
    Rational x = left.constant();
    Rational y = right.constant();
    if (x != null && y != null) {
      return x.compareTo(y);
    }
    if (left.crossDifference(right, work).isZero()) {
      return 0;
    }
    if (!Evaluation.variables(a.value).isEmpty() || !Evaluation.variables(b.value).isEmpty()) {
      throw new UnreadableException("ends whose order is not known");
    }
    ComplexBall p = new Evaluation(0, work).of(a.value);
    ComplexBall q = new Evaluation(0, work).of(b.value);
    int sign = p.isReal() && q.isReal() ? p.re().add(q.re().negate()).sign() : 0;
    if (sign == 0) {
      throw new UnreadableException("ends whose order is not known");
    }
    return sign;
  }

  @Override
  public String toString() {
    StringBuilder out = new StringBuilder();
    for (Interval one : intervals) {
      out.append(out.isEmpty() ? "" : " ∪ ").append(one.openLow ? "(" : "[").append(name(one.low)).append(", ")
          .append(name(one.high)).append(one.openHigh ? ")" : "]");
    }
    return out.isEmpty() ? "∅" : out.toString();
  }

  private static String name(End end) {
    return end.infinite < 0 ? "-∞" : end.infinite > 0 ? "∞"
        : end.value instanceof Expr.Num num ? num.value().toString() : "…";
  }
}
