// SPDX-License-Identifier: Apache-2.0
/**
 * From samples that are judged to what one learns from: pass rates of prompts, and selected traces. In: a table of
 * traces, or any data set of graded completions. Out: one table, by {@link io.winnow.jobs.table.StepOutput}.
 *
 * <p>Everything is one plan of Spark's DataFrames, so it scales and spills as Spark does, and may run on a GPU.
 * Built-in expressions do all but what the samples of one prompt need together: estimates from counts, majorities by
 * mathematics, diverse texts, pairs and advantages. Those are functions ({@link
 * io.winnow.jobs.refine.PromptFunctions}) around classes free of Spark (estimate, select, verify, reward). Nothing
 * depends on the order of rows or on partitions: sums of fractions run over sorted values, and ties are broken by
 * hashes of keys.
 *
 * <p>{@link io.winnow.jobs.refine.GradedRows} brings all inputs to one shape, {@link io.winnow.jobs.refine.TableStep}
 * writes.
 */
package io.winnow.jobs.refine;
