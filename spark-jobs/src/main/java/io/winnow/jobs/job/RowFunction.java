// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.jobs.input.InputRow;
import java.io.Serializable;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;

/**
 * What a {@link RowStep} computes of its rows. It goes to the executors once a task, so what is costly to make or not
 * safe for several threads is made in {@link #start}.
 */
public interface RowFunction extends Serializable {
  /** Names and types of the columns that it adds, before any prefix; the same each time. */
  StructType schema();

  /** Versions of all that computes: another text means that the same rows and settings may give something else. */
  String version();

  /** The names that {@link Tally#count} takes, in the order of the summary. */
  List<String> counts();

  /**
   * Called once on the driver, when rows are to be computed: makes what all tasks share.
   *
   * @return the function that goes to the executors
   */
  default RowFunction prepared(SparkSession spark) {
    return this;
  }

  /**
   * Whether a source that has the first of the added columns already is taken for an output of an earlier run: then its
   * columns of the names that are added give way.
   */
  default boolean replacesEarlier() {
    return false;
  }

  /** Called once at the start of a task, on its thread. */
  Task start(Tally tally);

  /** One task. */
  interface Task {
    /**
     * Computes rows that belong together: those with the same value in the group column, as the data set happens to
     * order them, or a single one where rows are not grouped or have no such value.
     *
     * <p>A row that cannot be used has a result all the same, with its reason in it: a row that cannot be read at all
     * ({@link InputRow#errorClass}) too. What is thrown fails the task.
     *
     * @return for each of them, in their order, the values of {@link #schema}; null leaves the row out
     */
    List<Row> apply(List<InputRow> rows);
  }

  /** Takes what a task counts, for progress and summary. A task that Spark runs twice counts twice. */
  interface Tally {
    /**
     * A row is done.
     *
     * @param failed whether it could not be computed
     * @param correct for the progress line; null where that is no question or was not decided
     */
    void row(boolean failed, Boolean correct);

    /** Adds to one of {@link RowFunction#counts}. */
    void count(String name, long n);
  }
}
