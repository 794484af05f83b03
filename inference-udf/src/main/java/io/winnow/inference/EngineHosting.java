// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.io.Serializable;

/**
 * How an executor hosts the engine of an {@link EngineSpec}; what is computed does not depend on it.
 *
 * @param stepTrace folder of the executor's disk that gets a file of the engine's steps, or null for none
 * @param enginePerNode whether each NUMA node gets an engine of its own
 * @param speculation whether a few sequences guess their next tokens
 * @param sidecar the server that runs beside an executor, where the model is one that such a server has; else null
 */
public record EngineHosting(String stepTrace, boolean enginePerNode, boolean speculation, SidecarSpec sidecar)
    implements Serializable {
  /** One engine that guesses ahead, and nothing written. */
  public static final EngineHosting PLAIN = new EngineHosting(null, false, true);

  /** Without a server beside the executor. */
  public EngineHosting(String stepTrace, boolean enginePerNode, boolean speculation) {
    this(stepTrace, enginePerNode, speculation, null);
  }
}
