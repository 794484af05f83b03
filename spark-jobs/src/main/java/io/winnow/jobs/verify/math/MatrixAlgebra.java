// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import io.winnow.jobs.verify.math.Expr.Kind;
import java.util.ArrayList;
import java.util.List;

/** Sums, products, small powers, transposes and determinants of matrices, brought to one matrix or one value. */
final class MatrixAlgebra {
  /** Rows of a determinant that is expanded: 120 products at most. */
  private static final int MAX_DETERMINANT = 5;
  private static final int MAX_POWER = 6;

  private final WorkLimit work;

  MatrixAlgebra(WorkLimit work) {
    this.work = work;
  }

  /** The expression with every operation on matrices carried out that is known; others stay. */
  Expr reduced(Expr expr) throws UnreadableException {
    if (!ValueEquivalence.any(expr, MatrixAlgebra::isMatrix)) {
      return expr;
    }
    if (expr instanceof Expr.Relation relation) {
      List<Expr> sides = new ArrayList<>();
      for (Expr side : relation.sides()) {
        sides.add(reduced(side));
      }
      return new Expr.Relation(sides, relation.ops());
    } else if (expr instanceof Expr.Sum sum) {
      Expr result = null;
      for (Expr term : sum.terms()) {
        Expr next = reduced(term);
        result = result == null ? next : plus(result, next);
      }
      return result;
    } else if (expr instanceof Expr.Product product) {
      Expr result = null;
      for (Expr factor : product.factors()) {
        Expr next = reduced(factor);
        result = result == null ? next : times(result, next);
      }
      return result;
    } else if (expr instanceof Expr.Power power) {
      return power(reduced(power.base()), power.exponent(), expr);
    } else if (expr instanceof Expr.Call call && call.function().equals("det")) {
      Expr of = reduced(call.args().get(0));
      return isMatrix(of) ? determinant(rows(of)) : expr;
    }
    return expr;
  }

  static boolean isMatrix(Expr expr) {
    return expr instanceof Expr.Seq seq && seq.kind() == Kind.MATRIX;
  }

  /** The rows, all of the same length. */
  private static List<List<Expr>> rows(Expr matrix) throws UnreadableException {
    List<List<Expr>> rows = new ArrayList<>();
    for (Expr row : ((Expr.Seq) matrix).items()) {
      rows.add(((Expr.Seq) row).items());
      if (rows.get(0).size() != rows.get(rows.size() - 1).size()) {
        throw new UnreadableException("a matrix whose rows differ in length");
      }
    }
    return rows;
  }

  private static Expr matrix(List<List<Expr>> rows) {
    List<Expr> items = new ArrayList<>();
    for (List<Expr> row : rows) {
      items.add(new Expr.Seq(Kind.MATRIX, row, false, false));
    }
    return new Expr.Seq(Kind.MATRIX, items, false, false);
  }

  private Expr plus(Expr a, Expr b) throws UnreadableException {
    if (!isMatrix(a) && !isMatrix(b)) {
      return new Expr.Sum(List.of(a, b));
    }
    if (!isMatrix(a) || !isMatrix(b)) {
      throw new UnreadableException("a matrix plus something else");
    }
    List<List<Expr>> left = rows(a);
    List<List<Expr>> right = rows(b);
    if (left.size() != right.size() || left.get(0).size() != right.get(0).size()) {
      throw new UnreadableException("a sum of matrices of different shapes");
    }
    List<List<Expr>> rows = new ArrayList<>();
    for (int i = 0; i < left.size(); i++) {
      List<Expr> row = new ArrayList<>();
      for (int j = 0; j < left.get(i).size(); j++) {
        work.spend(2);
        row.add(new Expr.Sum(List.of(left.get(i).get(j), right.get(i).get(j))));
      }
      rows.add(row);
    }
    return matrix(rows);
  }

  private Expr times(Expr a, Expr b) throws UnreadableException {
    if (!isMatrix(a) && !isMatrix(b)) {
      return new Expr.Product(List.of(a, b));
    }
    if (!isMatrix(a) || !isMatrix(b)) {
      Expr scalar = isMatrix(a) ? b : a;
      List<List<Expr>> rows = new ArrayList<>();
      for (List<Expr> row : rows(isMatrix(a) ? a : b)) {
        work.spend(2 * row.size());
        rows.add(row.stream().map(entry -> (Expr) new Expr.Product(List.of(scalar, entry))).toList());
      }
      return matrix(rows);
    }
    List<List<Expr>> left = rows(a);
    List<List<Expr>> right = rows(b);
    int inner = right.size();
    if (left.get(0).size() != inner) {
      throw new UnreadableException("a product of matrices of different shapes");
    }
    List<List<Expr>> rows = new ArrayList<>();
    for (List<Expr> row : left) {
      List<Expr> result = new ArrayList<>();
      for (int j = 0; j < right.get(0).size(); j++) {
        List<Expr> terms = new ArrayList<>();
        for (int k = 0; k < inner; k++) {
          work.spend(3);
          terms.add(new Expr.Product(List.of(row.get(k), right.get(k).get(j))));
        }
        result.add(new Expr.Sum(terms));
      }
      rows.add(result);
    }
    return matrix(rows);
  }

  private Expr power(Expr base, Expr exponent, Expr whole) throws UnreadableException {
    if (!isMatrix(base)) {
      return whole;
    }
    if (exponent instanceof Expr.Sym sym && (sym.name().equals("T") || sym.name().equals("t"))) {
      List<List<Expr>> rows = rows(base);
      List<List<Expr>> turned = new ArrayList<>();
      for (int j = 0; j < rows.get(0).size(); j++) {
        List<Expr> row = new ArrayList<>();
        for (List<Expr> from : rows) {
          row.add(from.get(j));
        }
        turned.add(row);
      }
      return matrix(turned);
    }
    if (exponent instanceof Expr.Num num && num.value().isInteger() && num.value().signum() > 0
        && num.value().num().bitLength() < 4 && num.value().num().intValue() <= MAX_POWER) {
      Expr result = base;
      for (int i = 1; i < num.value().num().intValue(); i++) {
        result = times(result, base);
      }
      return result;
    }
    return whole;
  }

  private Expr determinant(List<List<Expr>> rows) throws UnreadableException {
    int n = rows.size();
    if (n != rows.get(0).size() || n > MAX_DETERMINANT) {
      throw new UnreadableException("a determinant of " + n + " rows and " + rows.get(0).size() + " columns");
    }
    if (n == 1) {
      return rows.get(0).get(0);
    }
    List<Expr> terms = new ArrayList<>();
    for (int j = 0; j < n; j++) {
      work.spend(4);
      List<List<Expr>> minor = new ArrayList<>();
      for (int i = 1; i < n; i++) {
        List<Expr> row = new ArrayList<>(rows.get(i));
        row.remove(j);
        minor.add(row);
      }
      Expr term = new Expr.Product(List.of(rows.get(0).get(j), determinant(minor)));
      terms.add(j % 2 == 0 ? term : Expr.negate(term));
    }
    return new Expr.Sum(terms);
  }
}
