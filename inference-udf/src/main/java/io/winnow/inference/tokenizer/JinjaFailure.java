// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import com.hubspot.jinjava.interpret.InterpretException;

/** A template that cannot be parsed, or that refuses its values. Jinjava passes its own exceptions on unwrapped. */
final class JinjaFailure extends InterpretException {
  private static final long serialVersionUID = 1;

  JinjaFailure(String message) {
    super(message);
  }
}
