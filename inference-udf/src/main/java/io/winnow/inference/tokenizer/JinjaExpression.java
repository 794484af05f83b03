// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

/** A parsed expression. */
interface JinjaExpression {
  Object in(JinjaScope scope);

  default boolean isTrueIn(JinjaScope scope) {
    return JinjaValues.truth(in(scope));
  }
}
