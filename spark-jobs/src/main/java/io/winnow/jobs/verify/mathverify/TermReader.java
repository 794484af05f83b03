// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.math.Rational;
import io.winnow.jobs.verify.math.WorkLimit;
import io.winnow.jobs.verify.mathverify.LatexLexer.Kind;
import io.winnow.jobs.verify.mathverify.LatexLexer.Token;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads a normalized formula: lists, relations, sets, tuples and intervals here; values by {@link ValueReader}. By
 * recursive descent, depth and steps bounded.
 */
final class TermReader {
  static final int MAX_CHARS = 4_096;

  private final ValueReader values;
  private final WorkLimit work;

  private TermReader(String text, List<Token> tokens, boolean substitutes, WorkLimit work) {
    this.work = work;
    values = new ValueReader(text, tokens, substitutes, work);
  }

  /**
   * Reads a formula.
   *
   * @throws UnreadFormulaException when Math-Verify's grammar does not know it
   */
  static Term read(String text, WorkLimit work) throws UnreadFormulaException {
    if (text.length() > MAX_CHARS) {
      throw new WorkLimit.Exceeded("a formula of " + text.length() + " characters");
    }
    Term grouped = groupedNumber(text);
    if (grouped != null) {
      return grouped;
    }
    work.spend(text.length() / 16);
    List<Token> tokens = LatexLexer.tokens(text);
    if (text.contains("|^{")) {
      try {
        return Complex.marked(new TermReader(text, tokens, true, work).whole(), text);
      } catch (UnreadFormulaException e) {
        work.spend(1);
      }
    }
    return Complex.marked(new TermReader(text, tokens, false, work).whole(), text);
  }

  /** {@code 1,234,567.8} when the whole text is such a number; with a leading zero the comma is a decimal point. */
  private static Term groupedNumber(String text) {
    if (text.indexOf(',') < 0) {
      return null;
    }
    String body = text.strip().replace("\\$", "").replace("$", "").strip();
    boolean minus = body.startsWith("-");
    body = minus ? body.substring(1) : body;
    int point = body.indexOf('.');
    String whole = point < 0 ? body : body.substring(0, point);
    String[] groups = whole.split(",", -1);
    boolean plain = groups.length > 1 && !groups[0].isEmpty() && groups[0].length() <= 3;
    for (int i = 0; i < groups.length && plain; i++) {
      plain = (i == 0 || groups[i].length() == 3) && groups[i].chars().allMatch(c -> c >= '0' && c <= '9');
    }
    String decimals = point < 0 ? "" : body.substring(point + 1);
    plain = plain && (point < 0 || !decimals.isEmpty()) && decimals.chars().allMatch(c -> c >= '0' && c <= '9');
    if (!plain) {
      return null;
    }
    boolean leadingZero = groups[0].charAt(0) == '0' && groups.length == 2 && point < 0;
    String number = leadingZero ? groups[0] + "." + groups[1] : whole.replace(",", "") + (point < 0 ? ""
        : "." + decimals);
    Term result = new Term.Num(Rational.ofDecimal(number, 0), leadingZero || point >= 0);
    return minus ? Term.negate(result) : result;
  }

  private Term whole() throws UnreadFormulaException {
    List<List<Term>> groups = groups();
    values.expectEnd();
    List<Term> first = groups.get(0);
    if (groups.size() == 1 && first.size() == 1) {
      return whole(first.get(0));
    }
    if (groups.stream().flatMap(List::stream).anyMatch(TermReader::isMembership)) {
      throw new UnreadFormulaException("membership within a list");
    }
    if (groups.size() == 1) {
      if (first.get(0) instanceof Term.Relation relation && isEquation(relation)
          && first.stream().skip(1).noneMatch(Term::isRelational)) {
        List<Term> right = new ArrayList<>(List.of(relation.right()));
        right.addAll(first.subList(1, first.size()));
        return new Term.Relation("=", relation.left(), new Term.Items(spliced(right)));
      }
      return new Term.Items(spliced(first));
    }
    if (groups.stream().allMatch(group -> group.size() == 1) && isEquation(first.get(0))
        && groups.stream().skip(1).noneMatch(group -> group.get(0).isRelational())) {
      List<Term> right = new ArrayList<>(List.of(((Term.Relation) first.get(0)).right()));
      groups.stream().skip(1).forEach(right::addAll);
      return new Term.Relation("=", ((Term.Relation) first.get(0)).left(), new Term.Items(spliced(right)));
    }
    List<Term> items = new ArrayList<>();
    boolean tuples = groups.stream().anyMatch(group -> group.size() > 1);
    for (List<Term> group : groups) {
      if (tuples) {
        items.add(group.size() == 1 ? group.get(0) : new Term.Tuple(spliced(group)));
      } else {
        items.addAll(spliced(group));
      }
    }
    return new Term.Items(items);
  }

  private static boolean isEquation(Term term) {
    return term instanceof Term.Relation relation && relation.op().equals("=");
  }

  private static boolean isMembership(Term term) {
    return term instanceof Term.Relation relation && "∈∉".contains(relation.op());
  }

  /** An element that is all there is: only here may it say that something is in a set. */
  private static Term whole(Term only) {
    if (!isMembership(only)) {
      return only;
    }
    Term.Relation relation = (Term.Relation) only;
    Term.Relation equation = new Term.Relation("=", relation.left(), relation.right());
    return relation.op().equals("∈") ? equation : new Term.Not(equation);
  }

  /** Members of a list; what {@code ±} made two of counts as two. */
  private static List<Term> spliced(List<Term> items) {
    List<Term> all = new ArrayList<>();
    for (Term item : items) {
      if (item instanceof PlusMinusPair pair) {
        all.addAll(pair.items().items());
      } else {
        all.add(item);
      }
    }
    return all;
  }

  /** Elements between commas, in groups between semicolons. */
  private List<List<Term>> groups() throws UnreadFormulaException {
    List<List<Term>> groups = new ArrayList<>();
    List<Term> group = new ArrayList<>();
    while (true) {
      group.add(element());
      if (values.take(Kind.COMMA)) {
        continue;
      }
      groups.add(group);
      if (!values.take(Kind.SEMICOLON)) {
        return groups;
      }
      group = new ArrayList<>();
    }
  }

  /** A value, a collection or a chain of relations. */
  private Term element() throws UnreadFormulaException {
    values.enter();
    Term left = side();
    List<Term.Relation> chain = new ArrayList<>();
    while (values.peek() == Kind.RELATION) {
      String op = values.next().text();
      Term right = side();
      if (op.equals("≈")) {
        left = left instanceof Term.Sym ? right : left;
        int last = chain.size() - 1;
        if (last >= 0) {
          chain.set(last, new Term.Relation(chain.get(last).op(), chain.get(last).left(), left));
        }
        continue;
      }
      boolean equation = op.equals("=") || op.equals("∈") || op.equals("∉");
      if (left.isCollection() && !(left instanceof PlusMinusPair) && !(equation && namesOnly(left))
          || left instanceof PlusMinusPair || right.isCollection() && !equation) {
        throw new UnreadFormulaException("a comparison of sets");
      }
      if ((op.equals("∈") || op.equals("∉")) && !isName(left)
          || right.isCollection() && equation && !(isName(left) || namesOnly(left))) {
        throw new UnreadFormulaException("no name before a set");
      }
      chain.add(new Term.Relation(op, left, right instanceof PlusMinusPair pair ? pair.items() : right));
      left = right;
    }
    values.leave();
    if (chain.isEmpty()) {
      return left instanceof PlusMinusPair && values.peek() == Kind.END_OF_TEXT && values.atStart()
          ? ((PlusMinusPair) left).items() : left;
    }
    return chained(chain);
  }

  private static Term chained(List<Term.Relation> chain) throws UnreadFormulaException {
    if (chain.size() == 1) {
      return chain.get(0);
    }
    for (Term.Relation relation : chain) {
      if ("∈∉".contains(relation.op())) {
        throw new UnreadFormulaException("membership within a chain");
      }
    }
    return new Term.And(chain);
  }

  private static boolean isName(Term term) {
    return term instanceof Term.Sym || term instanceof Term.Applied
        || term instanceof Term.Product p && p.factors().stream().allMatch(TermReader::isName);
  }

  private static boolean namesOnly(Term term) {
    return term instanceof Term.Tuple t && t.items().stream().allMatch(TermReader::isName)
        || term instanceof Term.Interval i && isName(i.low()) && isName(i.high());
  }

  private Term side() throws UnreadFormulaException {
    if (values.take(Kind.PLUS_MINUS)) {
      return pair(Term.ZERO, values.value());
    }
    if (values.peek() == Kind.SET || values.peek() == Kind.OPEN && startsCollection()) {
      return setExpression();
    }
    Term left = values.value();
    if (values.take(Kind.PLUS_MINUS)) {
      return pair(left, values.value());
    }
    return left;
  }

  private static Term pair(Term middle, Term distance) {
    boolean bare = middle == Term.ZERO;
    Term plus = bare ? distance : new Term.Sum(List.of(middle, distance));
    Term minus = bare ? Term.negate(distance) : Term.minus(middle, distance);
    return new PlusMinusPair(new Term.Items(List.of(minus, plus)));
  }

  /** Whether the bracket here opens a set, tuple or interval and not a group of a product. */
  private boolean startsCollection() throws UnreadFormulaException {
    Token open = values.token(0);
    if ("⌊⌈\\lvert".contains(open.text())) {
      return false;
    }
    ValueReader.Bracket bracket = values.bracket();
    Kind behind = bracket.behind();
    boolean ends = switch (behind) {
      case END_OF_TEXT, COMMA, SEMICOLON, CLOSE, RELATION, SET_OP -> true;
      default -> false;
    };
    if (!ends || bracket.choose()) {
      return false;
    }
    if (open.text().equals("{") || open.text().equals("\\{")) {
      return behind != Kind.RELATION || bracket.separated();
    }
    return bracket.separated() || bracket.setOperator() || behind == Kind.SET_OP;
  }

  private Term setExpression() throws UnreadFormulaException {
    Term left = union();
    while (values.peekSetOp("minus")) {
      values.next();
      left = new Term.SetOp("minus", left, union());
    }
    return left;
  }

  private Term union() throws UnreadFormulaException {
    Term left = intersection();
    while (values.peekSetOp("cup")) {
      values.next();
      left = new Term.SetOp("cup", left, intersection());
    }
    return left;
  }

  private Term intersection() throws UnreadFormulaException {
    Term left = setAtom();
    while (values.peekSetOp("cap")) {
      values.next();
      left = new Term.SetOp("cap", left, setAtom());
    }
    return left;
  }

  private Term setAtom() throws UnreadFormulaException {
    if (values.peek() == Kind.SET) {
      return new Term.Const(values.next().text());
    }
    if (values.peek() != Kind.OPEN || "⌊⌈\\lvert".contains(values.token(0).text())) {
      throw new UnreadFormulaException("no set behind a set operator");
    }
    ValueReader.Bracket bracket = values.bracket();
    String open = values.next().text();
    boolean braces = open.equals("{") || open.equals("\\{");
    values.enter();
    Term result;
    if (braces) {
      if (values.peek() == Kind.CLOSE) {
        result = new Term.Const("∅");
      } else {
        List<Term> items = new ArrayList<>();
        for (List<Term> group : groups()) {
          items.addAll(spliced(group));
        }
        result = items.size() == 1 && items.get(0) instanceof Term.Items inner && bracket.setOperator()
            ? inner : new Term.Items(items);
      }
    } else if (bracket.separated()) {
      List<List<Term>> groups = groups();
      List<Term> items = new ArrayList<>();
      for (List<Term> group : groups) {
        items.addAll(spliced(group));
      }
      List<Term> only = groups.get(0);
      String close = values.token(0).text();
      boolean interval = groups.size() == 1 && only.size() == 2 && only.get(0).isValue() && only.get(1).isValue();
      result = interval
          ? Intervals.of(only.get(0), only.get(1), open.equals("("), close.equals(")"), work)
          : new Term.Tuple(items);
    } else {
      result = setExpression();
    }
    if (braces || !bracket.separated()) {
      values.close(open);
    } else {
      values.closeInterval();
    }
    values.leave();
    return result;
  }

  /** Both values of a ±, until it is known whether they stand alone or in a list. */
  private record PlusMinusPair(Items items) implements Term {
    @Override
    public boolean isCollection() {
      return true;
    }
  }
}
