// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

/**
 * One tensor of a checkpoint, under the name that Hugging Face's checkpoints use.
 *
 * @param name for example {@code model.layers.0.self_attn.q_proj.weight}
 * @param dtype storage format
 * @param rows 1 for a vector
 * @param cols elements of a row, contiguous
 */
public record TensorInfo(String name, DType dtype, long rows, long cols) {}
