// SPDX-License-Identifier: Apache-2.0
/**
 * Winnow's Delta tables and the way rows get into them: the {@code traces} table, the {@code runs} table beside it, and
 * the ledger that makes finished rows durable while one long Spark job runs. docs/TABLES.md is the specification.
 *
 * <p>Entry classes: {@link io.winnow.jobs.table.TraceTable} (schema, create, open), {@link
 * io.winnow.jobs.table.Ledger} (driver) with {@link io.winnow.jobs.table.TraceWriter} (executor), {@link
 * io.winnow.jobs.table.RunsTable}, {@link io.winnow.jobs.table.VerdictsTable} (later verdicts, written without a
 * ledger: they are cheap to make again), {@link io.winnow.jobs.table.TableStatus} (a look at all of it without a Spark
 * session). The only package that imports Delta.
 *
 * <p>Not here: what a trace means, how it is judged, which traces are missing (jobs.job plans that).
 */
package io.winnow.jobs.table;
