// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

/** What a setting can change in the output, and with it how it enters the identity of a trace. */
public enum Effect {
  /** Changes the token stream of a trace by itself; part of {@code trace_id} by its name and value. */
  TOKENS,
  /**
   * Decides where a trace is cut; a shorter trace is a prefix of the longer one, so it stays out of {@code trace_id}.
   */
  LENGTH,
  /** Changes what the model reads; part of {@code trace_id} through the prompt's token ids. */
  PROMPT,
  /** Names a model; part of {@code trace_id} through the fingerprint of its content. */
  MODEL,
  /** Gives other settings their values where they are not given; part of {@code trace_id} through those. */
  DEFAULTS,
  /** Decides which rows and columns the table gets, never the tokens of one of them. */
  ROWS,
  /** Changes nothing that two equal runs must share: speed, places, logging, when to stop, prices. */
  TUNING
}
