// SPDX-License-Identifier: Apache-2.0
/**
 * Numbers that are estimated from n samples of which c are right: how stable a model is, and how sure one can be. In:
 * counts. Out: a number, or null where there is no estimate.
 *
 * <p>pass@k is {@link io.winnow.jobs.verify.PassAtK}. Not here: what is right (verify), anything with Spark.
 */
package io.winnow.jobs.estimate;
