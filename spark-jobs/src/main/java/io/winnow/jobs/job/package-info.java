// SPDX-License-Identifier: Apache-2.0
/**
 * The jobs: what runs on Spark, step by step. Entry: {@link io.winnow.jobs.job.GenerateJob}.
 *
 * <p>{@code GenerateJob} is the driver's side: it opens model, prompts and table, lets {@code WorkPlan} find what is
 * missing, runs one long Spark job over it and reports. {@code PromptEncoder} and {@code GenerateTask} are what
 * executors run: text to token ids and keys, and ids to verified rows that a ledger commits while the job goes on.
 *
 * <p>Not here: options and output for people (cli), formats of files (input), Delta (table).
 */
package io.winnow.jobs.job;
