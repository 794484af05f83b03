// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import org.apache.arrow.vector.VectorSchemaRoot;

/** Batches of {@link ArrowCompletions} as the engine gives them. */
public interface CompletionStream extends CloseableIterator<VectorSchemaRoot> {
  /** Tokens generated so far, those of unfinished samples included. */
  long generatedTokens();

  /** The engine that makes them, held until this is closed. */
  EngineHost.Lease engine();
}
