// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.math.WorkLimit;
import io.winnow.jobs.verify.mathverify.LatexLexer.Kind;
import java.util.ArrayList;
import java.util.List;

/** Reads matrices and computes with them. */
final class Matrices {
  private static final int MAX_DETERMINANT = 6;

  private Matrices() {}

  /** A matrix environment; that with bars is a determinant. */
  static Term read(ValueReader in, WorkLimit work) throws UnreadFormulaException {
    String name = in.next().text().substring("begin:".length());
    switch (name) {
      case "matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "smallmatrix" -> { }
      case "array" -> {
        if (in.peek() == Kind.OPEN) {
          in.back(in.position() + in.bracket().close() - in.position() + 1);
        }
      }
      default -> throw new UnreadFormulaException("the environment " + name);
    }
    List<List<Term>> rows = new ArrayList<>();
    List<Term> row = new ArrayList<>();
    while (in.peek() != Kind.END) {
      row.add(in.value());
      if (in.take(Kind.AMP)) {
        continue;
      }
      rows.add(row);
      row = new ArrayList<>();
      if (!in.take(Kind.ROW) && in.peek() != Kind.END) {
        throw in.unexpected();
      }
    }
    if (!row.isEmpty() || rows.isEmpty() || !in.next().text().equals("end:" + name)) {
      throw new UnreadFormulaException("a matrix that is not closed");
    }
    int columns = rows.get(0).size();
    if (rows.stream().anyMatch(r -> r.size() != columns)) {
      throw new UnreadFormulaException("rows of different lengths");
    }
    if (!name.equals("vmatrix")) {
      return new Term.Matrix(rows);
    }
    return determinant(new Term.Matrix(rows), work);
  }

  /** A determinant: a number where all entries are numbers. */
  static Term determinant(Term.Matrix matrix, WorkLimit work) throws UnreadFormulaException {
    List<List<Term>> rows = matrix.rows();
    int columns = rows.get(0).size();
    if (columns != rows.size() || columns > MAX_DETERMINANT) {
      throw new UnreadFormulaException("a determinant of " + rows.size() + " by " + columns);
    }
    Term determinant = determinant(rows);
    var exact = Numbers.exact(determinant, work);
    return exact == null ? determinant : new Term.Num(exact, false);
  }

  static Term.Matrix transposed(Term.Matrix matrix) {
    List<List<Term>> rows = new ArrayList<>();
    for (int j = 0; j < matrix.rows().get(0).size(); j++) {
      List<Term> row = new ArrayList<>();
      for (List<Term> old : matrix.rows()) {
        row.add(old.get(j));
      }
      rows.add(row);
    }
    return new Term.Matrix(rows);
  }

  private static Term determinant(List<List<Term>> rows) {
    if (rows.size() == 1) {
      return rows.get(0).get(0);
    }
    List<Term> terms = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      List<List<Term>> minor = new ArrayList<>();
      for (int j = 0; j < rows.size(); j++) {
        if (j != i) {
          minor.add(rows.get(j).subList(1, rows.size()));
        }
      }
      Term part = new Term.Product(List.of(rows.get(i).get(0), determinant(minor)));
      terms.add(i % 2 == 0 ? part : Term.negate(part));
    }
    return new Term.Sum(terms);
  }

  /** The matrix that sums, multiples and products of matrices come to; null when it is none. */
  static Term.Matrix evaluate(Term term) {
    if (term instanceof Term.Matrix matrix) {
      return matrix;
    } else if (term instanceof Term.Sum sum) {
      Term.Matrix result = null;
      for (Term part : sum.terms()) {
        Term.Matrix matrix = evaluate(part);
        result = matrix == null ? null : result == null && part == sum.terms().get(0) ? matrix : plus(result, matrix);
        if (result == null) {
          return null;
        }
      }
      return result;
    } else if (term instanceof Term.Product product) {
      Term.Matrix result = null;
      List<Term> scalars = new ArrayList<>();
      for (Term factor : product.factors()) {
        Term.Matrix matrix = evaluate(factor);
        if (matrix == null) {
          scalars.add(factor);
        } else {
          result = result == null ? matrix : times(result, matrix);
          if (result == null) {
            return null;
          }
        }
      }
      return result == null ? null : scaled(result, scalars);
    }
    return null;
  }

  private static Term.Matrix plus(Term.Matrix a, Term.Matrix b) {
    if (a == null || a.rows().size() != b.rows().size() || a.rows().get(0).size() != b.rows().get(0).size()) {
      return null;
    }
    List<List<Term>> rows = new ArrayList<>();
    for (int i = 0; i < a.rows().size(); i++) {
      List<Term> row = new ArrayList<>();
      for (int j = 0; j < a.rows().get(i).size(); j++) {
        row.add(new Term.Sum(List.of(a.rows().get(i).get(j), b.rows().get(i).get(j))));
      }
      rows.add(row);
    }
    return new Term.Matrix(rows);
  }

  private static Term.Matrix times(Term.Matrix a, Term.Matrix b) {
    int inner = a.rows().get(0).size();
    if (inner != b.rows().size() || inner > 64 || a.rows().size() > 64 || b.rows().get(0).size() > 64) {
      return null;
    }
    List<List<Term>> rows = new ArrayList<>();
    for (List<Term> left : a.rows()) {
      List<Term> row = new ArrayList<>();
      for (int j = 0; j < b.rows().get(0).size(); j++) {
        List<Term> terms = new ArrayList<>();
        for (int k = 0; k < inner; k++) {
          terms.add(new Term.Product(List.of(left.get(k), b.rows().get(k).get(j))));
        }
        row.add(new Term.Sum(terms));
      }
      rows.add(row);
    }
    return new Term.Matrix(rows);
  }

  private static Term.Matrix scaled(Term.Matrix matrix, List<Term> scalars) {
    if (scalars.isEmpty()) {
      return matrix;
    }
    List<List<Term>> rows = new ArrayList<>();
    for (List<Term> row : matrix.rows()) {
      List<Term> scaled = new ArrayList<>();
      for (Term entry : row) {
        List<Term> factors = new ArrayList<>(scalars);
        factors.add(entry);
        scaled.add(new Term.Product(factors));
      }
      rows.add(scaled);
    }
    return new Term.Matrix(rows);
  }
}
