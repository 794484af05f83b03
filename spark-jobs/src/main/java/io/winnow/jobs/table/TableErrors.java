// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.util.Collection;

/** Every failure a user can meet in this package: what happened, where, why, and what to do. */
public final class TableErrors {
  public static final String NOT_A_FOLDER = "not_a_folder";
  public static final String FOREIGN_FOLDER = "foreign_folder";
  public static final String NOT_OUR_TABLE = "not_our_table";
  public static final String NEWER_SCHEMA = "newer_schema";
  public static final String SCHEMA_MISMATCH = "schema_mismatch";
  public static final String PROTOCOL_RAISED = "protocol_raised";
  public static final String KEPT_COLUMN = "kept_column";
  public static final String BAD_ROW = "bad_row";
  public static final String BAD_RUN_ID = "bad_run_id";
  public static final String TABLE_UNREADABLE = "table_unreadable";
  public static final String COMMIT_FAILED = "commit_failed";
  public static final String FENCED = "fenced";
  public static final String NO_TRACES = "no_traces";
  public static final String NOT_OF_STEP = "not_of_step";

  private TableErrors() {}

  private static TableException error(String errorClass, String format, Object... args) {
    return new TableException(errorClass, String.format(format, args), null);
  }

  static TableException notAFolder(String path) {
    return error(
        NOT_A_FOLDER, "Cannot write a table to %s: it is a file. Give --out a folder that is new or empty.", path);
  }

  static TableException notOfStep(String path, String step) {
    return error(
        NOT_OF_STEP,
        "Cannot write to %s: what is there was not made by winnow %s, or was changed since, and is left as it is. Give"
            + " --out another place, or remove it first.",
        path, step);
  }

  static TableException foreignFolder(String path, Collection<String> names) {
    return error(
        FOREIGN_FOLDER,
        "Cannot create a table in %s: the folder already holds other files (%s), and Winnow never writes among files"
            + " it does not know. Give --out a folder that is new or empty.",
        path, String.join(", ", names));
  }

  static TableException notOurTable(String path, String what, String why) {
    return error(
        NOT_OUR_TABLE,
        "Cannot write %s to %s: there is another Delta table there (%s). Give --out another folder.",
        what, path, why);
  }

  static TableException newerSchema(String path, String found, int known) {
    return error(
        NEWER_SCHEMA,
        "Cannot write to %s: its winnow.schemaVersion is '%s', and this Winnow writes version %d. Use a newer Winnow,"
            + " or give --out another folder.",
        path, found, known);
  }

  static TableException missingColumns(String path, Collection<String> columns) {
    return error(
        SCHEMA_MISMATCH,
        "Cannot write to %s: the table lacks the columns %s of the Winnow schema; somebody dropped or renamed them."
            + " Restore them (RESTORE TABLE … TO VERSION AS OF …), or give --out another folder.",
        path, columns);
  }

  static TableException columnType(String path, String column, String found, String wanted) {
    return error(
        SCHEMA_MISMATCH,
        "Cannot write to %s: column %s is %s in the table and %s here. Leave it out of --keep-columns, cast it, give"
            + " labels another --label-column, or --out another folder.",
        path, column, found, wanted);
  }

  static TableException notNullColumn(String path, String column) {
    return error(
        SCHEMA_MISMATCH,
        "Cannot write to %s: column %s is NOT NULL and not one that Winnow fills. Drop the constraint"
            + " (ALTER TABLE … ALTER COLUMN %s DROP NOT NULL), or keep a column of that name.",
        path, column, column);
  }

  static TableException partitioned(String path, Collection<String> columns) {
    return error(
        SCHEMA_MISMATCH,
        "Cannot write to %s: the table is partitioned by %s, and Winnow appends only to unpartitioned tables. Give"
            + " --out another folder.",
        path, columns);
  }

  static TableException protocolRaised(String path, int reader, int writer, Collection<String> features) {
    return error(
        PROTOCOL_RAISED,
        "Cannot write to %s: its Delta protocol is reader %d, writer %d, features %s; Winnow keeps traces at reader 1,"
            + " writer 2, which every Delta reader knows. Take the features off (ALTER TABLE … DROP FEATURE …), or give"
            + " --out another folder.",
        path, reader, writer, features);
  }

  static TableException keptColumnCollides(String column) {
    return error(
        KEPT_COLUMN,
        "Cannot keep the column '%s': a column of that name (case aside) is already in the table of traces. Rename it"
            + " in the prompts, or leave it out of --keep-columns.",
        column);
  }

  static TableException keptColumnName(String column) {
    return error(
        KEPT_COLUMN,
        "Cannot keep the column '%s': without column mapping a Delta column name can hold none of the characters"
            + " ' ,;{}()=', tab or newline, and cannot be blank. Rename it in the prompts.",
        column);
  }

  static TableException keptColumnType(String column, String type) {
    return error(
        KEPT_COLUMN,
        "Cannot keep the column '%s': type %s needs a newer Delta protocol than the pinned one. Cast it, for example"
            + " to string or timestamp.",
        column, type);
  }

  static TableException badRow(String column, String why) {
    return error(
        BAD_ROW, "Cannot add a row: column %s %s. This is a fault of the job, not of the data.", column, why);
  }

  static TableException badRunId(String runId, String why) {
    return error(
        BAD_RUN_ID,
        "Cannot open a ledger for run id '%s': %s. Use a new id of letters, digits, '.', '_' and '-' for each run.",
        runId, why);
  }

  static TableException unreadable(String path, Throwable cause) {
    return new TableException(
        TABLE_UNREADABLE,
        String.format(
            "Cannot read the Delta table at %s: %s. Look at its _delta_log; if the table was made by a newer Delta,"
                + " use a newer Winnow.",
            path, cause.getMessage()),
        cause);
  }

  static TableException commitFailed(String path, String runId, int attempts, Throwable cause) {
    return new TableException(
        COMMIT_FAILED,
        String.format(
            "Run %s cannot commit finished traces to %s (%d attempts): %s. Nothing is lost: what was written waits in"
                + " _winnow/pending and is adopted when the same command is started again. Mend the cause and do that.",
            runId, path, attempts, cause),
        cause);
  }

  static TableException fenced(String path, String runId) {
    return error(
        FENCED,
        "Run %s was stopped from writing to %s: a newer run took over the same work. This is what keeps rows from"
            + " being written twice; let the newer run finish, or start this one again after it.",
        runId, path);
  }

  static TableException noTraces(String table, String why) {
    return error(
        NO_TRACES,
        "Cannot read traces from %s: %s. Give the folder or the catalog name that generate wrote to with --out.",
        table, why);
  }

  static TableException verdictsNotCommitted(String path, int attempts, Throwable cause) {
    return new TableException(
        COMMIT_FAILED,
        String.format(
            "Cannot commit verdicts to %s (%d attempts): %s. What was committed before stays; start the same command"
                + " again, which judges what is missing.",
            path, attempts, cause),
        cause);
  }
}
