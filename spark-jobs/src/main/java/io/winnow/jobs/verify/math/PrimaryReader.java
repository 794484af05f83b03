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
 * The innermost rules of {@link MathReader}: numbers, words, brackets, functions and commands, and the place in the
 * tokens.
 */
abstract class PrimaryReader {
  private static final Set<String> CURRENCY = Set.of("usd", "eur", "gbp", "rs", "dollars", "rupees");
  static final Set<String> FRACTIONS = Set.of("frac", "dfrac", "tfrac", "cfrac");
  private static final Set<String> BINOMIALS = Set.of("binom", "dbinom", "tbinom");

  final List<Token> tokens;
  final WorkLimit work;
  int at;
  int depth;
  private int deepened;
  /** Bars of an absolute value that are open here: the next bar closes. */
  int bars;
  /** Whether an interval is open here whose brackets are turned outwards: the next [ closes. */
  boolean turned;

  PrimaryReader(List<Token> tokens, WorkLimit work) {
    this.tokens = tokens;
    this.work = work;
  }

  /** What stands between commas; one value alone is itself. */
  abstract Expr list() throws UnreadableException;

  abstract List<Expr> items() throws UnreadableException;

  abstract Expr relation() throws UnreadableException;

  abstract Expr sum() throws UnreadableException;

  /** A power with its signs. */
  abstract Expr signed() throws UnreadableException;

  abstract Expr power() throws UnreadableException;

  abstract Expr product() throws UnreadableException;

  /** Whether a factor can begin with this token. */
  abstract boolean startsPrimary(Token token);

  final Expr primary() throws UnreadableException {
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
    while (peek().type() == Type.WORD || isLetterAmongWords()) {
      words.append(' ').append(next().text());
    }
    Token after = peek();
    if (after.is("=") || after.is("≈") || after.is(":")) {
      if (after.is(":")) {
        tokens.set(at, new Token(Type.OPERATOR, "=", after.spaced()));
      }
      return new Expr.Sym(words.toString());
    }
    if (startsPrimary(after) && (words.toString().endsWith(" is") || words.toString().endsWith(" are"))) {
      return signed();
    }
    if (startsPrimary(after) || after.is("-") || after.is("+") || after.is("±") || after.is("*") || after.is("/")) {
      throw new UnreadableException("the words '" + words + "' in front of a value");
    }
    return new Expr.Words(words.toString());
  }

  /** A letter that belongs to words: "Team A", "vitamin C deficiency". */
  private boolean isLetterAmongWords() {
    Token token = peek();
    if (token.type() != Type.SYMBOL || !token.spaced()) {
      return false;
    }
    Type after = tokens.get(at + 1).type();
    return after == Type.WORD || (after == Type.END && Character.isUpperCase(token.text().charAt(0)));
  }

  private Expr bracket(Token open) throws UnreadableException {
    enter();
    int outerBars = bars;
    boolean outerTurned = turned;
    bars = 0;
    turned = false;
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
        if (peek().type() == Type.COMMAND && peek().text().equals("over")) {
          at++;
          inner = Expr.quotient(inner, sum());
        } else if (peek().type() == Type.COMMAND && peek().text().equals("choose")) {
          at++;
          inner = new Expr.Call("binomial", List.of(inner, sum()));
        }
        expect("}");
        yield inner instanceof Expr.Seq seq && seq.kind() == Kind.LIST
            ? new Expr.Seq(Kind.SET, seq.items(), false, false)
            : inner;
      }
      case "]" -> {
        // An open end as it is written in France: ]1,2[.
        turned = true;
        List<Expr> items = items();
        Token close = next();
        if (items.size() != 2 || (!close.is("[") && !close.is("]"))) {
          throw new UnreadableException("']' where a value was expected");
        }
        yield new Expr.Seq(Kind.BRACKETED, items, true, close.is("["));
      }
      case "⌊", "⌈" -> {
        Expr inner = sum();
        expect(open.is("⌊") ? "⌋" : "⌉");
        yield new Expr.Call(open.is("⌊") ? "floor" : "ceil", List.of(inner));
      }
      case "\\{" -> {
        if (isSetBuilder()) {
          yield setBuilder();
        }
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
    turned = outerTurned;
    depth--;
    return result;
  }

  /** Whether {@code x |} or {@code x ∈ R |} comes next: what follows is a condition on x. */
  private boolean isSetBuilder() {
    if (peek().type() != Type.SYMBOL) {
      return false;
    }
    Token second = tokens.get(at + 1);
    boolean typed = second.is("∈") && tokens.size() > at + 3 && tokens.get(at + 2).type() == Type.SYMBOL;
    Token bar = typed ? tokens.get(at + 3) : second;
    return bar.is("|") || bar.is(":");
  }

  /** The condition itself, which says the same as the set. */
  private Expr setBuilder() throws UnreadableException {
    String name = next().text();
    if (peek().is("∈")) {
      if (!tokens.get(at + 1).text().equals("mathbbR")) {
        throw new UnreadableException("a set of other than real numbers");
      }
      at += 2;
    }
    at++;
    Expr condition = list();
    expect("\\}");
    if (!Evaluation.variables(condition).contains(name)) {
      throw new UnreadableException("a set whose condition does not name " + name);
    }
    return condition;
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
    Expr call = new Expr.Call(name, args);
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
    if (name.equals("sum") || name.equals("prod")) {
      return range(name);
    }
    throw new UnreadableException("the command \\" + name);
  }

  /** A sum or product with both bounds: {@code \sum_{k=1}^{n} body}. */
  private Expr range(String name) throws UnreadableException {
    enter();
    Expr from = null;
    Expr to = null;
    for (int i = 0; i < 2; i++) {
      Token mark = next();
      if (mark.is("_")) {
        from = primary();
      } else if (mark.is("^")) {
        to = primary();
      }
    }
    if (to == null || !(from instanceof Expr.Relation relation) || !relation.ops().equals(List.of("="))
        || !(relation.sides().get(0) instanceof Expr.Sym)) {
      throw new UnreadableException("a " + name + " without bounds");
    }
    Expr body = product();
    depth--;
    return new Expr.Call(name, List.of(relation.sides().get(0), relation.sides().get(1), to, body));
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
    boolean lines = name.equals("cases") || name.startsWith("align") || name.startsWith("gather");
    if (!name.endsWith("matrix") && !name.equals("array") && !lines) {
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
      if (lines && peek().is("&")) {
        at++;
      }
      row.add(lines ? relation() : sum());
      if (lines && peek().is(",")) {
        at++;
      }
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
        Expr result = lines ? lines(rows) : new Expr.Seq(Kind.MATRIX, rows, false, false);
        return name.equals("vmatrix") ? new Expr.Call("det", List.of(result)) : result;
      }
    }
  }

  /** Lines of one relation each, which hold together. */
  private static Expr lines(List<Expr> rows) throws UnreadableException {
    List<Expr> items = new ArrayList<>();
    for (Expr row : rows) {
      List<Expr> columns = ((Expr.Seq) row).items();
      if (columns.size() != 1 || !(columns.get(0) instanceof Expr.Relation)) {
        throw new UnreadableException("cases that are no relations");
      }
      items.add(columns.get(0));
    }
    return items.size() == 1 ? items.get(0) : new Expr.Seq(Kind.LIST, items, false, false);
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
        || base.value().num().compareTo(BigInteger.TWO) < 0
        || base.value().num().compareTo(BigInteger.valueOf(36)) > 0) {
      throw new UnreadableException("a subscript on a number that is no base from 2 to 36");
    }
    int radix = base.value().num().intValue();
    return new Expr.Based(digits, radix);
  }

  static Expr.Num number(String text) throws UnreadableException {
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
      int point = text.indexOf('.');
      return new Expr.Num(Rational.ofDecimal(text, 0), point < 0 ? 0 : text.length() - point - 1);
    }
    if (text.length() - e > 10) {
      throw new WorkLimit.Exceeded("an exponent of " + (text.length() - e - 1) + " characters");
    }
    return new Expr.Num(Rational.ofDecimal(text.substring(0, e), Long.parseLong(text.substring(e + 1))));
  }

  static boolean isInteger(Token token) {
    return token.type() == Type.NUMBER && token.text().chars().allMatch(c -> c >= '0' && c <= '9');
  }

  final void enter() {
    work.spend(1);
    if (++depth > WorkLimit.MAX_DEPTH) {
      throw new WorkLimit.Exceeded("nested deeper than " + WorkLimit.MAX_DEPTH);
    }
  }

  /** Counts a level of the tree that a loop and not a recursion builds, as in 5!!! or a/b/c. */
  final void deepen() {
    if (++deepened > WorkLimit.MAX_DEPTH) {
      throw new WorkLimit.Exceeded("more than " + WorkLimit.MAX_DEPTH + " operators in a row");
    }
  }

  final Token peek() {
    return tokens.get(at);
  }

  /** The next token; stays at the end once there. */
  final Token next() {
    Token token = tokens.get(at);
    if (token.type() != Type.END) {
      at++;
    }
    return token;
  }

  final void expect(String operator) throws UnreadableException {
    if (!next().is(operator)) {
      throw new UnreadableException("a missing '" + operator + "'");
    }
  }
}
