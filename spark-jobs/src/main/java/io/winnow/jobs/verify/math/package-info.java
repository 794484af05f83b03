// SPDX-License-Identifier: Apache-2.0
/**
 * Mathematics for {@link io.winnow.jobs.verify.MathVerifier}: {@link io.winnow.jobs.verify.math.AnswerExtractor}
 * takes the answer out of a completion, {@link io.winnow.jobs.verify.math.MathReader} reads LaTeX or plain text into an
 * {@link io.winnow.jobs.verify.math.Expr}, and {@link io.winnow.jobs.verify.math.Equivalence} decides whether two
 * are equal, by exact normal forms and, to prove a difference only, by numbers with error bounds.
 *
 * <p>All work is bounded by {@link io.winnow.jobs.verify.math.WorkLimit}; there is no floating-point equality and no
 * clock.
 *
 * <p>Not here: verdict values and evidence (the parent package), anything with Spark.
 */
package io.winnow.jobs.verify.math;
