// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.util.List;

/**
 * Whatever answers prompts: the embedded engine, or servers behind an {@link EndpointSpec}. Thread-safe. Each sample
 * that is submitted comes back once, as its text or as its error, unless the session is closed or the runtime ends.
 */
public interface ModelRuntime extends AutoCloseable {
  ModelInfo info();

  /** What it has done since it was opened; for those that don't count, nothing. */
  default EngineStats stats() {
    return EngineStats.NONE;
  }

  /** Whether it has stopped for good, closed or broken; what is asked of it then fails. */
  boolean ended();

  /** A caller's own door: a Spark task opens one and closes it when it ends, however it ends. */
  Session open();

  @Override
  void close();

  /** One caller's requests and what came of them. Used by one thread. */
  interface Session extends AutoCloseable {
    /** Whether another request is welcome now; bounds what waits, so that a fast reader never outgrows memory. */
    boolean hasRoom();

    /** Takes a request; a bad one comes back as a completion with its error, never as an exception. */
    void submit(GenerationRequest request);

    /** Samples submitted and not yet returned by {@link #poll}. */
    int pending();

    /** Tokens generated for this session so far, those of unfinished samples included. */
    long generatedTokens();

    /**
     * What has finished, in the order of finishing; waits that long for the first one, then gives an empty list.
     *
     * @throws InferenceException when nobody will answer any more: the runtime has ended, or its servers refuse
     *     whatever they are asked. What is open then was not tried in vain, and is no row's error
     */
    List<Completion> poll(long waitMillis) throws InterruptedException;

    /** Cancels what is open; its memory is free again at the next step. */
    @Override
    void close();
  }
}
