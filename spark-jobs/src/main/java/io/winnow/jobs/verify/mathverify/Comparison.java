// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.math.Rational;
import io.winnow.jobs.verify.math.WorkLimit;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.List;

/**
 * Whether an answer equals a gold, in Math-Verify's order: equations are taken apart, then relations, sets, symbols,
 * numbers, expressions. Not symmetric. One instance serves one verification.
 */
final class Comparison {
  private static final int DECIMALS = 6;
  /** A difference of unevaluated numbers below this counts as none. */
  private static final double CHOP = 1e-16;
  private static final MathContext DIGITS = new MathContext(30);

  private final WorkLimit work;
  private final RelationComparison relations;
  private final SetComparison sets;
  private String rule = "none";

  Comparison(WorkLimit work) {
    this.work = work;
    relations = new RelationComparison(this, work);
    sets = new SetComparison(this, work);
  }

  /** What kind of comparison decided last, at the outermost level. */
  String rule() {
    return rule;
  }

  boolean equal(Term gold, Term answer) {
    work.spend(4);
    Term.Relation goldEquation = RelationComparison.equation(gold);
    Term.Relation answerEquation = RelationComparison.equation(answer);
    if (goldEquation != null && answerEquation != null) {
      if (RelationComparison.isAssignment(goldEquation) && RelationComparison.isAssignment(answerEquation)) {
        // Percent signs are not overlooked between equations as they are between numbers.
        boolean alike = goldEquation.right() instanceof Term.Percent == answerEquation.right() instanceof Term.Percent;
        return decided("equation", alike && equal(goldEquation.left(), answerEquation.left())
            && relations.sameSide(goldEquation.right(), answerEquation.right())
            || relations.equal(goldEquation, answerEquation));
      }
    } else if (answerEquation != null) {
      return equal(gold, answerEquation.right());
    } else if (goldEquation != null && !answer.isRelational() && RelationComparison.isAssignment(goldEquation)) {
      return equal(goldEquation.right(), answer);
    }
    if (gold.isRelational() && answer.isCollection()) {
      return decided("relation-set", gold.equals(answer) || sets.satisfies(answer, gold)
          || isSingleEquation(gold, answer));
    }
    if (gold.isRelational() || answer.isRelational()) {
      Term only = SetComparison.single(gold);
      if (only != null && answer.isRelational()) {
        return equal(only, answer);
      }
      return decided("relation", gold.isRelational() && answer.isRelational() && relations.equal(gold, answer));
    }
    if (gold.isCollection() || answer.isCollection()) {
      Term goldOnly = SetComparison.single(gold);
      Term answerOnly = SetComparison.single(answer);
      if (goldOnly != null && !answer.isCollection() || answerOnly != null && !gold.isCollection()) {
        return equalMember(goldOnly == null ? gold : goldOnly, answerOnly == null ? answer : answerOnly);
      }
      return decided("set", sets.equal(gold, answer));
    }
    Term.Matrix goldMatrix = Matrices.evaluate(gold);
    Term.Matrix answerMatrix = Matrices.evaluate(answer);
    if (goldMatrix != null || answerMatrix != null) {
      return decided("matrix", goldMatrix != null && answerMatrix != null && matrices(goldMatrix, answerMatrix));
    }
    return values(gold, answer);
  }

  /** The same for members of sets, where a variable may also equal an expression. */
  boolean equalMember(Term gold, Term answer) {
    boolean variable = gold instanceof Term.Sym || answer instanceof Term.Sym;
    return equal(gold, answer) || variable && gold.isValue() && answer.isValue() && Symbolic.equal(gold, answer, work);
  }

  private boolean isSingleEquation(Term gold, Term answer) {
    Term only = SetComparison.single(answer);
    return only != null && only.isRelational() && relations.equal(gold, only);
  }

  private boolean decided(String by, boolean equal) {
    rule = by;
    return equal;
  }

  private boolean matrices(Term.Matrix gold, Term.Matrix answer) {
    if (gold.rows().size() != answer.rows().size()) {
      return false;
    }
    for (int i = 0; i < gold.rows().size(); i++) {
      List<Term> left = gold.rows().get(i);
      List<Term> right = answer.rows().get(i);
      if (left.size() != right.size()) {
        return false;
      }
      for (int j = 0; j < left.size(); j++) {
        if (!equal(left.get(j), right.get(j))) {
          return false;
        }
      }
    }
    return true;
  }

  private boolean values(Term gold, Term answer) {
    if (gold instanceof Term.Sym || answer instanceof Term.Sym) {
      // A variable is compared by what is written alone: x is not 2x - x.
      return decided("symbol", written(gold).equals(written(answer)));
    }
    if (gold instanceof Term.Num a && answer instanceof Term.Num b && !a.decimal() && !b.decimal()) {
      return decided("number", a.value().equals(b.value()));
    }
    boolean goldNames = Numeric.hasNames(gold);
    if (goldNames || Numeric.hasNames(answer)) {
      return decided("expression", Symbolic.equal(gold, answer, work));
    }
    return decided("number", constants(gold, answer));
  }

  private boolean constants(Term gold, Term answer) {
    Rational goldInteger = bareInteger(gold);
    Rational answerInteger = bareInteger(answer);
    if (goldInteger != null && answerInteger != null && goldInteger.equals(answerInteger)) {
      return true;
    }
    Rational a = Numbers.exact(Numbers.undecimal(gold), work);
    Rational b = Numbers.exact(Numbers.undecimal(answer), work);
    if (a != null && b != null) {
      if (isDecimal(gold) || isDecimal(answer)) {
        boolean whole = !isDecimal(gold) && a.isInteger() || !isDecimal(answer) && b.isInteger();
        if (!whole && rounded(a).compareTo(rounded(b)) == 0) {
          return true;
        }
      }
      Rational difference = a.minus(b);
      return difference.signum() == 0 || Math.abs(difference.toDouble()) < CHOP * (1 - 1e-9);
    }
    Numeric x = Numeric.at(Numeric.CONSTANTS, gold, work);
    Numeric y = Numeric.at(Numeric.CONSTANTS, answer, work);
    if (!x.isKnown() || !y.isKnown()) {
      // Of sums and limits that are left as they are the structure is compared, whatever stands around them.
      return Symbolic.equal(gold, answer, work) && !hasNoValue(gold);
    }
    if ((isDecimal(gold) || isDecimal(answer)) && x.isReal() && y.isReal() && x.isFinite() && y.isFinite()) {
      BigDecimal left = a != null ? rounded(a) : rounded(x.re());
      BigDecimal right = b != null ? rounded(b) : rounded(y.re());
      return left.compareTo(right) == 0;
    }
    return x.agrees(y) || x.isFinite() && y.isFinite() && Math.abs(x.re() - y.re()) < CHOP
        && Math.abs(x.im() - y.im()) < CHOP;
  }

  private static boolean hasNoValue(Term term) {
    return term instanceof Term.Const c && (c.name().equals("zoo") || c.name().equals("nan"))
        || term.parts().stream().anyMatch(Comparison::hasNoValue);
  }

  private static boolean isDecimal(Term term) {
    return term instanceof Term.Num num && num.decimal()
        || term instanceof Term.Percent percent && percent.of() instanceof Term.Num of && of.decimal();
  }

  /** The whole number that is written, in percent or not; null for anything else. */
  private static Rational bareInteger(Term term) {
    Term of = term instanceof Term.Percent percent ? percent.of() : term;
    return of instanceof Term.Num num && num.isInteger() ? num.value() : null;
  }

  private static BigDecimal rounded(Rational value) {
    return new BigDecimal(value.num()).divide(new BigDecimal(value.den()), DECIMALS + 30, RoundingMode.HALF_EVEN)
        .setScale(DECIMALS, RoundingMode.HALF_EVEN);
  }

  private static BigDecimal rounded(double value) {
    return new BigDecimal(value, DIGITS).setScale(DECIMALS, RoundingMode.HALF_EVEN);
  }

  /** A variable, constant, exact number or product of letters as one word; something that equals nothing else. */
  private static String written(Term term) {
    if (term instanceof Term.Sym sym) {
      return Complex.plain(sym.name());
    } else if (term instanceof Term.Const constant) {
      return constant.name().equals("E") ? "e" : constant.name();
    } else if (term instanceof Term.Num num && !num.decimal()) {
      return num.value().toString();
    } else if (term instanceof Term.Product product) {
      StringBuilder word = new StringBuilder();
      for (Term factor : product.factors()) {
        if (factor.equals(Term.MINUS_ONE) && word.length() == 0) {
          word.append('-');
        } else if (factor instanceof Term.Sym || factor instanceof Term.Const || factor instanceof Term.Product) {
          word.append(written(factor));
        } else {
          return "no word: " + term;
        }
      }
      return word.toString();
    }
    return "no word: " + term;
  }
}
