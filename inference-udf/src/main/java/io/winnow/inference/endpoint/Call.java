// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A request that is on its way. The clerk's alone, but for the reader, which an HTTP thread sets. */
final class Call {
  final Address address;
  final List<Errand> errands;
  final long sentNanos;
  final int openWith;
  CompletableFuture<?> exchange;
  /** Reads the response, once it has begun. */
  volatile BodyReader reader;
  /** Pieces of the answer that were counted. */
  int pieces;
  /** Why the clerk has given it up; null while it has not. */
  String givenUp;

  Call(Address address, List<Errand> errands, long sentNanos, int openWith) {
    this.address = address;
    this.errands = errands;
    this.sentNanos = sentNanos;
    this.openWith = openWith;
  }

  /** Whether anybody waits for it. */
  boolean wanted() {
    return errands.stream().anyMatch(errand -> !errand.session.closed());
  }

  void cancel() {
    if (exchange != null) {
      exchange.cancel(true);
    }
  }
}
