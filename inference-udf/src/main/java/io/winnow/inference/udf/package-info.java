// SPDX-License-Identifier: Apache-2.0
/**
 * What Spark calls: requests and completions as Arrow batches, and the one engine of an executor that all its tasks
 * share. Entry: {@link io.winnow.inference.udf.GenerateFunction}.
 *
 * <p>Not here: reading data sets, judging answers, writing tables.
 */
package io.winnow.inference.udf;
