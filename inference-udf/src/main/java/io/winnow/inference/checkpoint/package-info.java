// SPDX-License-Identifier: Apache-2.0
/**
 * The files of a model as named tensors, a shape and a fingerprint. Entry: {@link
 * io.winnow.inference.checkpoint.Checkpoints#open}. In: a Hugging Face folder or a GGUF file. Out: float32 rows under
 * Hugging Face's names and in its row order.
 *
 * <p>Not here: anything computed from weights beyond their exact widening or dequantisation, and nothing of text,
 * although {@link io.winnow.inference.checkpoint.GgufFile} hands a GGUF's metadata to the tokenizer package.
 */
package io.winnow.inference.checkpoint;
