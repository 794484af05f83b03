// SPDX-License-Identifier: Apache-2.0
/**
 * The types that cross packages: what is asked of a model, what comes back, and what can go wrong. Entry classes:
 * {@link io.winnow.inference.GenerationRequest}, {@link io.winnow.inference.Completion} and, for a runtime, {@link
 * io.winnow.inference.ModelRuntime}. Not here: anything that computes, and anything that knows Spark.
 */
package io.winnow.inference;
