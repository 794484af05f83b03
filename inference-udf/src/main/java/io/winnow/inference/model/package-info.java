// SPDX-License-Identifier: Apache-2.0
/**
 * The decoder graph: which operation follows which. Entry: {@link io.winnow.inference.model.DecoderModel}. Llama and
 * Qwen2 differ here by data (biases, tied embeddings, rope), not by class. Not here: files, scheduling, sampling.
 */
package io.winnow.inference.model;
