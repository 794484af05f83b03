// SPDX-License-Identifier: Apache-2.0
/**
 * What a prompt and a trace are, as values: {@link io.winnow.jobs.trace.Prompt} in,
 * {@link io.winnow.jobs.trace.TraceKey} for the identity of what comes out. Not here: Spark, tables, judging.
 */
package io.winnow.jobs.trace;
