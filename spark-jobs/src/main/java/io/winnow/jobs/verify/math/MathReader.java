// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import io.winnow.jobs.verify.math.Expr.Kind;
import io.winnow.jobs.verify.math.MathLexer.Token;
import io.winnow.jobs.verify.math.MathLexer.Type;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Reads one answer, LaTeX or plain text, into an {@link Expr} by recursive descent. From loose to tight: list
 * (comma, and, or), relation, union, sum, product (written or by juxtaposition, left to right together with
 * division), sign, power, postfix ({@code ! % °}), primary.
 *
 * <p>Reading policies: an integer before a fraction of integers is a mixed number; two other numbers side by side
 * are neither their sum nor their product (a call of {@code adjacent}); words after a value are a unit, which a
 * {@link Expr.Measure} keeps where the whole text is one value; in front of {@code =} they are a name, alone they are
 * {@link Expr.Words}; currency signs are dropped.
 */
public final class MathReader extends PrimaryReader {
  private static final Set<String> RELATIONS = Set.of("=", "≠", "<", "≤", ">", "≥", "∈", "≈", "∉", "∝");

  /** Units that were skipped, the last of them, and the place behind it. */
  private int units;
  private String unit;
  private int unitEnd;
  /** Whether "or" stood between the values of the list that is being read. */
  private boolean either;

  /** Words and letters between two numbers that make neither of them the answer: 7 to 9, 8 R 2. */
  private static final Set<String> JOINING = Set.of("to", "through", "R", "r", "remainder", "rem", "until");

  private static final Set<String> ORDINALS = Set.of("st", "nd", "rd", "th");

  private MathReader(List<Token> tokens, WorkLimit work) {
    super(tokens, work);
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
    return reader.measured(result);
  }

  /** The value with its unit, where the whole text is one value with one unit behind it. */
  private Expr measured(Expr whole) {
    int end = tokens.size() - 1;
    if (units == 1 && unitEnd == end && !(whole instanceof Expr.Seq) && !(whole instanceof Expr.Relation)) {
      return new Expr.Measure(whole, unit, null);
    }
    if (units == 0 && end >= 2 && end <= 3 && tokens.get(end - 1).type() == Type.SYMBOL && tokens.get(end - 1).spaced()
        && tokens.get(end - 2).type() == Type.NUMBER && Units.LETTERS.contains(tokens.get(end - 1).text())
        && whole instanceof Expr.Product product && product.factors().size() == 2) {
      return new Expr.Measure(product.factors().get(0), tokens.get(end - 1).text(), whole);
    }
    return whole;
  }

  @Override
  Expr list() throws UnreadableException {
    boolean outer = either;
    either = false;
    List<Expr> items = items();
    boolean conditions = either && items.stream().allMatch(item -> item instanceof Expr.Relation relation
        && !relation.ops().contains("="));
    either = outer;
    return items.size() == 1 ? items.get(0) : conditions ? new Expr.Call("cup", items)
        : new Expr.Seq(Kind.LIST, items, false, false);
  }

  @Override
  List<Expr> items() throws UnreadableException {
    enter();
    List<Expr> items = new ArrayList<>();
    items.add(relation());
    while (isSeparator(peek())) {
      // "a, and b" has two separators in a row.
      while (isSeparator(peek())) {
        either |= peek().is("∨");
        at++;
      }
      items.add(relation());
    }
    depth--;
    return items;
  }

  private static boolean isSeparator(Token token) {
    return token.is(",") || token.is(";") || token.is("∨");
  }

  @Override
  Expr relation() throws UnreadableException {
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
      deepen();
      if (op.equals(":")) {
        left = ratio(left, right);
      } else {
        left = new Expr.Call(op.equals("∪") ? "cup" : op.equals("∩") ? "cap" : "setminus", List.of(left, right));
      }
    }
    if (peek().is("am") || peek().is("pm")) {
      left = new Expr.Product(List.of(left, new Expr.Sym(next().text())));
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

  @Override
  Expr sum() throws UnreadableException {
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

  @Override
  Expr product() throws UnreadableException {
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
        deepen();
        factors.set(factors.size() - 1, Expr.quotient(factors.get(factors.size() - 1), den));
      } else if (op.is("mod")) {
        at++;
        Expr left = factors.size() == 1 ? factors.get(0) : new Expr.Product(List.copyOf(factors));
        factors.clear();
        factors.add(new Expr.Call("mod", List.of(left, signed())));
        deepen();
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
    if (op.type() == Type.NUMBER && !(before.type() == Type.OPERATOR && ")]}!|".contains(before.text()))) {
      if (before.type() == Type.NUMBER && op.spaced() && isMixed(factors)) {
        Expr whole = factors.remove(factors.size() - 1);
        factors.add(mixed(whole, mixedFraction()));
        return;
      }
      boolean joined = before.type() == Type.NUMBER || JOINING.contains(before.text());
      if (!joined || !(factors.get(factors.size() - 1) instanceof Expr.Num) || factors.size() > 1) {
        throw new UnreadableException("two numbers side by side: '" + before.text() + " " + op.text() + "'");
      }
      factors.set(0, new Expr.Call("adjacent", List.of(factors.get(0), primary())));
      units = 0;
      return;
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

  private static boolean integer(Expr expr) {
    return expr instanceof Expr.Num num && num.value().isInteger();
  }

  /** Skips words after a value, with their powers and {@code /word}, and keeps them as its unit. */
  private void skipUnit() {
    if (peek().type() != Type.WORD) {
      return;
    }
    int start = at;
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
    StringBuilder words = new StringBuilder();
    for (Token token : tokens.subList(start, at)) {
      boolean word = token.type() == Type.WORD || token.type() == Type.SYMBOL;
      words.append(word && !words.isEmpty() ? " " : "").append(token.is("{") || token.is("}") ? "" : token.text());
    }
    unit = words.toString();
    unitEnd = at;
    units++;
  }

  @Override
  boolean startsPrimary(Token token) {
    return switch (token.type()) {
      case NUMBER, SYMBOL, FUNCTION -> true;
      case COMMAND -> !Set.of("end", "over", "choose").contains(token.text());
      case OPERATOR -> token.is("(") || (token.is("[") && !turned) || token.is("{") || token.is("\\{") || token.is("⌊")
          || token.is("⌈") || (token.is("|") && bars == 0);
      default -> false;
    };
  }

  @Override
  Expr signed() throws UnreadableException {
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

  @Override
  Expr power() throws UnreadableException {
    Expr base = postfix(primary());
    if (!peek().is("^")) {
      return base;
    }
    at++;
    Expr exponent = peek().is("-") || peek().is("+") ? signed() : exponent();
    if (exponent instanceof Expr.Words words && ORDINALS.contains(words.text())) {
      return base;
    }
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
      deepen();
    }
  }
}
