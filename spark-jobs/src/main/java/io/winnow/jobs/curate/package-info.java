// SPDX-License-Identifier: Apache-2.0
/**
 * What texts share with benchmarks. Texts become words ({@link io.winnow.jobs.curate.Wording}), the n-grams of a
 * benchmark an index ({@link io.winnow.jobs.curate.NgramIndex}), and {@link io.winnow.jobs.curate.OverlapSearch} finds
 * in the index what a text shares with which row. An n-gram is looked up by a hash and then compared letter by letter,
 * so a collision convicts nobody. Not here: reading, joining and writing data sets (jobs.job), anything with Spark.
 */
package io.winnow.jobs.curate;
