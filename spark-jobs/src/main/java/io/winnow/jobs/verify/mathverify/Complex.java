// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import java.util.List;

/**
 * Marks the variables of a formula that Math-Verify takes as complex: those of a formula with an i that stands alone,
 * as in {@code 2 i} but not {@code 2i}, and some others. A complex variable never equals the real one of the same name
 * within an expression.
 */
final class Complex {
  private static final String MARK = "~";

  private Complex() {}

  static boolean isMarked(String name) {
    return name.startsWith(MARK);
  }

  static String plain(String name) {
    return isMarked(name) ? name.substring(1) : name;
  }

  /** The term with its variables marked when the text asks for it. */
  static Term marked(Term term, String text) {
    return asks(text) ? mark(term) : term;
  }

  private static boolean asks(String text) {
    for (int i = text.indexOf('i'); i >= 0; i = text.indexOf('i', i + 1)) {
      if (!isWord(text, i - 1) && !isWord(text, i + 1)) {
        return true;
      }
    }
    return text.contains("\\imath") || text.contains("\\mathbb{C}") || text.contains("\\text{Re}")
        || text.contains("\\text{Im}");
  }

  private static boolean isWord(String text, int at) {
    return at >= 0 && at < text.length() && (Character.isLetterOrDigit(text.charAt(at)) || text.charAt(at) == '_');
  }

  private static List<Term> mark(List<Term> terms) {
    return terms.stream().map(Complex::mark).toList();
  }

  private static Term mark(Term term) {
    if (term instanceof Term.Sym sym) {
      return new Term.Sym(MARK + sym.name());
    } else if (term instanceof Term.Sum t) {
      return new Term.Sum(mark(t.terms()));
    } else if (term instanceof Term.Product t) {
      return new Term.Product(mark(t.factors()));
    } else if (term instanceof Term.Power t) {
      return new Term.Power(mark(t.base()), mark(t.exponent()));
    } else if (term instanceof Term.Call t) {
      return new Term.Call(t.function(), mark(t.args()));
    } else if (term instanceof Term.Applied t) {
      return new Term.Applied(t.name(), mark(t.args()));
    } else if (term instanceof Term.Tuple t) {
      return new Term.Tuple(mark(t.items()));
    } else if (term instanceof Term.Interval t) {
      return new Term.Interval(mark(t.low()), mark(t.high()), t.openLow(), t.openHigh());
    } else if (term instanceof Term.Items t) {
      return new Term.Items(mark(t.items()));
    } else if (term instanceof Term.SetOp t) {
      return new Term.SetOp(t.op(), mark(t.left()), mark(t.right()));
    } else if (term instanceof Term.Matrix t) {
      return new Term.Matrix(t.rows().stream().map(Complex::mark).toList());
    } else if (term instanceof Term.Relation t) {
      return new Term.Relation(t.op(), mark(t.left()), mark(t.right()));
    } else if (term instanceof Term.And t) {
      return new Term.And(t.relations().stream().map(part -> (Term.Relation) mark(part)).toList());
    } else if (term instanceof Term.Not t) {
      return new Term.Not(mark(t.of()));
    }
    return term;
  }
}
