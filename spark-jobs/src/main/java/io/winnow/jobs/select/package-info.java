// SPDX-License-Identifier: Apache-2.0
/**
 * Choosing among the samples of one prompt where an order alone is not enough: those that differ most, and pairs of a
 * right and a wrong one. In: what is known of the samples, in an order that the caller breaks ties by. Out: their
 * places.
 *
 * <p>Not here: ranks and filters, which are plain SQL (refine), advantages (reward), anything with Spark.
 */
package io.winnow.jobs.select;
