// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import java.util.HashMap;
import java.util.Map;

/** Names within one block of a template; those of outer blocks are seen, but not changed, from inside. */
final class JinjaScope {
  private final JinjaScope outer;
  private final Map<String, Object> names = new HashMap<>();

  JinjaScope(JinjaScope outer) {
    this.outer = outer;
  }

  Object get(String name) {
    for (JinjaScope scope = this; scope != null; scope = scope.outer) {
      Object value = scope.names.get(name);
      if (value != null) {
        return value;
      }
    }
    return new JinjaValues.Undefined("'" + name + "' is undefined");
  }

  void set(String name, Object value) {
    names.put(name, value);
  }
}
