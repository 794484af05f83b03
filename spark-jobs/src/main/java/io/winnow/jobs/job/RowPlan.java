// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.jobs.input.RowSource;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructType;

/**
 * What a {@link RowStep} computes of a data set as a whole, by joins and expressions that Spark knows and an
 * accelerator may take over; a {@link RowFunction} computes each row by itself.
 */
interface RowPlan {
  /** The struct of added columns in what {@link #apply} gives; its fields are null in a row that could not be read. */
  String ADDED = "added";

  /** Names and types of the columns that it adds, before any prefix. */
  StructType schema();

  /** As {@link RowFunction#version}. */
  String version();

  /** As {@link RowFunction#replacesEarlier}. */
  boolean replacesEarlier();

  /**
   * The same rows in any order, as (the payload, {@link #ADDED}). They are read several times.
   *
   * @param source of the rows
   * @param rows of it, with the payload among their columns
   * @param payload column of the row itself
   */
  Dataset<Row> apply(RowSource source, Dataset<Row> rows, String payload);

  /** Which rows stay, by {@link #ADDED}; null for all. */
  Column kept();

  /** Aggregates over the {@link #ADDED} of all rows, by names that {@link #told} gets them back by. */
  Map<String, Column> totals();

  /** Takes the values of {@link #totals}, once all rows are written. */
  void told(Map<String, Object> totals);
}
