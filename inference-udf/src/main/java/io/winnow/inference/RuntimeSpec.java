// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.io.Serializable;

/** Everything an executor needs to open a {@link ModelRuntime}; equal specs share one runtime within a JVM. */
public sealed interface RuntimeSpec extends Serializable permits EngineSpec, EndpointSpec {
  /** The model, as tables and messages name it: a path or an address, or the name that a server knows it by. */
  String model();

  /** Names the order of arithmetic, as it stands in every trace's key. */
  String numericsVersion();

  /** Whether the same request gives the same bytes again, on any machine. */
  boolean reproducible();

  /** Whether prompts become token ids before they are asked; else they stay messages, and the server renders them. */
  boolean takesTokens();
}
