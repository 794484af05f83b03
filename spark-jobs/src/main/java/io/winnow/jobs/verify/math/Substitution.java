// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** Rewrites expressions from the leaves up. */
final class Substitution {
  private Substitution() {}

  static Expr renamed(Expr expr, String from, String to) {
    return rewritten(expr, part -> part instanceof Expr.Sym sym && sym.name().equals(from) ? new Expr.Sym(to) : part);
  }

  /** Reads {@code log} without a base as {@code ln}. */
  static Expr withNaturalLog(Expr expr) {
    return rewritten(expr, part -> part instanceof Expr.Call call && call.function().equals("log")
        && call.args().size() == 1 ? new Expr.Call("ln", call.args()) : part);
  }

  static Expr rewritten(Expr expr, UnaryOperator<Expr> rule) {
    Expr inner = expr;
    if (expr instanceof Expr.Sum sum) {
      inner = new Expr.Sum(all(sum.terms(), rule));
    } else if (expr instanceof Expr.Product product) {
      inner = new Expr.Product(all(product.factors(), rule));
    } else if (expr instanceof Expr.Power power) {
      inner = new Expr.Power(rewritten(power.base(), rule), rewritten(power.exponent(), rule));
    } else if (expr instanceof Expr.Call call) {
      inner = new Expr.Call(call.function(), all(call.args(), rule));
    } else if (expr instanceof Expr.Percent percent) {
      inner = new Expr.Percent(rewritten(percent.of(), rule));
    } else if (expr instanceof Expr.Degrees degrees) {
      inner = new Expr.Degrees(rewritten(degrees.of(), rule));
    } else if (expr instanceof Expr.PlusMinus pm) {
      inner = new Expr.PlusMinus(rewritten(pm.left(), rule), rewritten(pm.right(), rule), pm.minusFirst());
    } else if (expr instanceof Expr.Seq seq) {
      inner = new Expr.Seq(seq.kind(), all(seq.items(), rule), seq.openLeft(), seq.openRight());
    } else if (expr instanceof Expr.Relation relation) {
      inner = new Expr.Relation(all(relation.sides(), rule), relation.ops());
    }
    return rule.apply(inner);
  }

  private static List<Expr> all(List<Expr> parts, UnaryOperator<Expr> rule) {
    List<Expr> result = new ArrayList<>(parts.size());
    for (Expr part : parts) {
      result.add(rewritten(part, rule));
    }
    return result;
  }
}
