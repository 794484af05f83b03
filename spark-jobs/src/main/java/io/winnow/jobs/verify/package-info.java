// SPDX-License-Identifier: Apache-2.0
/**
 * Judges completions against ground truth. Entry: {@link io.winnow.jobs.verify.Verifiers}. In: gold and completion.
 * Out:
 * {@link io.winnow.jobs.verify.Verdict}, three-valued, with evidence.
 *
 * <p>Not here: scores (rewards), choosing among samples (selection), anything with Spark.
 */
package io.winnow.jobs.verify;
