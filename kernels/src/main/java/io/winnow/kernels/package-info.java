// SPDX-License-Identifier: Apache-2.0
/**
 * Numeric operations on raw memory. Entry: {@link io.winnow.kernels.Kernels}, opened by {@link
 * io.winnow.kernels.KernelsLadder}.
 *
 * <p>Every operation is <em>batch-invariant</em>: the arithmetic that makes an output element, and its order, depend on
 * that element's row alone, never on how many rows there are, how they are grouped or how many threads work. The orders
 * are part of the contract and stand in each method's documentation, so that every implementation gives the same bits.
 *
 * <p>Not here: models, tokens, files, Spark.
 */
package io.winnow.kernels;
