// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.io.Serializable;

/**
 * How an executor hosts the engine of an {@link EngineSpec}; what is computed does not depend on it.
 *
 * @param stepTrace folder of the executor's disk that gets a file of the engine's steps, or null for none
 * @param enginePerNode whether each NUMA node gets an engine of its own
 * @param speculation whether a few sequences guess their next tokens
 */
public record EngineHosting(String stepTrace, boolean enginePerNode, boolean speculation) implements Serializable {
  /** One engine that guesses ahead, and nothing written. */
  public static final EngineHosting PLAIN = new EngineHosting(null, false, true);
}
