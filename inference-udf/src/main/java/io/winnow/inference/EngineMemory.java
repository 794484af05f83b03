// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

/**
 * What an engine takes outside the heap, in bytes, beside what there is.
 *
 * @param host what there is
 * @param sequences sequences decoded together: what is asked for, else what the memory allows
 * @param weights packed weights, as they are held
 * @param kvCacheTokens token positions that the KV cache holds
 * @param kvCache the pages of these
 * @param scratch activations, logits and position tables, which are exact, and an upper estimate of what the
 *     tokenizer's native code holds; page tables and what sampling needs lie on the heap
 * @param remedy what to set when it does not fit, null when it does
 */
public record EngineMemory(
    HostMemory host, int sequences, long weights, int kvCacheTokens, long kvCache, long scratch, String remedy) {

  public long total() {
    return weights + kvCache + scratch;
  }

  /** Whether all of it fits into what is available. */
  public boolean fits() {
    return total() <= host.available();
  }
}
