// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.math.WorkLimit;
import java.util.ArrayList;
import java.util.List;

/**
 * Compares sets, tuples and intervals. A finite set has no order; against a gold tuple it has the order in which it
 * was written. An open interval of two ends is also a pair.
 */
final class SetComparison {
  private static final int MAX_ITEMS = 400;
  private static final double NEAR = 1e-9;

  private final Comparison comparison;
  private final WorkLimit work;

  SetComparison(Comparison comparison, WorkLimit work) {
    this.comparison = comparison;
    this.work = work;
  }

  /** The only member of a set, or null. */
  static Term single(Term term) {
    if (!(term instanceof Term.Items set) || set.items().isEmpty()) {
      return null;
    }
    Term first = set.items().get(0);
    return set.items().stream().allMatch(item -> item.equals(first)) ? first : null;
  }

  boolean equal(Term gold, Term answer) {
    if (gold instanceof Term.Interval a && answer instanceof Term.Interval b) {
      return a.openLow() == b.openLow() && a.openHigh() == b.openHigh() && comparison.equal(a.low(), b.low())
          && comparison.equal(a.high(), b.high());
    }
    List<Term> left = ordered(gold);
    List<Term> right = ordered(answer);
    if (left != null && right != null) {
      boolean goldSet = gold instanceof Term.Items || isUnionOfItems(gold);
      if (goldSet) {
        return matched(distinct(left), answer instanceof Term.Items ? distinct(right) : right);
      }
      return inOrder(left, answer instanceof Term.Tuple || answer instanceof Term.Interval ? right : distinct(right));
    }
    Region a = region(gold);
    Region b = a == null ? null : region(answer);
    if (b != null) {
      return sameRegion(a, b);
    }
    return Symbolic.key(gold).equals(Symbolic.key(answer));
  }

  private static boolean isUnionOfItems(Term term) {
    return term instanceof Term.SetOp op && op.op().equals("cup") && items(op.left()) && items(op.right());
  }

  private static boolean items(Term term) {
    return term instanceof Term.Items || isUnionOfItems(term);
  }

  /** The members as written; null for what is no list of members. */
  private static List<Term> ordered(Term term) {
    if (term instanceof Term.Items set) {
      return set.items();
    } else if (term instanceof Term.Tuple tuple) {
      return tuple.items();
    } else if (term instanceof Term.Interval pair && pair.openLow() && pair.openHigh()) {
      return List.of(pair.low(), pair.high());
    } else if (isUnionOfItems(term)) {
      List<Term> all = new ArrayList<>(ordered(((Term.SetOp) term).left()));
      all.addAll(ordered(((Term.SetOp) term).right()));
      return all;
    }
    return null;
  }

  private List<Term> distinct(List<Term> items) {
    if (items.size() > MAX_ITEMS) {
      throw new WorkLimit.Exceeded("a set of " + items.size() + " members");
    }
    List<Term> kept = new ArrayList<>();
    for (Term item : items) {
      work.spend(kept.size() / 4 + 1);
      if (kept.stream().noneMatch(other -> other.equals(item))) {
        kept.add(item);
      }
    }
    return kept;
  }

  private boolean inOrder(List<Term> gold, List<Term> answer) {
    if (gold.size() != answer.size()) {
      return false;
    }
    for (int i = 0; i < gold.size(); i++) {
      if (!comparison.equalMember(gold.get(i), answer.get(i))) {
        return false;
      }
    }
    return true;
  }

  /** Whether each member of one has a partner in the other. */
  private boolean matched(List<Term> gold, List<Term> answer) {
    if (gold.size() != answer.size()) {
      return false;
    }
    List<Term> left = new ArrayList<>(answer);
    for (Term item : gold) {
      boolean found = false;
      for (int i = 0; i < left.size() && !found; i++) {
        if (comparison.equalMember(item, left.get(i))) {
          left.remove(i);
          found = true;
        }
      }
      if (!found) {
        return false;
      }
    }
    return true;
  }

  /** A set of real numbers that consists of intervals and points. */
  private interface Region {
    boolean contains(double x);

    /** Where membership may change. */
    default void ends(List<Double> ends) {}
  }

  /** The region of a set with constant ends; null when it has none or Math-Verify leaves it unevaluated. */
  private Region region(Term term) {
    if (term instanceof Term.Const constant) {
      return switch (constant.name()) {
        case "R" -> x -> true;
        case "∅" -> x -> false;
        default -> null;
      };
    } else if (term instanceof Term.Interval interval) {
      Double low = end(interval.low());
      Double high = end(interval.high());
      return low == null || high == null ? null : new Span(low, high, interval.openLow(), interval.openHigh());
    } else if (term instanceof Term.Items set) {
      List<Region> points = new ArrayList<>();
      for (Term item : set.items()) {
        Double value = end(item);
        if (value == null) {
          return null;
        }
        points.add(new Span(value, value, false, false));
      }
      return new AnyOf(points);
    } else if (term instanceof Term.SetOp op) {
      boolean minus = op.op().equals("minus");
      Region left = region(op.left());
      Region right = left == null ? null : region(op.right());
      if (right == null || op.op().equals("cap") || minus && op.left() instanceof Term.Items) {
        return null;
      }
      return minus ? new Without(left, right) : new AnyOf(List.of(left, right));
    }
    return null;
  }

  private record Span(double low, double high, boolean openLow, boolean openHigh) implements Region {
    @Override
    public boolean contains(double x) {
      boolean above = near(x, low) ? !openLow : x > low;
      boolean below = near(x, high) ? !openHigh : x < high;
      return above && below;
    }

    @Override
    public void ends(List<Double> ends) {
      ends.add(low);
      ends.add(high);
    }
  }

  private record AnyOf(List<Region> parts) implements Region {
    @Override
    public boolean contains(double x) {
      return parts.stream().anyMatch(part -> part.contains(x));
    }

    @Override
    public void ends(List<Double> ends) {
      parts.forEach(part -> part.ends(ends));
    }
  }

  private record Without(Region of, Region holes) implements Region {
    @Override
    public boolean contains(double x) {
      return of.contains(x) && !holes.contains(x);
    }

    @Override
    public void ends(List<Double> ends) {
      of.ends(ends);
      holes.ends(ends);
    }
  }

  private static boolean near(double a, double b) {
    return a == b || Math.abs(a - b) <= NEAR * Math.max(1, Math.abs(a));
  }

  private Double end(Term term) {
    if (!term.isValue() || Numeric.hasNames(term)) {
      return null;
    }
    Numeric value = Numeric.at(Numeric.CONSTANTS, term, work);
    return value.isKnown() && value.im() == 0 ? value.re() : null;
  }

  private boolean sameRegion(Region a, Region b) {
    List<Double> ends = new ArrayList<>();
    a.ends(ends);
    b.ends(ends);
    for (double x : probes(ends)) {
      work.spend(ends.size());
      if (a.contains(x) != b.contains(x)) {
        return false;
      }
    }
    return true;
  }

  /** All ends, and a value before, between and behind them. */
  private static List<Double> probes(List<Double> ends) {
    if (ends.size() > MAX_ITEMS) {
      throw new WorkLimit.Exceeded("a set of " + ends.size() + " ends");
    }
    List<Double> sorted = ends.stream().filter(Double::isFinite).sorted().toList();
    List<Double> probes = new ArrayList<>(sorted);
    if (sorted.isEmpty()) {
      return List.of(0.0);
    }
    probes.add(sorted.get(0) - 1);
    probes.add(sorted.get(sorted.size() - 1) + 1);
    for (int i = 1; i < sorted.size(); i++) {
      if (!near(sorted.get(i - 1), sorted.get(i))) {
        probes.add((sorted.get(i - 1) + sorted.get(i)) / 2);
      }
    }
    return probes;
  }

  /** Whether a set holds exactly the values of the one variable for which a relation is true. */
  boolean satisfies(Term set, Term relation) {
    Region region = region(set);
    if (region == null) {
      return false;
    }
    List<Double> ends = new ArrayList<>();
    region.ends(ends);
    List<Double> probes = new ArrayList<>(probes(ends));
    for (double x : new double[] {-1e4, -100.25, -7.3, -1.1, -0.1, 0.1, 1.3, 6.7, 99.5, 1e4}) {
      probes.add(x);
    }
    String[] name = new String[1];
    for (double x : probes) {
      Boolean holds = holds(relation, x, name);
      if (holds == null || holds != region.contains(x)) {
        return false;
      }
    }
    return name[0] != null;
  }

  /** Whether a relation is true at a value of its one variable; null when it has more or no truth there. */
  private Boolean holds(Term term, double x, String[] name) {
    if (term instanceof Term.And and) {
      boolean all = true;
      for (Term.Relation part : and.relations()) {
        Boolean holds = holds(part, x, name);
        if (holds == null) {
          return null;
        }
        all &= holds;
      }
      return all;
    }
    if (!(term instanceof Term.Relation relation)) {
      return null;
    }
    Numeric.Point point = variable -> {
      if (name[0] == null) {
        name[0] = variable;
      }
      return name[0].equals(variable) ? Numeric.real(x) : Numeric.NONE;
    };
    Numeric left = Numeric.at(point, relation.left(), work);
    Numeric right = Numeric.at(point, relation.right(), work);
    if (!left.isKnown() || !right.isKnown() || !left.isReal() && left.isFinite()) {
      return null;
    }
    boolean same = left.agrees(right) || near(left.re(), right.re());
    return switch (relation.op()) {
      case "<" -> !same && left.re() < right.re();
      case ">" -> !same && left.re() > right.re();
      case "≤" -> same || left.re() < right.re();
      case "≥" -> same || left.re() > right.re();
      case "≠" -> !same;
      default -> same;
    };
  }
}
