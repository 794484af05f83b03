// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import java.util.Iterator;

/** An iterator that holds memory outside the heap until it is closed. */
public interface CloseableIterator<T> extends Iterator<T>, AutoCloseable {
  @Override
  void close();
}
