// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.tag.FlexibleTag;
import com.hubspot.jinjava.lib.tag.Tag;
import com.hubspot.jinjava.tree.Node;
import com.hubspot.jinjava.tree.TagNode;
import com.hubspot.jinjava.tree.parse.TagToken;
import io.winnow.inference.tokenizer.JinjaValues.Callable;
import io.winnow.inference.tokenizer.JinjaValues.Namespace;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** The statements of Jinja2 as transformers sets it up: its own, loop controls and {@code generation}. */
final class JinjaTags {
  /** Jinjava has these, transformers has not, or they would read files. */
  private static final List<String> FOREIGN =
      List.of(
          "autoescape", "cycle", "do", "extends", "from", "ifchanged", "import", "include", "print", "raw",
          "unless");

  private JinjaTags() {}

  static List<Tag> all() {
    List<Tag> tags = new ArrayList<>(ours());
    FOREIGN.forEach(name -> tags.add(new Single(name, JinjaTags::unknown)));
    return tags;
  }

  private static String unknown(TagNode node, JinjavaInterpreter in, JinjaRun run) {
    throw new JinjaFailure("there is no tag named '" + node.getName() + "'");
  }

  private static List<Tag> ours() {
    return List.of(
        new Block("if", JinjaTags::ifElse),
        new Block("for", JinjaTags::forEach),
        new SetTag(),
        new Block("macro", JinjaTags::macro),
        new Block("call", JinjaTags::call),
        new Block("filter", JinjaTags::filter),
        new Block("with", JinjaTags::with),
        new Block("generation", JinjaTags::scoped),
        new Block("block", JinjaTags::scoped),
        new Single("else", JinjaTags::misplaced),
        new Single("elif", JinjaTags::misplaced),
        new Single("break", (node, in, run) -> leave(run, JinjaRun.Leaving.LOOP)),
        new Single("continue", (node, in, run) -> leave(run, JinjaRun.Leaving.ROUND)));
  }

  private interface Body {
    String render(TagNode node, JinjavaInterpreter in, JinjaRun run);
  }

  private static class Single implements Tag {
    private static final long serialVersionUID = 1;
    private final String name;
    private final transient Body body;

    Single(String name, Body body) {
      this.name = name;
      this.body = body;
    }

    @Override
    public String getName() {
      return name;
    }

    @Override
    public String getEndTagName() {
      return null;
    }

    @Override
    public String interpret(TagNode node, JinjavaInterpreter interpreter) {
      return body.render(node, interpreter, JinjaRun.of(interpreter));
    }
  }

  private static class Block extends Single {
    private static final long serialVersionUID = 1;

    Block(String name, Body body) {
      super(name, body);
    }

    @Override
    public String getEndTagName() {
      return "end" + getName();
    }
  }

  /** {@code set x = …} stands alone, {@code set x} has an end. */
  private static final class SetTag extends Block implements FlexibleTag {
    private static final long serialVersionUID = 1;

    SetTag() {
      super("set", JinjaTags::set);
    }

    @Override
    public boolean hasEndTag(TagToken token) {
      return assignment(token.getHelpers()) < 0;
    }
  }

  private static String scoped(TagNode node, JinjavaInterpreter in, JinjaRun run) {
    return run.render(node.getChildren(), in, new JinjaScope(run.scope));
  }

  private static String misplaced(TagNode node, JinjavaInterpreter in, JinjaRun run) {
    throw new JinjaFailure("'" + node.getName() + "' stands outside of an if or for block");
  }

  private static String leave(JinjaRun run, JinjaRun.Leaving what) {
    if (run.loopDepth == 0) {
      throw new JinjaFailure("a break or continue stands outside of a for block");
    }
    run.leaving = what;
    return "";
  }

  private static String ifElse(TagNode node, JinjavaInterpreter in, JinjaRun run) {
    boolean chosen = run.expression(node.getHelpers()).isTrueIn(run.scope);
    List<Node> branch = new ArrayList<>();
    for (Node child : node.getChildren()) {
      boolean isElse = isTag(child, "else");
      if (isElse || isTag(child, "elif")) {
        if (chosen) {
          break;
        }
        chosen = isElse || run.expression(((TagNode) child).getHelpers()).isTrueIn(run.scope);
      } else if (chosen) {
        branch.add(child);
      }
    }
    return run.render(branch, in);
  }

  private static boolean isTag(Node node, String name) {
    return node instanceof TagNode tag && tag.getName().equals(name);
  }

  private record For(Target target, JinjaExpression items, JinjaExpression condition, boolean recursive) {
    static For parse(String code) {
      JinjaParser parser = new JinjaParser(code);
      Target target = Target.parse(parser);
      if (!parser.takeName("in")) {
        throw new JinjaFailure("a for block has no 'in': " + code);
      }
      JinjaExpression items = parser.or();
      if (parser.peek().is(",")) {
        List<JinjaExpression> all = new ArrayList<>(List.of(items));
        while (parser.take(",")) {
          all.add(parser.or());
        }
        items = scope -> new JinjaValues.Tuple(all.stream().map(e -> e.in(scope)).toList());
      }
      JinjaExpression condition = parser.takeName("if") ? parser.or() : null;
      boolean recursive = parser.takeName("recursive");
      parser.end();
      return new For(target, items, condition, recursive);
    }
  }

  /** What a for or set assigns to: a name, a namespace's field, or several of them. */
  private record Target(String name, String field, List<Target> parts) {
    static Target parse(JinjaParser parser) {
      List<Target> parts = new ArrayList<>();
      boolean several = false;
      do {
        if (!parts.isEmpty() && parser.peek().kind() != JinjaLexer.Kind.NAME && !parser.peek().is("(")) {
          break;
        }
        if (parser.take("(")) {
          parts.add(parse(parser));
          parser.expect(")");
        } else {
          String name = parser.name();
          parts.add(new Target(name, parser.take(".") ? parser.name() : null, null));
        }
        several |= parser.peek().is(",");
      } while (parser.take(","));
      return several ? new Target(null, null, parts) : parts.get(0);
    }

    void assign(Object value, JinjaScope scope) {
      if (parts != null) {
        List<Object> items = JinjaValues.items(value);
        if (items.size() != parts.size()) {
          throw new JinjaFailure(items.size() + " values cannot be given to " + parts.size() + " names");
        }
        for (int i = 0; i < parts.size(); i++) {
          parts.get(i).assign(items.get(i), scope);
        }
      } else if (field == null) {
        scope.set(name, value);
      } else if (scope.get(name) instanceof Namespace namespace) {
        namespace.fields.put(field, value);
      } else {
        throw new JinjaFailure("'" + name + "' is no namespace: its field " + field + " cannot be set");
      }
    }
  }

  private static String forEach(TagNode node, JinjavaInterpreter in, JinjaRun run) {
    For loop = run.parsed("for", node.getHelpers(), For::parse);
    return forEach(node, in, run, loop, loop.items().in(run.scope), run.scope, 0);
  }

  private static String forEach(
      TagNode node, JinjavaInterpreter in, JinjaRun run, For loop, Object over, JinjaScope outer, int depth) {
    List<Node> body = new ArrayList<>();
    List<Node> otherwise = null;
    for (Node child : node.getChildren()) {
      if (isTag(child, "else")) {
        otherwise = new ArrayList<>();
      } else {
        (otherwise == null ? body : otherwise).add(child);
      }
    }
    List<Object> items = new ArrayList<>();
    for (Object item : JinjaValues.items(over)) {
      JinjaScope scope = new JinjaScope(outer);
      loop.target().assign(item, scope);
      if (loop.condition() == null || loop.condition().isTrueIn(scope)) {
        items.add(item);
      }
    }
    if (items.isEmpty()) {
      return otherwise == null ? "" : run.render(otherwise, in, new JinjaScope(outer));
    }
    Function<Object, String> recursion =
        loop.recursive() ? next -> forEach(node, in, run, loop, next, outer, depth + 1) : null;
    JinjaLoop state = new JinjaLoop(items, depth, recursion);
    StringBuilder out = new StringBuilder();
    run.loopDepth++;
    for (state.index = 0; state.index < items.size(); state.index++) {
      JinjaScope scope = new JinjaScope(outer);
      scope.set("loop", state);
      loop.target().assign(items.get(state.index), scope);
      out.append(run.render(body, in, scope));
      boolean leaves = run.leaving == JinjaRun.Leaving.LOOP;
      run.leaving = JinjaRun.Leaving.NOTHING;
      if (leaves) {
        break;
      }
    }
    run.loopDepth--;
    return out.toString();
  }

  /** Index of the token = outside of brackets, or -1. */
  private static int assignment(String code) {
    int depth = 0;
    List<JinjaLexer.Token> tokens = JinjaLexer.tokens(code);
    for (int i = 0; i < tokens.size(); i++) {
      JinjaLexer.Token token = tokens.get(i);
      if (token.kind() == JinjaLexer.Kind.OPERATOR) {
        depth += "([{".contains(token.text()) ? 1 : ")]}".contains(token.text()) ? -1 : 0;
        if (depth == 0 && token.is("=")) {
          return i;
        }
      }
    }
    return -1;
  }

  /** The value is null where a block gives it; then {@code filters} is what it goes through. */
  private record Assignment(Target target, JinjaExpression value, JinjaExpression filters) {
    private static final String BLOCK = " block";

    static Assignment parse(String code) {
      JinjaParser parser = new JinjaParser(code);
      Target target = Target.parse(parser);
      JinjaExpression value = null;
      JinjaExpression filters = scope -> scope.get(BLOCK);
      if (parser.take("=")) {
        value = parser.tuple();
      } else {
        while (parser.take("|")) {
          filters = parser.filter(filters);
        }
      }
      parser.end();
      return new Assignment(target, value, filters);
    }

    Object filtered(String text, JinjaScope outer) {
      JinjaScope scope = new JinjaScope(outer);
      scope.set(BLOCK, text);
      return filters.in(scope);
    }
  }

  private static String set(TagNode node, JinjavaInterpreter in, JinjaRun run) {
    Assignment assignment = run.parsed("set", node.getHelpers(), Assignment::parse);
    Object value =
        assignment.value() != null
            ? assignment.value().in(run.scope)
            : assignment.filtered(run.render(node.getChildren(), in, new JinjaScope(run.scope)), run.scope);
    assignment.target().assign(value, run.scope);
    return "";
  }

  private static String filter(TagNode node, JinjavaInterpreter in, JinjaRun run) {
    Assignment filters = run.parsed("filter", node.getHelpers(), code -> Assignment.parse("x | " + code));
    String text = run.render(node.getChildren(), in, new JinjaScope(run.scope));
    return JinjaValues.str(filters.filtered(text, run.scope));
  }

  private record Parameters(String name, List<String> names, Map<String, JinjaExpression> defaults,
      JinjaExpression rest) {
    /** {@code name(a, b=1)}, or {@code (a) expression} of a call block. */
    static Parameters parse(String code) {
      JinjaParser parser = new JinjaParser(code);
      String name = parser.peek().is("(") ? null : parser.name();
      List<String> names = new ArrayList<>();
      Map<String, JinjaExpression> defaults = new LinkedHashMap<>();
      parser.expect("(");
      while (!parser.take(")")) {
        names.add(parser.name());
        if (parser.take("=")) {
          defaults.put(names.get(names.size() - 1), parser.conditional());
        }
        if (!parser.take(",") && !parser.peek().is(")")) {
          throw new JinjaFailure("expected ',' or ')' in: " + code);
        }
      }
      JinjaExpression rest = parser.atEnd() ? null : parser.tuple();
      parser.end();
      return new Parameters(name, names, defaults, rest);
    }

    Callable macro(TagNode node, JinjavaInterpreter in, JinjaRun run) {
      JinjaScope home = run.scope;
      return (args, named) -> {
        JinjaScope scope = new JinjaScope(home);
        Map<String, Object> unused = new LinkedHashMap<>(named);
        for (int i = 0; i < names.size(); i++) {
          String parameter = names.get(i);
          Object value;
          if (i < args.size()) {
            value = args.get(i);
          } else if (unused.containsKey(parameter)) {
            value = unused.remove(parameter);
          } else if (defaults.containsKey(parameter)) {
            value = defaults.get(parameter).in(scope);
          } else {
            value = new JinjaValues.Undefined("parameter '" + parameter + "' was not provided");
          }
          scope.set(parameter, value);
        }
        Object caller = unused.remove("caller");
        scope.set("caller", caller == null
            ? new JinjaValues.Undefined("no caller: the macro was not called by a call block") : caller);
        scope.set("varargs", new JinjaValues.Tuple(args.size() > names.size() ? args.subList(names.size(), args.size())
            : List.of()));
        scope.set("kwargs", new LinkedHashMap<Object, Object>(unused));
        return run.render(node.getChildren(), in, scope);
      };
    }
  }

  private static String macro(TagNode node, JinjavaInterpreter in, JinjaRun run) {
    Parameters parameters = run.parsed("macro", node.getHelpers(), Parameters::parse);
    if (parameters.name() == null || parameters.rest() != null) {
      throw new JinjaFailure("a macro is written as name(parameters): " + node.getHelpers());
    }
    run.scope.set(parameters.name(), parameters.macro(node, in, run));
    return "";
  }

  private static String call(TagNode node, JinjavaInterpreter in, JinjaRun run) {
    String code = node.getHelpers().strip();
    Parameters parameters = run.parsed("call", code.startsWith("(") ? code : "() " + code, Parameters::parse);
    if (parameters.rest() == null) {
      throw new JinjaFailure("a call block calls nothing");
    }
    // The called macro finds the block as its caller: an argument that every call in the expression gets.
    JinjaScope scope = new JinjaScope(run.scope);
    Callable block = parameters.macro(node, in, run);
    String macroName = new JinjaParser(code.startsWith("(") ? code.substring(code.indexOf(')') + 1) : code).name();
    if (run.scope.get(macroName) instanceof Callable macro) {
      scope.set(
          macroName,
          (Callable) (args, named) -> {
            Map<String, Object> withCaller = new LinkedHashMap<>(named);
            withCaller.put("caller", block);
            return macro.call(args, withCaller);
          });
    }
    return JinjaValues.str(parameters.rest().in(scope));
  }

  private static String with(TagNode node, JinjavaInterpreter in, JinjaRun run) {
    Map<String, JinjaExpression> values = run.parsed("with", node.getHelpers(), JinjaTags::assignments);
    JinjaScope scope = new JinjaScope(run.scope);
    values.forEach((name, value) -> scope.set(name, value.in(run.scope)));
    return run.render(node.getChildren(), in, scope);
  }

  private static Map<String, JinjaExpression> assignments(String code) {
    JinjaParser parser = new JinjaParser(code);
    Map<String, JinjaExpression> values = new LinkedHashMap<>();
    while (!parser.atEnd()) {
      String name = parser.name();
      parser.expect("=");
      values.put(name, parser.conditional());
      if (!parser.take(",")) {
        break;
      }
    }
    parser.end();
    return values;
  }
}
