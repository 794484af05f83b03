// SPDX-License-Identifier: Apache-2.0
/**
 * Mathematics for {@link io.winnow.jobs.verify.MathVerifier}: {@link io.winnow.jobs.verify.math.AnswerExtractor}
 * takes the answer out of a completion, {@link io.winnow.jobs.verify.math.MathReader} reads LaTeX or plain text into an
 * {@link io.winnow.jobs.verify.math.Expr}, and {@link io.winnow.jobs.verify.math.Equivalence} decides whether two
 * are equal: single values by exact normal forms and by evaluation in intervals of 256 bits, sets of numbers as
 * disjoint intervals, lists, matrices and relations by their parts.
 *
 * <p>All work is bounded by {@link io.winnow.jobs.verify.math.WorkLimit}; there is no floating-point equality and no
 * clock.
 *
 * <p>Not here: verdict values and evidence (the parent package), anything with Spark.
 */
package io.winnow.jobs.verify.math;
