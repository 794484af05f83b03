// SPDX-License-Identifier: Apache-2.0
/**
 * Verifiers and rewards as functions of Spark SQL. {@link io.winnow.jobs.sql.WinnowExtensions} brings them into a
 * session.
 */
package io.winnow.jobs.sql;
