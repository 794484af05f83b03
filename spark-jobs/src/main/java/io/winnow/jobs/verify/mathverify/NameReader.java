// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.mathverify.LatexLexer.Kind;
import io.winnow.jobs.verify.mathverify.LatexLexer.Token;
import java.util.List;
import java.util.Locale;

/** Reads numbers and names: letters, symbols, words, with subscripts, and the arguments of named functions. */
final class NameReader {
  private final ValueReader in;
  private final FunctionReader functions;

  NameReader(ValueReader in, FunctionReader functions) {
    this.in = in;
    this.functions = functions;
  }

  /** A number, letter, symbol, word or accented name, with subscript, and arguments where it is a function. */
  /**
   * Reads it.
   *
   * @param scripted whether it is an exponent without braces: a subscript behind it belongs to its base
   */
  Term read(boolean scripted) throws UnreadFormulaException {
    Token token = in.next();
    switch (token.kind()) {
      case NUMBER -> {
        if (in.peek() == Kind.SUB) {
          in.next();
          subscript();
        }
        Term.Num number = Numbers.parse(token.text());
        return in.take(Kind.PERCENT) ? new Term.Percent(number) : number;
      }
      case WORD -> {
        if (token.text().equals("pi")) {
          return new Term.Const("pi");
        }
        String sub = in.peek() == Kind.SUB ? nextSubscript() : "";
        return named(token.text() + sub, token.text(), null);
      }
      case ACCENT -> {
        String name = token.text() + "{" + in.rawGroup() + "}";
        String sub = in.peek() == Kind.SUB ? nextSubscript() : "";
        return named(name + sub, "\\" + name + sub, null);
      }
      default -> {
        String lower = token.text().toLowerCase(Locale.ROOT);
        while (in.peek() == Kind.PRIME) {
          in.next();
        }
        boolean unit = token.text().equals("E") || token.text().equals("e");
        if ((token.kind() == Kind.DIFFERENTIAL || unit) && in.peek() == Kind.SUB) {
          throw in.unexpected();
        }
        String sub = in.peek() == Kind.SUB && !scripted ? nextSubscript() : "";
        Term constant = sub.isEmpty() ? constant(token) : null;
        boolean canCall = !scripted && !token.text().equals("e") && !token.text().equals("exponentialE")
            && token.kind() != Kind.DIFFERENTIAL;
        String callName = canCall ? token.text() + sub : null;
        return named(lower + sub, callName, constant);
      }
    }
  }

  /** A constant by its token, or null. */
  private Term constant(Token token) throws UnreadFormulaException {
    return switch (token.text()) {
      case "e", "exponentialE" -> new Term.Const("E");
      case "I" -> new Term.Const("I");
      case "pi", "Pi" -> new Term.Const("pi");
      case "infty" -> {
        in.take(Kind.PERCENT);
        yield Term.INFINITY;
      }
      case "Gamma", "gamma" -> {
        if (in.peek() == Kind.OPEN && in.token(0).text().equals("(")) {
          in.next();
          Term of = in.value();
          in.close("(");
          yield new Term.Call("factorial", List.of(Term.minus(of, Term.ONE)));
        }
        yield new Term.Const("EulerGamma");
      }
      default -> null;
    };
  }

  /** A name, its power before arguments, and its arguments if any. */
  private Term named(String name, String callName, Term constant) throws UnreadFormulaException {
    Term plain = constant != null ? constant : new Term.Sym(name);
    int start = in.position();
    Term exponent = null;
    boolean degrees = false;
    if (callName != null && in.peek() == Kind.POWER) {
      // f^2(x), and x^2_1 for x_1^2.
      in.next();
      try {
        exponent = in.exponent();
        degrees = exponent == null || in.takeTransposed();
      } catch (UnreadFormulaException e) {
        in.back(start);
        return plain;
      }
      if (in.peek() == Kind.SUB && constant == null) {
        String sub = nextSubscript();
        return new Term.Power(new Term.Sym(name + sub), exponent);
      }
    }
    boolean braced = callName != null && in.peek() == Kind.OPEN && in.token(0).text().equals("{")
        && in.token(1).kind() == Kind.OPEN && in.token(1).text().equals("(");
    if (braced) {
      in.next();
    }
    if (callName != null && !degrees && in.peek() == Kind.OPEN && (isParenthesis(in.token(0)))) {
      List<Term> args = functions.simpleArguments();
      if (args != null && (!braced || in.take(Kind.CLOSE))) {
        Term applied = new Term.Applied(callName, args);
        return exponent == null ? applied : new Term.Power(applied, exponent);
      }
    }
    in.back(start);
    return plain;
  }

  private static boolean isParenthesis(Token token) {
    return token.text().equals("(") || token.text().equals("[");
  }

  private String nextSubscript() throws UnreadFormulaException {
    in.next();
    return subscript();
  }

  /** What stands behind {@code _}, as the name has it. */
  private String subscript() throws UnreadFormulaException {
    if (in.peek() == Kind.OPEN && in.token(0).text().equals("{")) {
      String raw = in.rawGroup();
      if (raw.isEmpty()) {
        throw in.unexpected();
      }
      return raw.length() == 1 ? "_" + raw : "_{" + raw + "}";
    }
    switch (in.peek()) {
      case NUMBER, LETTER, SYMBOL, WORD -> {
        Token token = in.next();
        String first = token.text().toLowerCase(Locale.ROOT);
        if (token.kind() != Kind.LETTER && first.length() > 1) {
          return "_{" + first + "}";
        }
        if (in.peek() == Kind.SUB) {
          return "_{" + first + nextSubscript() + "}";
        }
        return "_" + first;
      }
      default -> throw in.unexpected();
    }
  }
}
