// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.tree.Node;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/** One rendering: the scope in force, and whether a loop is being left. Travels in Jinjava's context. */
final class JinjaRun {
  enum Leaving { NOTHING, ROUND, LOOP }

  private static final String KEY = "winnow.run";
  private static final int MAX_DEPTH = 200;

  JinjaScope scope;
  Leaving leaving = Leaving.NOTHING;
  int loopDepth;
  private int depth;
  private final Map<String, Object> parsed;

  /** @param parsed what tags have been parsed to, shared by all renderings of a template */
  JinjaRun(JinjaScope scope, ConcurrentHashMap<String, Object> parsed) {
    this.scope = scope;
    this.parsed = parsed;
  }

  void into(JinjavaInterpreter interpreter) {
    interpreter.getContext().put(KEY, this);
  }

  static JinjaRun of(JinjavaInterpreter interpreter) {
    return (JinjaRun) interpreter.getContext().get(KEY);
  }

  @SuppressWarnings("unchecked")
  <T> T parsed(String tag, String code, Function<String, T> parser) {
    return (T) parsed.computeIfAbsent(tag + " " + code, k -> parser.apply(code));
  }

  JinjaExpression expression(String code) {
    return parsed("", code, JinjaParser::expression);
  }

  /** Renders one after the other, until a break or continue. */
  String render(List<Node> nodes, JinjavaInterpreter interpreter) {
    if (++depth > MAX_DEPTH) {
      throw new JinjaFailure("blocks are nested more than " + MAX_DEPTH + " deep");
    }
    StringBuilder out = new StringBuilder();
    for (Node node : nodes) {
      out.append(node.render(interpreter).getValue());
      if (leaving != Leaving.NOTHING) {
        break;
      }
    }
    depth--;
    return out.toString();
  }

  /** Renders in a scope of its own within {@code outer}. */
  String render(List<Node> nodes, JinjavaInterpreter interpreter, JinjaScope inner) {
    JinjaScope before = scope;
    scope = inner;
    try {
      return render(nodes, interpreter);
    } finally {
      scope = before;
    }
  }
}
