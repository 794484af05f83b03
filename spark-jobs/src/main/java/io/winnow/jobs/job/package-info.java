// SPDX-License-Identifier: Apache-2.0
/**
 * The jobs: what runs on Spark, step by step. Entries: {@link io.winnow.jobs.job.GenerateJob}, {@link
 * io.winnow.jobs.job.VerifyJob}, {@link io.winnow.jobs.job.ReplayJob}.
 *
 * <p>{@code GenerateJob} is the driver's side: it opens model, prompts and table, lets {@code WorkPlan} find what is
 * missing, runs one long Spark job over it and reports. {@code PromptEncoder} and {@code GenerateTask} are what
 * executors run: text to token ids and keys, and ids to verified rows that a ledger commits while the job goes on.
 *
 * <p>{@code VerifyJob} judges what a table holds. Its tasks give the names of whole files to the driver as their
 * results, which Spark delivers once a partition, and the driver commits them in numbered transactions: no ledger,
 * because a verdict takes microseconds and a lost task little more. {@code ReplayJob} parts the sampled rows into groups of equal
 * settings ({@code ReplayGroup}) and makes each row again ({@code ReplayTask}, {@code TraceComparison}).
 *
 * <p>Not here: options and output for people (cli), formats of files (input), Delta (table).
 */
package io.winnow.jobs.job;
