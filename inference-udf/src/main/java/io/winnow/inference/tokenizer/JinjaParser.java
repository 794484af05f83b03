// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import io.winnow.inference.tokenizer.JinjaLexer.Kind;
import io.winnow.inference.tokenizer.JinjaLexer.Token;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Jinja2's expression grammar, from the loosest binding to the tightest, each method one level. */
final class JinjaParser {
  private static final int MAX_DEPTH = 200;

  private final String code;
  private final List<Token> tokens;
  private int at;
  private int depth;

  JinjaParser(String code) {
    this.code = code;
    this.tokens = JinjaLexer.tokens(code);
  }

  /** The whole code as one expression; a bare comma makes a tuple. */
  static JinjaExpression expression(String code) {
    JinjaParser parser = new JinjaParser(code);
    JinjaExpression expression = parser.tuple();
    parser.end();
    return expression;
  }

  Token peek() {
    return tokens.get(at);
  }

  private Token peekNext() {
    return tokens.get(Math.min(at + 1, tokens.size() - 1));
  }

  Token next() {
    return tokens.get(at < tokens.size() - 1 ? at++ : at);
  }

  boolean take(String operator) {
    boolean there = peek().is(operator);
    at += there ? 1 : 0;
    return there;
  }

  boolean takeName(String name) {
    boolean there = peek().isName(name);
    at += there ? 1 : 0;
    return there;
  }

  void expect(String operator) {
    if (!take(operator)) {
      throw failure("'" + operator + "'");
    }
  }

  String name() {
    if (peek().kind() != Kind.NAME) {
      throw failure("a name");
    }
    return next().text();
  }

  boolean atEnd() {
    return peek().kind() == Kind.END;
  }

  void end() {
    if (!atEnd()) {
      throw failure("the end of the tag");
    }
  }

  private JinjaFailure failure(String expected) {
    return new JinjaFailure("expected " + expected + ", found '" + peek().text() + "' in: " + code.strip());
  }

  /** One expression, or several with commas between, which make a tuple. */
  JinjaExpression tuple() {
    JinjaExpression first = conditional();
    if (!peek().is(",")) {
      return first;
    }
    List<JinjaExpression> items = new ArrayList<>(List.of(first));
    while (take(",")) {
      if (atEnd() || peek().is(")") || peek().isName("if") || peek().isName("recursive")) {
        break;
      }
      items.add(conditional());
    }
    return scope -> new JinjaValues.Tuple(all(items, scope));
  }

  JinjaExpression conditional() {
    if (++depth > MAX_DEPTH) {
      throw new JinjaFailure("an expression is nested more than " + MAX_DEPTH + " deep");
    }
    JinjaExpression value = or();
    while (takeName("if")) {
      JinjaExpression then = value;
      JinjaExpression condition = or();
      JinjaExpression otherwise =
          takeName("else")
              ? conditional()
              : scope -> new JinjaValues.Undefined("an inline if has no else and its condition is false");
      value = scope -> condition.isTrueIn(scope) ? then.in(scope) : otherwise.in(scope);
    }
    depth--;
    return value;
  }

  /** As {@link #conditional} but leaves an {@code if} alone: what a loop runs over. */
  JinjaExpression or() {
    JinjaExpression left = and();
    while (takeName("or")) {
      JinjaExpression a = left;
      JinjaExpression b = and();
      left = scope -> {
        Object value = a.in(scope);
        return JinjaValues.truth(value) ? value : b.in(scope);
      };
    }
    return left;
  }

  private JinjaExpression and() {
    JinjaExpression left = not();
    while (takeName("and")) {
      JinjaExpression a = left;
      JinjaExpression b = not();
      left = scope -> {
        Object value = a.in(scope);
        return JinjaValues.truth(value) ? b.in(scope) : value;
      };
    }
    return left;
  }

  private JinjaExpression not() {
    if (takeName("not")) {
      JinjaExpression value = not();
      return scope -> !value.isTrueIn(scope);
    }
    return comparison();
  }

  private JinjaExpression comparison() {
    JinjaExpression first = sum();
    List<String> operators = new ArrayList<>();
    List<JinjaExpression> operands = new ArrayList<>();
    while (true) {
      Token token = peek();
      if (token.kind() == Kind.OPERATOR && List.of("==", "!=", "<", "<=", ">", ">=").contains(token.text())) {
        operators.add(next().text());
      } else if (takeName("in")) {
        operators.add("in");
      } else if (token.isName("not") && peekNext().isName("in")) {
        at += 2;
        operators.add("not in");
      } else {
        break;
      }
      operands.add(sum());
    }
    if (operators.isEmpty()) {
      return first;
    }
    return scope -> {
      Object left = first.in(scope);
      for (int i = 0; i < operators.size(); i++) {
        Object right = operands.get(i).in(scope);
        if (!JinjaOperators.compare(operators.get(i), left, right)) {
          return false;
        }
        left = right;
      }
      return true;
    };
  }

  private JinjaExpression sum() {
    JinjaExpression left = concat();
    while (peek().is("+") || peek().is("-")) {
      String operator = next().text();
      left = binary(operator, left, concat());
    }
    return left;
  }

  private JinjaExpression concat() {
    JinjaExpression left = product();
    while (take("~")) {
      left = binary("~", left, product());
    }
    return left;
  }

  private JinjaExpression product() {
    JinjaExpression left = power();
    while (peek().is("*") || peek().is("/") || peek().is("//") || peek().is("%")) {
      String operator = next().text();
      left = binary(operator, left, power());
    }
    return left;
  }

  private JinjaExpression power() {
    JinjaExpression left = unary(true);
    while (take("**")) {
      left = binary("**", left, unary(true));
    }
    return left;
  }

  private static JinjaExpression binary(String operator, JinjaExpression a, JinjaExpression b) {
    return scope -> JinjaOperators.apply(operator, a.in(scope), b.in(scope));
  }

  private JinjaExpression unary(boolean withFilters) {
    if (++depth > MAX_DEPTH) {
      throw new JinjaFailure("an expression is nested more than " + MAX_DEPTH + " deep");
    }
    JinjaExpression value;
    if (take("-")) {
      JinjaExpression operand = unary(false);
      value = scope -> JinjaOperators.apply("-", 0L, operand.in(scope));
    } else if (take("+")) {
      value = unary(false);
    } else {
      value = primary();
    }
    value = postfix(value);
    depth--;
    return withFilters ? filtersAndTests(value) : value;
  }

  private JinjaExpression primary() {
    Token token = next();
    switch (token.kind()) {
      case NAME:
        return named(token.text());
      case STRING:
        StringBuilder text = new StringBuilder(token.text());
        while (peek().kind() == Kind.STRING) {
          text.append(next().text());
        }
        return constant(text.toString());
      case INTEGER:
        try {
          return constant(Long.parseLong(token.text()));
        } catch (NumberFormatException e) {
          throw new JinjaFailure("the number " + token.text() + " is too large");
        }
      case FLOAT:
        return constant(Double.parseDouble(token.text()));
      default:
        if (token.is("(")) {
          return inParentheses();
        }
        if (token.is("[")) {
          List<JinjaExpression> items = new ArrayList<>();
          while (!take("]")) {
            items.add(conditional());
            if (!take(",") && !peek().is("]")) {
              throw failure("',' or ']'");
            }
          }
          return scope -> all(items, scope);
        }
        if (token.is("{")) {
          return dict();
        }
        at = Math.max(0, at - (token.kind() == Kind.END ? 0 : 1));
        throw failure("a value");
    }
  }

  private JinjaExpression named(String name) {
    return switch (name) {
      case "true", "True" -> constant(true);
      case "false", "False" -> constant(false);
      case "none", "None" -> constant(JinjaValues.NONE);
      default -> scope -> scope.get(name);
    };
  }

  private static JinjaExpression constant(Object value) {
    return scope -> value;
  }

  private JinjaExpression inParentheses() {
    if (take(")")) {
      return constant(new JinjaValues.Tuple(List.of()));
    }
    JinjaExpression value = tuple();
    expect(")");
    return value;
  }

  private JinjaExpression dict() {
    List<JinjaExpression> keys = new ArrayList<>();
    List<JinjaExpression> values = new ArrayList<>();
    while (!take("}")) {
      keys.add(conditional());
      expect(":");
      values.add(conditional());
      if (!take(",") && !peek().is("}")) {
        throw failure("',' or '}'");
      }
    }
    return scope -> {
      Map<Object, Object> map = new LinkedHashMap<>();
      for (int i = 0; i < keys.size(); i++) {
        map.put(keys.get(i).in(scope), values.get(i).in(scope));
      }
      return map;
    };
  }

  private JinjaExpression postfix(JinjaExpression value) {
    while (true) {
      JinjaExpression object = value;
      if (take(".")) {
        Token field = next();
        if (field.kind() == Kind.NAME) {
          value = scope -> JinjaOperators.attribute(object.in(scope), field.text());
        } else if (field.kind() == Kind.INTEGER) {
          value = scope -> JinjaOperators.item(object.in(scope), Long.parseLong(field.text()));
        } else {
          throw failure("a field name");
        }
      } else if (take("[")) {
        value = subscript(object);
      } else if (peek().is("(")) {
        value = call(object);
      } else {
        return value;
      }
    }
  }

  private JinjaExpression subscript(JinjaExpression object) {
    JinjaExpression[] parts = new JinjaExpression[3];
    int part = 0;
    boolean slice = false;
    while (!take("]")) {
      if (take(":")) {
        slice = true;
        if (++part > 2) {
          throw failure("']'");
        }
      } else if (parts[part] == null) {
        parts[part] = slice ? conditional() : tuple();
      } else {
        throw failure("']'");
      }
    }
    if (!slice) {
      if (parts[0] == null) {
        throw failure("an index");
      }
      return scope -> JinjaOperators.item(object.in(scope), parts[0].in(scope));
    }
    return scope ->
        JinjaOperators.slice(object.in(scope), inOrNone(parts[0], scope), inOrNone(parts[1], scope),
            inOrNone(parts[2], scope));
  }

  private static Object inOrNone(JinjaExpression part, JinjaScope scope) {
    return part == null ? JinjaValues.NONE : part.in(scope);
  }

  private JinjaExpression call(JinjaExpression function) {
    Arguments arguments = arguments();
    return scope ->
        JinjaOperators.call(function.in(scope), arguments.positional(scope), arguments.named(scope));
  }

  private JinjaExpression filtersAndTests(JinjaExpression value) {
    while (true) {
      if (take("|")) {
        value = filter(value);
      } else if (takeName("is")) {
        value = test(value);
      } else if (peek().is("(")) {
        value = call(value);
      } else {
        return value;
      }
    }
  }

  /** The filter whose name is next, on {@code value}. */
  JinjaExpression filter(JinjaExpression value) {
    String name = dottedName();
    JinjaFilters.Filter filter = JinjaFilters.named(name);
    Arguments arguments = peek().is("(") ? arguments() : new Arguments();
    return scope -> filter.apply(value.in(scope), arguments.positional(scope), arguments.named(scope));
  }

  private JinjaExpression test(JinjaExpression value) {
    boolean negated = takeName("not");
    JinjaTests.Test test = JinjaTests.named(dottedName());
    Arguments arguments = new Arguments();
    if (peek().is("(")) {
      arguments = arguments();
    } else if (startsArgument(peek())) {
      arguments.positional.add(postfix(primary()));
    }
    Arguments given = arguments;
    return scope -> test.holds(value.in(scope), given.positional(scope)) != negated;
  }

  private static boolean startsArgument(Token token) {
    return switch (token.kind()) {
      case NAME -> !List.of("else", "or", "and", "is", "if", "in", "not").contains(token.text());
      case STRING, INTEGER, FLOAT -> true;
      default -> token.is("[") || token.is("{");
    };
  }

  private String dottedName() {
    StringBuilder name = new StringBuilder(name());
    while (take(".")) {
      name.append('.').append(name());
    }
    return name.toString();
  }

  private Arguments arguments() {
    expect("(");
    Arguments arguments = new Arguments();
    while (!take(")")) {
      if (take("**")) {
        arguments.spreadNamed.add(conditional());
      } else if (take("*")) {
        arguments.spread.add(conditional());
      } else if (peek().kind() == Kind.NAME && peekNext().is("=")) {
        String name = name();
        expect("=");
        arguments.named.put(name, conditional());
      } else {
        arguments.positional.add(conditional());
      }
      if (!take(",") && !peek().is(")")) {
        throw failure("',' or ')'");
      }
    }
    return arguments;
  }

  private static List<Object> all(List<JinjaExpression> items, JinjaScope scope) {
    List<Object> values = new ArrayList<>(items.size());
    items.forEach(item -> values.add(item.in(scope)));
    return values;
  }

  /** What stands in the round brackets of a call. */
  private static final class Arguments {
    final List<JinjaExpression> positional = new ArrayList<>();
    final Map<String, JinjaExpression> named = new LinkedHashMap<>();
    final List<JinjaExpression> spread = new ArrayList<>();
    final List<JinjaExpression> spreadNamed = new ArrayList<>();

    List<Object> positional(JinjaScope scope) {
      List<Object> values = all(positional, scope);
      spread.forEach(list -> values.addAll(JinjaValues.items(list.in(scope))));
      return values;
    }

    Map<String, Object> named(JinjaScope scope) {
      Map<String, Object> values = new LinkedHashMap<>();
      named.forEach((name, value) -> values.put(name, value.in(scope)));
      spreadNamed.forEach(
          map -> {
            if (!(map.in(scope) instanceof Map<?, ?> pairs)) {
              throw new JinjaFailure("what follows ** must be a dict");
            }
            pairs.forEach((k, v) -> values.put(String.valueOf(k), v));
          });
      return values;
    }
  }
}
