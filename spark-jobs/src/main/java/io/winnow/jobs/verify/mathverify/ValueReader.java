// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.math.Rational;
import io.winnow.jobs.verify.math.WorkLimit;
import io.winnow.jobs.verify.mathverify.LatexLexer.Kind;
import io.winnow.jobs.verify.mathverify.LatexLexer.Token;
import java.util.ArrayList;
import java.util.List;

/** Reads single values: sums, products, powers, atoms. Functions and large operators go to {@link FunctionReader}. */
final class ValueReader {
  private static final int MAX_DEPTH = 120;
  private static final int MAX_BARS = 12;

  private final String text;
  private final List<Token> tokens;
  private final WorkLimit work;
  private final FunctionReader functions = new FunctionReader(this);
  private final NameReader names = new NameReader(this, functions);
  private int at;
  private int depth;
  private int bars;
  private int retries;
  /** Whether {@code |^{a}} behind a value is a substitution, which is left out, and not the end of bars. */
  private final boolean substitutes;
  /** Within an integral a differential ends the product. */
  int integrals;

  ValueReader(String text, List<Token> tokens, boolean substitutes, WorkLimit work) {
    this.text = text;
    this.substitutes = substitutes;
    this.tokens = tokens;
    this.work = work;
  }

  /**
   * What is known of a bracket without reading it.
   *
   * @param close index of the token that closes it
   * @param behind kind of the token behind that
   * @param separated whether a comma or semicolon stands directly within
   * @param setOperator whether a set operator stands directly within
   * @param choose whether {@code \choose} does
   */
  record Bracket(int close, Kind behind, boolean separated, boolean setOperator, boolean choose) {}

  Kind peek() {
    return tokens.get(at).kind();
  }

  Token token(int ahead) {
    return tokens.get(Math.min(at + ahead, tokens.size() - 1));
  }

  Token next() {
    work.spend(1);
    return tokens.get(at++);
  }

  boolean atStart() {
    return depth == 0;
  }

  boolean take(Kind kind) {
    if (peek() == kind) {
      next();
      return true;
    }
    return false;
  }

  boolean peekSetOp(String op) {
    return peek() == Kind.SET_OP && token(0).text().equals(op);
  }

  void enter() throws UnreadFormulaException {
    work.spend(1);
    if (++depth > MAX_DEPTH) {
      throw new WorkLimit.Exceeded("more than " + MAX_DEPTH + " nested levels");
    }
  }

  void leave() {
    depth--;
  }

  void expectEnd() throws UnreadFormulaException {
    if (peek() != Kind.END_OF_TEXT) {
      throw unexpected();
    }
  }

  UnreadFormulaException unexpected() {
    return new UnreadFormulaException(peek() == Kind.END_OF_TEXT ? "it ends too early"
        : "'" + token(0).text() + "' is not expected at " + token(0).start());
  }

  /** Takes the bracket that closes an interval or tuple, round or square. */
  void closeInterval() throws UnreadFormulaException {
    if (peek() != Kind.CLOSE || !token(0).text().equals(")") && !token(0).text().equals("]")) {
      throw unexpected();
    }
    next();
  }

  /** Takes the bracket that closes {@code open}. */
  void close(String open) throws UnreadFormulaException {
    if (peek() != Kind.CLOSE || !closes(open, token(0).text())) {
      throw unexpected();
    }
    next();
  }

  private static boolean closes(String open, String close) {
    return switch (open) {
      case "(" -> close.equals(")");
      case "[" -> close.equals("]");
      case "{" -> close.equals("}");
      case "\\{" -> close.equals("\\}");
      case "⌊" -> close.equals("⌋");
      case "⌈" -> close.equals("⌉");
      default -> close.equals("\\rvert");
    };
  }

  /** Looks through the bracket that opens here. */
  Bracket bracket() throws UnreadFormulaException {
    int level = 0;
    boolean separated = false;
    boolean setOperator = false;
    boolean choose = false;
    for (int i = at; i < tokens.size(); i++) {
      Kind kind = tokens.get(i).kind();
      if (kind == Kind.OPEN) {
        level++;
      } else if (kind == Kind.CLOSE && --level == 0) {
        work.spend((i - at) / 8);
        return new Bracket(i, tokens.get(i + 1).kind(), separated, setOperator, choose);
      } else if (level == 1) {
        separated |= kind == Kind.COMMA || kind == Kind.SEMICOLON;
        setOperator |= kind == Kind.SET_OP;
        choose |= kind == Kind.COMMAND && tokens.get(i).text().equals("choose");
      }
    }
    throw new UnreadFormulaException("a bracket is not closed");
  }

  /** A sum. */
  Term value() throws UnreadFormulaException {
    enter();
    Term first = product(false);
    List<Term> terms = null;
    while (peek() == Kind.PLUS || peek() == Kind.MINUS) {
      boolean minus = next().kind() == Kind.MINUS;
      Term term = product(false);
      if (terms == null) {
        terms = new ArrayList<>();
        terms.add(first);
      }
      terms.add(minus ? Term.negate(term) : term);
    }
    leave();
    return terms == null ? first : new Term.Sum(terms);
  }

  /**
   * A product or quotient by signs of multiplication.
   *
   * @param bare whether it is an argument without brackets, where a function may begin a factor but not follow one
   */
  Term product(boolean bare) throws UnreadFormulaException {
    Term left = unary(bare);
    while (peek() == Kind.TIMES || peek() == Kind.DIVIDE || peek() == Kind.MOD) {
      Kind op = next().kind();
      if (integrals > 0 && peek() == Kind.DIFFERENTIAL) {
        return left;
      }
      Term right = unary(bare);
      left = switch (op) {
        case TIMES -> new Term.Product(List.of(left, right));
        case DIVIDE -> Term.quotient(left, right);
        default -> new Term.Call("mod", List.of(left, right));
      };
    }
    return left;
  }

  private Term unary(boolean bare) throws UnreadFormulaException {
    enter();
    Term result;
    if (take(Kind.PLUS)) {
      result = unary(bare);
    } else if (take(Kind.MINUS)) {
      result = Term.negate(unary(bare));
    } else {
      result = juxtaposed(bare);
    }
    leave();
    return result;
  }

  /** Factors side by side; {@code 2\\frac12} is a mixed number, and so, oddly, are two numbers side by side. */
  private Term juxtaposed(boolean bare) throws UnreadFormulaException {
    List<Term> factors = new ArrayList<>();
    factors.add(postfix());
    while (startsFactor(bare)) {
      int start = at;
      Term factor;
      if (peek() == Kind.BAR && bars > 0) {
        // Within bars another one may close them or open new ones: the second is tried first.
        if (++retries > MAX_BARS) {
          break;
        }
        try {
          factor = postfix();
          if (peek() == Kind.END_OF_TEXT) {
            at = start;
            break;
          }
        } catch (UnreadFormulaException e) {
          at = start;
          break;
        }
      } else {
        factor = postfix();
      }
      factors.add(factor);
    }
    // A whole number before a positive fraction is added to it, from the right, as long as nothing else follows.
    for (int last = factors.size() - 1; last > 0; last--) {
      if (!(factors.get(last - 1) instanceof Term.Num whole && whole.isInteger()
          && factors.get(last) instanceof Term.Num part && !part.decimal() && part.value().signum() > 0)) {
        break;
      }
      Rational sum = whole.value().signum() < 0
          ? whole.value().minus(part.value()) : whole.value().plus(part.value());
      factors.remove(last);
      factors.set(last - 1, new Term.Num(sum, false));
    }
    return Term.product(factors);
  }

  private boolean startsFactor(boolean bare) {
    return switch (peek()) {
      case NUMBER, LETTER, SYMBOL, WORD, ACCENT, BEGIN, OPEN -> true;
      case DIFFERENTIAL -> integrals == 0;
      case FUNCTION -> !bare;
      case COMMAND -> isOperand(token(0).text()) && !(bare && isFunction(token(0)));
      case BAR -> true;
      default -> false;
    };
  }

  private static boolean isOperand(String command) {
    return !command.equals("circ") && !command.equals("degree") && !command.equals("to") && !command.equals("choose")
        && !command.equals("partial");
  }

  private static boolean isFunction(Token token) {
    return token.kind() == Kind.FUNCTION || token.kind() == Kind.COMMAND
        && switch (token.text()) {
          case "frac", "binom", "variable", "boxed", "fbox" -> false;
          default -> true;
        };
  }

  private Term postfix() throws UnreadFormulaException {
    Term result = power();
    while (true) {
      if (take(Kind.BANG)) {
        result = new Term.Call("factorial", List.of(result));
      } else if (substitutes && peek() == Kind.BAR && token(1).kind() == Kind.POWER && token(2).text().equals("{")) {
        next();
        next();
        rawGroup();
      } else if (!take(Kind.PRIME)) {
        return result;
      }
    }
  }

  private Term power() throws UnreadFormulaException {
    Term base = atom();
    while (peek() == Kind.POWER) {
      next();
      base = raised(base);
    }
    return base;
  }

  /** Applies what stands behind {@code ^}; degrees and the T of a transposed matrix leave a value as it is. */
  Term raised(Term base) throws UnreadFormulaException {
    Term exponent = exponent();
    if (exponent == null) {
      return base;
    }
    if (exponent instanceof Term.Sym sym && sym.name().equals("t") && transposes) {
      transposes = false;
      return base instanceof Term.Matrix matrix ? Matrices.transposed(matrix) : base;
    }
    if (base instanceof Term.Const c && c.name().equals("E") && exponent instanceof Term.Call log
        && log.function().equals("log") && log.args().get(1).equals(base)) {
      return log.args().get(0);
    }
    return new Term.Power(base, exponent);
  }

  /** Whether an exponent without braces is read: a subscript behind it belongs to its base. */
  private boolean scripted;
  /** Set by {@link #exponent} for a capital T. */
  private boolean transposes;

  /** What stands behind {@code ^}: one atom or a group in braces; null for degrees. */
  Term exponent() throws UnreadFormulaException {
    Token token = token(0);
    transposes = false;
    if (token.kind() == Kind.OPEN && token.text().equals("{")) {
      next();
      if (token(1).kind() == Kind.CLOSE && isDegree(token(0))) {
        next();
        close("{");
        return null;
      }
      transposes = token(0).text().equals("T") && token(1).kind() == Kind.CLOSE;
      boolean capital = transposes;
      Term inner = value();
      close("{");
      transposes = capital;
      return inner;
    }
    if (isDegree(token)) {
      next();
      return null;
    }
    switch (token.kind()) {
      case NUMBER -> {
        return Numbers.parse(next().text());
      }
      case LETTER, SYMBOL, WORD, DIFFERENTIAL -> {
        transposes = token.text().equals("T");
        boolean outer = scripted;
        scripted = true;
        Term atom = simpleAtom();
        scripted = outer;
        return atom;
      }
      default -> throw unexpected();
    }
  }

  private static boolean isDegree(Token token) {
    return token.kind() == Kind.COMMAND && (token.text().equals("circ") || token.text().equals("degree"));
  }

  private Term atom() throws UnreadFormulaException {
    Token token = token(0);
    switch (token.kind()) {
      case NUMBER, WORD, DIFFERENTIAL, LETTER, SYMBOL, ACCENT -> {
        return simpleAtom();
      }
      case OPEN -> {
        next();
        if ("⌊⌈".contains(token.text())) {
          Term inner = value();
          close(token.text());
          return new Term.Call(token.text().equals("⌊") ? "floor" : "ceil", List.of(inner));
        }
        Term inner = token.text().equals("{") ? chooseOrValue() : value();
        close(token.text());
        return token.text().equals("\\lvert") ? new Term.Call("abs", List.of(inner)) : inner;
      }
      case BAR -> {
        next();
        bars++;
        int level = integrals;
        try {
          Term inner = value();
          if (!take(Kind.BAR)) {
            throw unexpected();
          }
          return new Term.Call("abs", List.of(inner));
        } finally {
          integrals = level;
          bars--;
        }
      }
      case BEGIN -> {
        return Matrices.read(this, work);
      }
      case FUNCTION, COMMAND -> {
        if (token.kind() == Kind.COMMAND && !isOperand(token.text())) {
          throw unexpected();
        }
        return functions.read();
      }
      default -> throw unexpected();
    }
  }

  private Term chooseOrValue() throws UnreadFormulaException {
    Term top = value();
    if (peek() == Kind.COMMAND && token(0).text().equals("choose")) {
      next();
      return Numbers.binomial(top, value(), work);
    }
    return top;
  }

  /** A number, letter, symbol, word or accented name, with subscript, and arguments where it is a function. */
  private Term simpleAtom() throws UnreadFormulaException {
    return names.read(scripted);
  }

  /** Whether the exponent read last was a capital T; asked once. */
  boolean takeTransposed() {
    boolean transposed = transposes;
    transposes = false;
    return transposed;
  }

  /** The text of a group in braces, as a name: no space, lower case. */
  String rawGroup() throws UnreadFormulaException {
    if (peek() != Kind.OPEN || !token(0).text().equals("{")) {
      throw unexpected();
    }
    int close = bracket().close();
    String raw = text.substring(token(0).end(), tokens.get(close).start());
    at = close + 1;
    StringBuilder name = new StringBuilder();
    for (int i = 0; i < raw.length(); i++) {
      char c = raw.charAt(i);
      if (!Character.isWhitespace(c) && c != '\\') {
        name.append(Character.toLowerCase(c));
      }
    }
    return name.toString();
  }

  int position() {
    return at;
  }

  void back(int position) {
    at = position;
  }

  Token tokenAt(int index) {
    return tokens.get(index);
  }

  WorkLimit work() {
    return work;
  }
}
