// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import io.winnow.jobs.verify.math.Expr.Kind;
import io.winnow.jobs.verify.math.MathLexer.Token;
import io.winnow.jobs.verify.math.MathLexer.Type;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Reads one answer, LaTeX or plain text, into an {@link Expr} by recursive descent. From loose to tight: list (comma, and, or),
 * relation, union, sum, product (written or by juxtaposition, left to right together with division), sign, power, postfix
 * ({@code ! % °}), primary.
 *
 * <p>Reading policies: an integer before a fraction of integers is a mixed number; two other numbers side by side are refused;
 * words after a value are a unit and are dropped, in front of {@code =} they are a name, alone they are {@link Expr.Words};
 * currency signs are dropped.
 */
public final class MathReader {
  private static final Set<String> RELATIONS = Set.of("=", "≠", "<", "≤", ">", "≥", "∈", "≈");
  private static final Set<String> CURRENCY = Set.of("usd", "eur", "gbp", "rs", "dollars", "rupees");
  private static final Set<String> FRACTIONS = Set.of("frac", "dfrac", "tfrac", "cfrac");
  private static final Set<String> BINOMIALS = Set.of("binom", "dbinom", "tbinom");

  private final List<Token> tokens;
  private final WorkLimit work;
  private int at;
  private int depth;
  private int bars;

  private MathReader(List<Token> tokens, WorkLimit work) {
    this.tokens = tokens;
    this.work = work;
  }

  /**
   * Reads a whole text.
   *
   * @throws UnreadableException when it is no mathematics that this reader knows
   * @throws WorkLimit.Exceeded when it is too long, too deep or too large
   */
  public static Expr read(String text, WorkLimit work) throws UnreadableException {
    if (text.length() > WorkLimit.MAX_CHARS) {
      throw new WorkLimit.Exceeded(text.length() + " characters, more than " + WorkLimit.MAX_CHARS);
    }
    List<Token> tokens = MathLexer.tokens(text, work);
    MathReader reader = new MathReader(tokens, work);
    while (reader.peek().is(",") || reader.peek().is(";") || reader.peek().is(":")) {
      reader.at++;
    }
    while (tokens.size() >= 2 && tokens.size() - 2 > reader.at
        && (tokens.get(tokens.size() - 2).is(",") || tokens.get(tokens.size() - 2).is(";"))) {
      tokens.remove(tokens.size() - 2);
    }
    if (reader.peek().type() == Type.END) {
      throw new UnreadableException("nothing to read");
    }
    Expr result = reader.list();
    if (reader.peek().type() != Type.END) {
      throw new UnreadableException("'" + reader.peek().text() + "' where the end was expected");
    }
    return result;
  }

  private Expr list() throws UnreadableException {
    List<Expr> items = items();
    return items.size() == 1 ? items.get(0) : new Expr.Seq(Kind.LIST, items, false, false);
  }

  private List<Expr> items() throws UnreadableException {
    enter();
    List<Expr> items = new ArrayList<>();
    items.add(relation());
    while (peek().is(",") || peek().is(";")) {
      // "a, and b" has two separators in a row.
      while (peek().is(",") || peek().is(";")) {
        at++;
      }
      items.add(relation());
    }
    depth--;
    return items;
  }

  private Expr relation() throws UnreadableException {
    List<Expr> sides = new ArrayList<>();
    List<String> ops = new ArrayList<>();
    if (peek().is("=") || peek().is("≈")) {
      at++;
    }
    sides.add(union());
    while (peek().type() == Type.OPERATOR && RELATIONS.contains(peek().text())) {
      ops.add(next().text());
      sides.add(union());
    }
    return ops.isEmpty() ? sides.get(0) : new Expr.Relation(sides, ops);
  }

  private Expr union() throws UnreadableException {
    Expr left = sum();
    while (peek().is("∪") || peek().is("∩") || peek().is("∖") || peek().is(":")) {
      String op = next().text();
      Expr right = sum();
      if (op.equals(":")) {
        left = ratio(left, right);
      } else {
        left = new Expr.Call(op.equals("∪") ? "cup" : op.equals("∩") ? "cap" : "setminus", List.of(left, right));
      }
    }
    return left;
  }

  /** Two numbers in a ratio are a quotient; three or more are an ordered list. */
  private static Expr ratio(Expr left, Expr right) {
    if (left instanceof Expr.Call call && call.function().equals("ratio")) {
      List<Expr> args = new ArrayList<>(call.args());
      args.add(right);
      return new Expr.Call("ratio", args);
    }
    return new Expr.Call("ratio", List.of(left, right));
  }

  private Expr sum() throws UnreadableException {
    enter();
    List<Expr> terms = new ArrayList<>();
    Expr left = null;
    if (peek().is("±") || peek().is("∓")) {
      left = new Expr.PlusMinus(new Expr.Num(Rational.ZERO), advanced(), false);
    } else {
      terms.add(product());
    }
    while (true) {
      Token op = peek();
      if (op.is("+") || op.is("-")) {
        at++;
        Expr term = product();
        terms.add(op.is("+") ? term : Expr.negate(term));
      } else if (op.is("±") || op.is("∓")) {
        if (left != null) {
          throw new UnreadableException("two ± in one sum");
        }
        left = sumOf(terms);
        terms = new ArrayList<>();
        left = new Expr.PlusMinus(left, advanced(), op.is("∓"));
      } else {
        break;
      }
    }
    depth--;
    if (left != null) {
      if (terms.isEmpty()) {
        return left;
      }
      terms.add(0, left);
    }
    return sumOf(terms);
  }

  private Expr advanced() throws UnreadableException {
    at++;
    return product();
  }

  private static Expr sumOf(List<Expr> terms) {
    return terms.size() == 1 ? terms.get(0) : new Expr.Sum(terms);
  }

  private Expr product() throws UnreadableException {
    List<Expr> factors = new ArrayList<>();
    factors.add(signed());
    skipUnit();
    while (true) {
      Token op = peek();
      if (op.is("*")) {
        at++;
        factors.add(signed());
      } else if (op.is("/")) {
        at++;
        Expr den = signed();
        factors.set(factors.size() - 1, Expr.quotient(factors.get(factors.size() - 1), den));
      } else if (startsPrimary(op)) {
        juxtaposed(factors);
      } else {
        break;
      }
      skipUnit();
    }
    return factors.size() == 1 ? factors.get(0) : new Expr.Product(factors);
  }

  private void juxtaposed(List<Expr> factors) throws UnreadableException {
    Token before = tokens.get(at - 1);
    Token op = peek();
    if (op.type() == Type.NUMBER && !(before.is(")") || before.is("]"))) {
      if (before.type() == Type.NUMBER && op.spaced() && isMixed(factors)) {
        Expr whole = factors.remove(factors.size() - 1);
        factors.add(mixed(whole, mixedFraction()));
        return;
      }
      throw new UnreadableException("two numbers side by side: '" + before.text() + " " + op.text() + "'");
    }
    boolean fraction = op.type() == Type.COMMAND && (FRACTIONS.contains(op.text()) || op.text().startsWith("vulgar"));
    Expr factor = power();
    Expr last = factors.get(factors.size() - 1);
    if (fraction && before.type() == Type.NUMBER && integer(last) && factor instanceof Expr.Num part
        && part.value().signum() > 0 && !part.value().isInteger()) {
      factors.set(factors.size() - 1, mixed(last, part));
    } else {
      factors.add(factor);
    }
  }

  /** Whether {@code n a/b} with plain integers stands here, its n read already. */
  private boolean isMixed(List<Expr> factors) {
    return integer(factors.get(factors.size() - 1)) && tokens.size() > at + 3 && isInteger(peek())
        && tokens.get(at + 1).is("/") && isInteger(tokens.get(at + 2));
  }

  private Expr.Num mixedFraction() throws UnreadableException {
    Expr.Num num = number(next().text());
    at++;
    Expr.Num den = number(next().text());
    return new Expr.Num(num.value().dividedBy(den.value()));
  }

  private static Expr mixed(Expr whole, Expr.Num part) {
    Rational value = ((Expr.Num) whole).value();
    return new Expr.Num(value.signum() < 0 ? value.minus(part.value()) : value.plus(part.value()));
  }

  private static boolean isInteger(Token token) {
    return token.type() == Type.NUMBER && token.text().chars().allMatch(c -> c >= '0' && c <= '9');
  }

  private static boolean integer(Expr expr) {
    return expr instanceof Expr.Num num && num.value().isInteger();
  }

  /** Drops words after a value, with their powers and {@code /word}. */
  private void skipUnit() {
    while (peek().type() == Type.WORD) {
      at++;
      if (peek().is("^") && tokens.get(at + 1).type() == Type.NUMBER) {
        at += 2;
      } else if (peek().is("^") && tokens.get(at + 1).is("{") && tokens.size() > at + 4 && tokens.get(at + 3).is("}")) {
        at += 4;
      }
      if (peek().is("/") && tokens.get(at + 1).type() == Type.WORD) {
        at++;
      } else if (peek().is("/") && tokens.get(at + 1).type() == Type.SYMBOL && tokens.get(at + 2).type() == Type.END) {
        at += 2;
      }
    }
  }

  private boolean startsPrimary(Token token) {
    return switch (token.type()) {
      case NUMBER, SYMBOL, FUNCTION, COMMAND -> true;
      case OPERATOR -> token.is("(") || token.is("[") || token.is("{") || token.is("\\{") || (token.is("|") && bars == 0);
      default -> false;
    };
  }

  private Expr signed() throws UnreadableException {
    enter();
    Expr result;
    if (peek().is("-")) {
      at++;
      result = Expr.negate(signed());
    } else if (peek().is("+")) {
      at++;
      result = signed();
    } else {
      result = power();
    }
    depth--;
    return result;
  }

  private Expr power() throws UnreadableException {
    Expr base = postfix(primary());
    if (!peek().is("^")) {
      return base;
    }
    at++;
    Expr exponent = peek().is("-") || peek().is("+") ? signed() : exponent();
    return postfix(new Expr.Power(base, exponent));
  }

  /** {@code a^b^c} is a to the (b to the c). */
  private Expr exponent() throws UnreadableException {
    enter();
    Expr result = primary();
    if (peek().is("^")) {
      at++;
      result = new Expr.Power(result, exponent());
    }
    depth--;
    return result;
  }

  private Expr postfix(Expr of) {
    Expr result = of;
    while (true) {
      if (peek().is("!")) {
        result = new Expr.Call("factorial", List.of(result));
      } else if (peek().is("%")) {
        result = new Expr.Percent(result);
      } else if (peek().is("°")) {
        result = new Expr.Degrees(result);
      } else {
        return result;
      }
      at++;
      work.spend(1);
    }
  }

  private Expr primary() throws UnreadableException {
    work.spend(1);
    Token token = next();
    return switch (token.type()) {
      case NUMBER -> based(token.text());
      case SYMBOL -> new Expr.Sym(token.text());
      case WORD -> word(token);
      case FUNCTION -> function(token.text());
      case COMMAND -> command(token.text());
      case OPERATOR -> bracket(token);
      case END -> throw new UnreadableException("the end where a value was expected");
    };
  }

  private Expr word(Token first) throws UnreadableException {
    if (CURRENCY.contains(first.text().toLowerCase(Locale.ROOT)) && peek().type() == Type.NUMBER) {
      return primary();
    }
    StringBuilder words = new StringBuilder(first.text());
    while (peek().type() == Type.WORD || (peek().type() == Type.SYMBOL && peek().spaced())) {
      words.append(' ').append(next().text());
    }
    Token after = peek();
    if (after.is("=") || after.is("≈") || after.is(":")) {
      if (after.is(":")) {
        tokens.set(at, new Token(Type.OPERATOR, "=", after.spaced()));
      }
      return new Expr.Sym(words.toString());
    }
    if (startsPrimary(after)) {
      throw new UnreadableException("the words '" + words + "' in front of a value");
    }
    return new Expr.Words(words.toString());
  }

  private Expr bracket(Token open) throws UnreadableException {
    enter();
    int outerBars = bars;
    bars = 0;
    Expr result = switch (open.text()) {
      case "(", "[" -> {
        List<Expr> items = items();
        Token close = next();
        if (!close.is(")") && !close.is("]")) {
          throw new UnreadableException("'" + open.text() + "' that is never closed");
        }
        yield items.size() == 1 ? items.get(0) : new Expr.Seq(Kind.BRACKETED, items, open.is("("), close.is(")"));
      }
      case "{" -> {
        if (peek().is("}")) {
          at++;
          throw new UnreadableException("an empty group");
        }
        Expr inner = list();
        expect("}");
        yield inner instanceof Expr.Seq seq && seq.kind() == Kind.LIST
            ? new Expr.Seq(Kind.SET, seq.items(), false, false)
            : inner;
      }
      case "\\{" -> {
        List<Expr> items = peek().is("\\}") ? List.of() : items();
        expect("\\}");
        yield items.isEmpty() ? new Expr.Sym("∅") : new Expr.Seq(Kind.SET, items, false, false);
      }
      case "|" -> {
        bars = 1;
        Expr inner = sum();
        expect("|");
        yield new Expr.Call("abs", List.of(inner));
      }
      default -> throw new UnreadableException("'" + open.text() + "' where a value was expected");
    };
    bars = outerBars;
    depth--;
    return result;
  }

  private Expr function(String name) throws UnreadableException {
    enter();
    Expr base = null;
    Expr exponent = null;
    if (name.equals("sqrt")) {
      depth--;
      return root();
    }
    while (peek().is("_") || peek().is("^")) {
      boolean subscript = next().is("_");
      Expr value = peek().is("-") ? signed() : primary();
      if (subscript) {
        base = value;
      } else {
        exponent = value;
      }
    }
    List<Expr> args = new ArrayList<>();
    if (peek().is("(") || peek().is("{") || peek().is("[")) {
      Expr inner = primary();
      if (inner instanceof Expr.Seq seq) {
        args.addAll(seq.items());
      } else {
        args.add(inner);
      }
    } else {
      args.add(argumentProduct());
    }
    if (base != null) {
      args.add(base);
    }
    depth--;
    boolean inverse = exponent instanceof Expr.Num num && num.value().equals(Rational.MINUS_ONE);
    if (inverse && Set.of("sin", "cos", "tan").contains(name)) {
      return new Expr.Call("arc" + name, args);
    }
    Expr call = new Expr.Call(name.equals("lg") ? "log" : name, args);
    return exponent == null ? call : new Expr.Power(call, exponent);
  }

  /** What a function without brackets applies to: {@code \sin 2x} takes {@code 2x}. */
  private Expr argumentProduct() throws UnreadableException {
    List<Expr> factors = new ArrayList<>();
    factors.add(peek().is("-") ? signed() : power());
    while (startsPrimary(peek()) && peek().type() != Type.FUNCTION && !peek().is("(") && peek().type() != Type.NUMBER) {
      factors.add(power());
    }
    return factors.size() == 1 ? factors.get(0) : new Expr.Product(factors);
  }

  private Expr root() throws UnreadableException {
    Expr index = new Expr.Num(Rational.of(2));
    if (peek().is("[")) {
      at++;
      index = sum();
      expect("]");
    }
    return new Expr.Call("root", List.of(primary(), index));
  }

  private Expr command(String name) throws UnreadableException {
    if (FRACTIONS.contains(name)) {
      enter();
      Expr num = argument();
      Expr den = argument();
      depth--;
      return Expr.quotient(num, den);
    }
    if (BINOMIALS.contains(name)) {
      return new Expr.Call("binomial", List.of(argument(), argument()));
    }
    if (name.startsWith("vulgar")) {
      int slash = name.indexOf('/');
      return new Expr.Num(Rational.of(
          Long.parseLong(name.substring(6, slash)), Long.parseLong(name.substring(slash + 1))));
    }
    if (name.equals("begin")) {
      return matrix();
    }
    throw new UnreadableException("the command \\" + name);
  }

  /** An argument of a command: a group, or one token, of a number its first digit. */
  private Expr argument() throws UnreadableException {
    Token token = peek();
    if (token.type() == Type.NUMBER && token.text().length() > 1 && isInteger(token)) {
      tokens.set(at, new Token(Type.NUMBER, token.text().substring(1), false));
      return number(token.text().substring(0, 1));
    }
    return primary();
  }

  private Expr matrix() throws UnreadableException {
    String name = environment();
    if (!name.endsWith("matrix") && !name.equals("array") || name.equals("vmatrix")) {
      throw new UnreadableException("the environment " + name);
    }
    if (name.equals("array") && peek().is("{")) {
      while (!next().is("}")) {
        if (peek().type() == Type.END) {
          throw new UnreadableException("an array without columns");
        }
      }
    }
    enter();
    List<Expr> rows = new ArrayList<>();
    List<Expr> row = new ArrayList<>();
    while (true) {
      row.add(sum());
      Token token = next();
      if (token.is("&")) {
        continue;
      }
      boolean end = token.type() == Type.COMMAND && token.text().equals("end");
      if (!end && !token.is("\\\\")) {
        throw new UnreadableException("'" + token.text() + "' in a matrix");
      }
      rows.add(new Expr.Seq(Kind.MATRIX, row, false, false));
      row = new ArrayList<>();
      if (!end && peek().type() == Type.COMMAND && peek().text().equals("end")) {
        at++;
        end = true;
      }
      if (end) {
        environment();
        depth--;
        return new Expr.Seq(Kind.MATRIX, rows, false, false);
      }
    }
  }

  /** The name in the braces after begin or end; the lexer has cut it into words or letters. */
  private String environment() throws UnreadableException {
    expect("{");
    StringBuilder name = new StringBuilder();
    while (peek().type() == Type.WORD || peek().type() == Type.SYMBOL) {
      name.append(next().text());
    }
    expect("}");
    return name.toString();
  }

  private Expr based(String digits) throws UnreadableException {
    Expr.Num value = number(digits);
    if (!peek().is("_")) {
      return value;
    }
    at++;
    if (!(primary() instanceof Expr.Num base) || !base.value().isInteger()
        || base.value().num().compareTo(BigInteger.TWO) < 0 || base.value().num().compareTo(BigInteger.valueOf(36)) > 0) {
      throw new UnreadableException("a subscript on a number that is no base from 2 to 36");
    }
    int radix = base.value().num().intValue();
    if (!digits.chars().allMatch(c -> Character.digit(c, radix) >= 0)) {
      throw new UnreadableException("the digits " + digits + " in base " + radix);
    }
    return new Expr.Based(digits, radix);
  }

  private static Expr.Num number(String text) throws UnreadableException {
    int period = text.indexOf('~');
    if (period >= 0) {
      String fixed = text.substring(0, period);
      String digits = text.substring(period + 1);
      int places = fixed.length() - fixed.indexOf('.') - 1;
      Rational nines = Rational.of(10).power(digits.length()).minus(Rational.ONE);
      Rational tail = Rational.ofDecimal(digits, 0).dividedBy(nines).times(Rational.of(10).power(-places));
      return new Expr.Num(Rational.ofDecimal(fixed.startsWith(".") ? "0" + fixed : fixed, 0).plus(tail));
    }
    int e = Math.max(text.indexOf('e'), text.indexOf('E'));
    if (e < 0) {
      return new Expr.Num(Rational.ofDecimal(text, 0));
    }
    if (text.length() - e > 10) {
      throw new WorkLimit.Exceeded("an exponent of " + (text.length() - e - 1) + " characters");
    }
    return new Expr.Num(Rational.ofDecimal(text.substring(0, e), Long.parseLong(text.substring(e + 1))));
  }

  private void enter() {
    work.spend(1);
    if (++depth > WorkLimit.MAX_DEPTH) {
      throw new WorkLimit.Exceeded("nested deeper than " + WorkLimit.MAX_DEPTH);
    }
  }

  private Token peek() {
    return tokens.get(at);
  }

  /** The next token; stays at the end once there. */
  private Token next() {
    Token token = tokens.get(at);
    if (token.type() != Type.END) {
      at++;
    }
    return token;
  }

  private void expect(String operator) throws UnreadableException {
    if (!next().is(operator)) {
      throw new UnreadableException("a missing '" + operator + "'");
    }
  }
}
