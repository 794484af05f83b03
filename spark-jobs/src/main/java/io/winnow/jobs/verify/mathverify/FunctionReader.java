// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.math.Rational;
import io.winnow.jobs.verify.mathverify.LatexLexer.Kind;
import io.winnow.jobs.verify.mathverify.LatexLexer.Token;
import java.util.ArrayList;
import java.util.List;

/** Reads what begins with a command: functions, fractions, roots, large operators. */
final class FunctionReader {
  private final ValueReader in;

  FunctionReader(ValueReader in) {
    this.in = in;
  }

  Term read() throws UnreadFormulaException {
    Token token = in.next();
    if (token.kind() == Kind.FUNCTION) {
      return function(token.text());
    }
    String command = token.text();
    if (command.startsWith("operatorname:")) {
      String name = command.substring("operatorname:".length());
      return switch (name) {
        case "gcd", "lcm" -> listFunction(name);
        case "floor", "ceil" -> function(name);
        case "arsinh", "arcosh", "artanh", "arcsinh", "arccosh", "arctanh" -> function(name);
        default -> throw new UnreadFormulaException("the operator " + name);
      };
    }
    switch (command) {
      case "frac" -> {
        return fraction();
      }
      case "binom" -> {
        return Numbers.binomial(group(), group(), in.work());
      }
      case "sqrt" -> {
        Term index = null;
        if (in.peek() == Kind.OPEN && in.token(0).text().equals("[")) {
          in.next();
          index = in.value();
          in.close("[");
        }
        Term of = group();
        Term exponent = index == null ? new Term.Num(Rational.of(1, 2), false) : Term.quotient(Term.ONE, index);
        return new Term.Power(of, exponent);
      }
      case "gcd", "lcm", "max", "min" -> {
        return listFunction(command);
      }
      case "floor", "ceil" -> {
        return function(command);
      }
      case "det" -> {
        return determinant();
      }
      case "variable", "boxed", "fbox" -> {
        return group();
      }
      case "int" -> {
        return integral();
      }
      case "sum", "prod" -> {
        return series(command);
      }
      case "lim" -> {
        return limit();
      }
      default -> throw new UnreadFormulaException("\\" + command);
    }
  }

  /** A value in braces. */
  private Term group() throws UnreadFormulaException {
    if (in.peek() != Kind.OPEN || !in.token(0).text().equals("{")) {
      throw in.unexpected();
    }
    in.next();
    Term value = in.value();
    in.close("{");
    return value;
  }

  private Term fraction() throws UnreadFormulaException {
    int start = in.position();
    if (in.peek() != Kind.OPEN || !in.token(0).text().equals("{")) {
      throw in.unexpected();
    }
    boolean onlyD = isLetterD(in.token(1)) && in.token(2).kind() == Kind.CLOSE;
    boolean partial = isPartial(in.token(1));
    boolean dOfName = in.token(1).kind() == Kind.DIFFERENTIAL && in.token(2).kind() == Kind.CLOSE;
    if (onlyD || partial || dOfName) {
      Term derivative = derivative(onlyD, partial);
      if (derivative != null) {
        return derivative;
      }
      in.back(start);
    }
    if (dOfName && in.integrals > 0) {
      in.next();
      pending = in.next().text().substring(1);
      in.close("{");
      return Term.quotient(Term.ONE, group());
    }
    return Term.quotient(numerator(), group());
  }

  /** A numerator; within an integral it may end with the differential. */
  private Term numerator() throws UnreadFormulaException {
    in.next();
    Term value = in.value();
    if (in.integrals > 0 && in.peek() == Kind.DIFFERENTIAL) {
      pending = in.next().text().substring(1);
    }
    in.close("{");
    return value;
  }

  private Term determinant() throws UnreadFormulaException {
    boolean round = in.peek() == Kind.OPEN && in.token(0).text().equals("(");
    if (round) {
      in.next();
    }
    if (in.peek() != Kind.BEGIN) {
      throw in.unexpected();
    }
    Term matrix = Matrices.read(in, in.work());
    if (round) {
      in.close("(");
    }
    return matrix instanceof Term.Matrix m ? Matrices.determinant(m, in.work()) : matrix;
  }

  /** The variable of an integral when it stood in a numerator. */
  private String pending;

  private static boolean isLetterD(Token token) {
    return token.kind() == Kind.LETTER && token.text().equals("d");
  }

  private static boolean isPartial(Token token) {
    return token.kind() == Kind.COMMAND && token.text().equals("partial");
  }

  /** {@code \frac{d}{dx} y}, {@code \frac{dy}{dx}}, {@code \frac{\partial f}{\partial x}}; null when it is none. */
  private Term derivative(boolean onlyD, boolean partial) throws UnreadFormulaException {
    in.next();
    Term of = null;
    if (partial) {
      in.next();
      of = in.peek() == Kind.CLOSE ? null : in.value();
    } else if (onlyD) {
      in.next();
    } else {
      String name = in.next().text().substring(1);
      of = new Term.Sym(name.toLowerCase(java.util.Locale.ROOT));
    }
    in.close("{");
    if (in.peek() != Kind.OPEN || !in.token(0).text().equals("{")) {
      throw in.unexpected();
    }
    in.next();
    String variable;
    if (partial && isPartial(in.token(0))) {
      in.next();
      variable = in.next().text();
    } else if (!partial && in.peek() == Kind.DIFFERENTIAL) {
      variable = in.next().text().substring(1);
    } else {
      return null;
    }
    if (in.peek() != Kind.CLOSE) {
      return null;
    }
    in.close("{");
    if (of == null) {
      of = in.product(false);
    }
    return new Term.Call("derivative", List.of(of, new Term.Sym(variable.toLowerCase(java.util.Locale.ROOT))));
  }

  private Term function(String name) throws UnreadFormulaException {
    Term sub = null;
    Term power = null;
    for (int i = 0; i < 2; i++) {
      if (sub == null && in.peek() == Kind.SUB && name.equals("log")) {
        in.next();
        sub = script();
      } else if (power == null && in.peek() == Kind.POWER) {
        in.next();
        power = in.exponent();
        if (power == null) {
          throw new UnreadFormulaException("degrees behind a function");
        }
      }
    }
    List<Term> args = new ArrayList<>();
    Token open = in.token(0);
    if (in.peek() == Kind.OPEN && "([\\{".contains(open.text()) && !open.text().equals("{")) {
      in.next();
      args.add(in.value());
      in.close(open.text());
    } else {
      args.add(in.product(true));
    }
    boolean inverse = power instanceof Term.Num n && n.value().equals(Rational.of(-1)) && isTrigonometric(name);
    Term result = switch (name) {
      case "ln" -> new Term.Call("log", List.of(args.get(0), new Term.Const("E")));
      case "log" -> new Term.Call("log", List.of(args.get(0), sub == null ? Term.number(10) : sub));
      case "exp" -> new Term.Power(new Term.Const("E"), args.get(0));
      default -> new Term.Call(inverse ? "arc" + name : canonical(name), args);
    };
    return power == null || inverse ? result : new Term.Power(result, power);
  }

  private static boolean isTrigonometric(String name) {
    return switch (name) {
      case "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh" -> true;
      default -> false;
    };
  }

  private static String canonical(String name) {
    return switch (name) {
      case "arsinh" -> "arcsinh";
      case "arcosh" -> "arccosh";
      case "artanh" -> "arctanh";
      default -> name;
    };
  }

  /** A subscript or superscript as a value: an atom or a group. */
  private Term script() throws UnreadFormulaException {
    Term value = in.exponent();
    if (value == null) {
      throw in.unexpected();
    }
    return value;
  }

  private Term listFunction(String name) throws UnreadFormulaException {
    Term power = null;
    if (in.take(Kind.POWER)) {
      power = script();
    }
    Token open = in.token(0);
    if (in.peek() != Kind.OPEN || !(open.text().equals("(") || open.text().equals("["))) {
      throw in.unexpected();
    }
    List<Term> args = arguments();
    Term result = args.size() == 1 ? args.get(0) : switch (name) {
      case "gcd" -> Divisors.gcd(args, in.work());
      case "lcm" -> Divisors.lcm(args, in.work());
      default -> new Term.Call(name, args);
    };
    return power == null ? result : new Term.Power(result, power);
  }

  private List<Term> arguments() throws UnreadFormulaException {
    String open = in.next().text();
    List<Term> args = new ArrayList<>();
    do {
      args.add(in.value());
    } while (in.take(Kind.COMMA));
    in.close(open);
    return args;
  }

  /**
   * The arguments of a named function, or null when what stands in brackets makes a product: several values, or one
   * name or number with at most an exponent.
   */
  List<Term> simpleArguments() throws UnreadFormulaException {
    int start = in.position();
    ValueReader.Bracket bracket = in.bracket();
    if (!bracket.separated()) {
      Kind kind = in.token(1).kind();
      boolean simple = kind == Kind.NUMBER || kind == Kind.LETTER || kind == Kind.SYMBOL || kind == Kind.WORD
          || kind == Kind.ACCENT;
      for (int i = start + 2; i < bracket.close() && simple; i++) {
        Kind next = in.tokenAt(i).kind();
        if (next == Kind.POWER || next == Kind.SUB) {
          i += 1;
          if (in.tokenAt(i).kind() == Kind.OPEN) {
            in.back(i);
            i = in.bracket().close();
            in.back(start);
          }
        } else {
          simple = next == Kind.PRIME || next == Kind.PERCENT || kind == Kind.ACCENT;
        }
      }
      if (!simple) {
        return null;
      }
    }
    try {
      return arguments();
    } catch (UnreadFormulaException e) {
      in.back(start);
      return null;
    }
  }

  private Term integral() throws UnreadFormulaException {
    Term low = null;
    Term high = null;
    for (int i = 0; i < 2; i++) {
      if (in.peek() == Kind.SUB) {
        in.next();
        low = script();
      } else if (in.peek() == Kind.POWER) {
        in.next();
        high = script();
      }
    }
    in.integrals++;
    String outer = pending;
    pending = null;
    Token open = in.token(0);
    boolean wrapped = false;
    if (in.peek() == Kind.OPEN && ("([\\{".contains(open.text()))) {
      int close = in.bracket().close();
      wrapped = in.tokenAt(close - 1).kind() == Kind.DIFFERENTIAL;
      if (wrapped) {
        in.next();
      }
    }
    Term body = in.peek() == Kind.DIFFERENTIAL ? Term.ONE : in.value();
    String variable = pending;
    if (in.peek() == Kind.DIFFERENTIAL) {
      variable = in.next().text().substring(1);
    }
    if (wrapped) {
      in.close(open.text());
    }
    pending = outer;
    in.integrals--;
    Term.Sym name = new Term.Sym(variable == null ? "x" : variable.toLowerCase(java.util.Locale.ROOT));
    return new Term.Call("integral", low == null || high == null ? List.of(body, name)
        : List.of(body, name, low, high));
  }

  private Term series(String name) throws UnreadFormulaException {
    Term.Sym index = null;
    Term low = null;
    Term high = null;
    for (int i = 0; i < 2; i++) {
      if (in.peek() == Kind.SUB) {
        in.next();
        if (in.peek() != Kind.OPEN || in.token(1).kind() != Kind.LETTER && in.token(1).kind() != Kind.SYMBOL
            || in.token(2).kind() != Kind.RELATION || !in.token(2).text().equals("=")) {
          throw in.unexpected();
        }
        in.next();
        index = new Term.Sym(in.next().text().toLowerCase(java.util.Locale.ROOT));
        in.next();
        low = in.value();
        in.close("{");
      } else if (in.peek() == Kind.POWER) {
        in.next();
        high = script();
      }
    }
    if (index == null || high == null) {
      throw in.unexpected();
    }
    return new Term.Call(name, List.of(in.product(false), index, low, high));
  }

  private Term limit() throws UnreadFormulaException {
    if (!in.take(Kind.SUB) || in.peek() != Kind.OPEN) {
      throw in.unexpected();
    }
    in.next();
    Term.Sym variable = new Term.Sym(in.next().text().toLowerCase(java.util.Locale.ROOT));
    if (in.peek() != Kind.COMMAND || !in.token(0).text().equals("to")) {
      throw in.unexpected();
    }
    in.next();
    Term to = in.value();
    in.close("{");
    return new Term.Call("limit", List.of(in.product(false), variable, to));
  }
}
