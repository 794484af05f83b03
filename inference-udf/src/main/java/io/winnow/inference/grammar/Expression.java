// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import java.util.ArrayList;
import java.util.List;

/**
 * A regular expression over characters. Nodes may be shared: a node that stands before the same rest in two places
 * becomes one part of the automaton.
 */
sealed interface Expression {
  /** One character of a set that is not empty. */
  record Chars(CharSet set) implements Expression {}

  /** All parts, one behind the other; nothing where there are none. */
  record Parts(List<Expression> parts) implements Expression {}

  /** One of the alternatives; there is at least one. */
  record AnyOf(List<Expression> alternatives) implements Expression {}

  /** The inner expression at least {@code least} and at most {@code most} times, without an end where that is −1. */
  record Repeat(Expression inner, int least, int most) implements Expression {}

  Expression EMPTY = new Parts(List.of());
  Expression ANYTHING = new Repeat(new Chars(CharSet.ALL), 0, -1);

  static Expression text(String text) {
    List<Expression> parts = new ArrayList<>();
    text.codePoints().forEach(
        c -> {
          CharSet set = CharSet.of(c, c);
          if (set.isEmpty()) {
            throw new GrammarRefusal("it holds half of a surrogate pair, which no UTF-8 text can hold");
          }
          parts.add(new Chars(set));
        });
    return new Parts(parts);
  }

  static Expression chars(int first, int last) {
    return new Chars(CharSet.of(first, last));
  }

  static Expression parts(Expression... parts) {
    return new Parts(List.of(parts));
  }

  static Expression anyOf(List<Expression> alternatives) {
    return alternatives.size() == 1 ? alternatives.get(0) : new AnyOf(List.copyOf(alternatives));
  }

  static Expression optional(Expression inner) {
    return new Repeat(inner, 0, 1);
  }
}
