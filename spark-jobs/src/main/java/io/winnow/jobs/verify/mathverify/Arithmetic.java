// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.math.WorkLimit;
import java.util.ArrayList;
import java.util.List;

/** Reads arithmetic in prose: numbers, + - * / ^ ** and round brackets, with the precedence of Python. */
final class Arithmetic {
  private static final int MAX_DEPTH = 60;
  /** Python's parser gives up at some hundred operators. */
  private static final int MAX_CHARS = 1_000;

  private final String text;
  private final WorkLimit work;
  private int at;
  private int depth;

  private Arithmetic(String text, WorkLimit work) {
    this.text = text;
    this.work = work;
  }

  /** The value as written, or null when it is none. */
  static Term read(String text, WorkLimit work) {
    if (text.length() > MAX_CHARS) {
      return null;
    }
    Arithmetic reader = new Arithmetic(text.strip(), work);
    Term term = reader.sum();
    reader.skip();
    return reader.at == reader.text.length() ? term : null;
  }

  private void skip() {
    at = FormulaMatcher.skipSpace(text, at);
  }

  private boolean take(String sign) {
    skip();
    if (text.startsWith(sign, at)) {
      at += sign.length();
      return true;
    }
    return false;
  }

  private Term sum() {
    List<Term> terms = new ArrayList<>();
    boolean plus = true;
    while (true) {
      Term term = product();
      if (term == null) {
        return null;
      }
      terms.add(plus ? term : Term.negate(term));
      plus = take("+");
      if (!plus && !take("-")) {
        return terms.size() == 1 ? terms.get(0) : new Term.Sum(terms);
      }
    }
  }

  private Term product() {
    Term left = unary();
    while (left != null) {
      skip();
      boolean times = !text.startsWith("**", at) && take("*");
      if (!times && !take("/")) {
        break;
      }
      Term right = unary();
      left = right == null ? null : times ? new Term.Product(List.of(left, right)) : Term.quotient(left, right);
    }
    return left;
  }

  private Term unary() {
    work.spend(1);
    if (++depth > MAX_DEPTH) {
      return null;
    }
    Term result;
    if (take("-")) {
      Term of = unary();
      result = of == null ? null : Term.negate(of);
    } else if (take("+")) {
      result = unary();
    } else {
      result = power();
    }
    depth--;
    return result;
  }

  private Term power() {
    Term base = atom();
    if (base != null && (take("**") || take("^"))) {
      Term exponent = unary();
      return exponent == null ? null : new Term.Power(base, exponent);
    }
    return base;
  }

  private Term atom() {
    if (take("(")) {
      Term inner = sum();
      return inner != null && take(")") ? inner : null;
    }
    skip();
    int start = at;
    boolean point = false;
    while (at < text.length() && (Character.isDigit(text.charAt(at)) || text.charAt(at) == '.' && !point)) {
      point |= text.charAt(at) == '.';
      at++;
    }
    String number = text.substring(start, at);
    if (number.isEmpty() || number.equals(".") || number.charAt(0) > '9') {
      return null;
    }
    return Numbers.parse(number.endsWith(".") ? number + "0" : number);
  }
}
