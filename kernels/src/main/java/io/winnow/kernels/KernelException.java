// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

/** An operation that cannot be done: too little memory, shapes that do not fit. The message says what to do. */
public final class KernelException extends RuntimeException {
  public KernelException(String message) {
    super(message);
  }
}
