// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import io.winnow.inference.tokenizer.JinjaValues.Attributes;
import io.winnow.inference.tokenizer.JinjaValues.Callable;
import io.winnow.inference.tokenizer.JinjaValues.Undefined;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** The variable {@code loop} inside a for block. */
final class JinjaLoop implements Attributes, Callable {
  private final List<Object> items;
  private final int depth;
  private final Function<Object, String> recursion;
  private List<Object> lastChanged;
  int index;

  /** @param recursion renders the same block over other items, or null */
  JinjaLoop(List<Object> items, int depth, Function<Object, String> recursion) {
    this.items = items;
    this.depth = depth;
    this.recursion = recursion;
  }

  @Override
  public Object attribute(String name) {
    long n = items.size();
    return switch (name) {
      case "index" -> index + 1L;
      case "index0" -> (long) index;
      case "revindex" -> n - index;
      case "revindex0" -> n - index - 1;
      case "first" -> index == 0;
      case "last" -> index == n - 1;
      case "length" -> n;
      case "depth" -> depth + 1L;
      case "depth0" -> (long) depth;
      case "previtem" -> index > 0 ? items.get(index - 1) : new Undefined("there is no previous item");
      case "nextitem" -> index < n - 1 ? items.get(index + 1) : new Undefined("there is no next item");
      case "cycle" -> (Callable) (args, named) -> {
        if (args.isEmpty()) {
          throw new JinjaFailure("loop.cycle needs at least one item");
        }
        return args.get(index % args.size());
      };
      case "changed" -> (Callable) (args, named) -> {
        boolean changed = lastChanged == null || !JinjaValues.equal(lastChanged, args);
        lastChanged = args;
        return changed;
      };
      default -> new Undefined("loop has no field " + name);
    };
  }

  @Override
  public Object call(List<Object> args, Map<String, Object> named) {
    if (recursion == null) {
      throw new JinjaFailure("loop can be called only in a for block marked recursive");
    }
    return recursion.apply(JinjaMethods.arg(args, 0, null));
  }
}
