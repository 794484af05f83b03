// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.kernels.OpNanos;

/**
 * Computes a step and draws its tokens. Implementations: the decoder, and a scripted one for tests of the scheduler.
 */
interface StepRunner extends AutoCloseable {
  /**
   * Runs a step.
   *
   * @param token receives the drawn token of {@code batch.drawing[i]}, or −1 when its logits are not finite
   * @param logprob receives its log-probability where the sequence asks for it; those of prompts go to {@code batch.scored}
   */
  void run(StepBatch batch, int[] token, float[] logprob);

  /** What operations have taken so far; zeros where that is not counted. */
  default OpNanos opNanos() {
    return OpNanos.ZERO;
  }

  /** Copies a page of the KV cache. */
  void copyPage(int from, int to);

  @Override
  void close();
}
