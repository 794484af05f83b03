// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.struct;

import io.winnow.inference.conf.ExportSettings;
import io.winnow.inference.conf.NearestName;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.export.ExportColumn;
import io.winnow.jobs.export.ExportFormat;
import io.winnow.jobs.export.ExportOptions;
import io.winnow.jobs.export.Places;
import io.winnow.jobs.export.SourceRow;
import io.winnow.jobs.export.SourceRow.Field;
import io.winnow.jobs.input.RowReader;
import io.winnow.jobs.input.RowSource;
import io.winnow.jobs.table.StepOutput;
import io.winnow.jobs.table.TableVersion;
import io.winnow.jobs.table.TraceTable;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructField;

/**
 * The rows of an export, with the columns that it reads and those that it hands on.
 *
 * @param there what the input has of what is read
 * @param further names of the columns behind those of the format
 * @param columns all columns of the data set
 * @param name of the input, for others
 * @param version of the Delta table that it is, −1 for others
 * @param state tells the input from what it was or will be
 */
record ExportInput(
    RowSource source, ExportOptions options, EnumSet<Field> there, List<String> further, List<ExportColumn> columns,
    String name, long version, String state) {
  private static final String NONE = "none";

  /**
   * Opens what {@code --in} or {@code --traces} names.
   *
   * @throws UsageException when it or a column cannot be used as asked
   */
  static ExportInput open(SparkSession spark, SettingValues values) {
    boolean traces = values.isGiven(ExportSettings.TRACES);
    String path = values.get(traces ? ExportSettings.TRACES : ExportSettings.IN);
    String out = values.get(ExportSettings.OUT);
    if (StepOutput.covers(spark, out, path)) {
      throw new UsageException(
          "Cannot write to --out '" + out + "': it is the input, or holds it. Give another folder.");
    }
    String format = values.get(ExportSettings.IN_FORMAT);
    if (traces) {
      TraceTable.existing(spark, path); // or says that there are no traces
      format = TraceTable.isName(path) ? "table" : "delta";
    }
    long version = TableVersion.of(spark, path).orElse(-1);
    RowSource source =
        RowSource.open(spark, path, format, wanted(values), false, TableVersion.state(spark, path).orElse(null));
    return of(source, values, path, Places.last(path), version, source.state());
  }

  /** As {@link #open}, of a DataFrame. Nothing tells whether it is the one of an earlier run. */
  static ExportInput of(Dataset<Row> rows, SettingValues values) {
    RowSource source = RowSource.of(rows, wanted(values));
    return of(source, values, "the DataFrame", "a DataFrame", -1, UUID.randomUUID().toString());
  }

  private static ExportInput of(
      RowSource source, SettingValues values, String shown, String name, long version, String state) {
    ExportOptions options = ExportOptions.of(values);
    Set<String> has = new TreeSet<>(source.columns());
    EnumSet<Field> there = EnumSet.noneOf(Field.class);
    List<RowSource.Wanted> wanted = wanted(values);
    for (Field field : Field.values()) {
      if (has.contains(wanted.get(field.ordinal()).column())) {
        there.add(field);
      }
    }
    new Needs(options, there, wanted, shown, source.columns()).check();
    List<String> further = further(values, options.format(), source, shown);
    List<ExportColumn> columns = new ArrayList<>(options.format().columns(options));
    for (String column : further) {
      if (columns.stream().anyMatch(c -> c.name().equalsIgnoreCase(column))) {
        throw new UsageException(
            "Cannot export the column '" + column + "' of " + shown + ": the format " + options.format().word()
                + " has a column of that name. Leave it out of --columns.");
      }
      StructField field = source.fields().stream().filter(f -> f.name().equals(column)).findFirst().orElseThrow();
      columns.add(new ExportColumn(column, ExportColumns.of(field.dataType()), doc(column)));
    }
    return new ExportInput(source, options, there, further, List.copyOf(columns), name, version, state);
  }

  private static String doc(String column) {
    return switch (column) {
      case "prompt_id" -> "Id of the prompt";
      case "trace_id" -> "Id of the trace";
      default -> "As it was in the input";
    };
  }

  private static List<String> further(SettingValues values, ExportFormat format, RowSource source, String shown) {
    List<String> given = values.get(ExportSettings.COLUMNS);
    if (!values.isGiven(ExportSettings.COLUMNS)) {
      List<String> ids = new ArrayList<>();
      if (format != ExportFormat.VERL) {
        ids.add(values.get(ExportSettings.ID_COLUMN));
      }
      if (format.unit() == ExportFormat.Unit.TRACE) {
        ids.add(Field.TRACE_ID.column());
      }
      if (format.unit() == ExportFormat.Unit.PAIR) {
        ids.addAll(List.of(Field.CHOSEN_ID.column(), Field.REJECTED_ID.column()));
      }
      ids.retainAll(source.columns());
      return ids;
    }
    if (given.equals(List.of(NONE)) && !source.columns().contains(NONE)) {
      return List.of();
    }
    for (String column : given) {
      if (!source.columns().contains(column)) {
        throw new UsageException(
            "Cannot use --columns '" + column + "': " + shown + " has no such column. Columns there: "
                + String.join(", ", source.columns()) + "." + NearestName.hint(column, source.columns()));
      }
    }
    return given.stream().distinct().toList();
  }

  /** What is read of a row, in the order of {@link SourceRow.Field}; a column that is not there has no value. */
  private static List<RowSource.Wanted> wanted(SettingValues values) {
    List<RowSource.Wanted> out = new ArrayList<>();
    for (Field field : Field.values()) {
      var setting =
          switch (field) {
            case ID -> ExportSettings.ID_COLUMN;
            case PROMPT -> ExportSettings.PROMPT_COLUMN;
            case MESSAGES -> ExportSettings.MESSAGES_COLUMN;
            case TEXT -> ExportSettings.COMPLETION_COLUMN;
            case GOLD -> ExportSettings.GOLD_COLUMN;
            case STEPS -> ExportSettings.STEPS_COLUMN;
            case STEP_LABELS -> ExportSettings.STEP_LABELS_COLUMN;
            default -> null;
          };
      boolean given = setting != null && values.isGiven(setting);
      String column = setting == null ? field.column() : values.find(setting).orElse(field.column());
      out.add(new RowSource.Wanted(setting == null ? "--in" : setting.option(), column, !given));
    }
    return out;
  }

  RowReader reader() {
    return source.reader();
  }

  Dataset<Row> rows() {
    return source.rows();
  }

  /** The rows as they are rendered: spread over the tasks, for groups those of a prompt together. */
  Dataset<Row> arranged(int partitions) {
    // Of the row itself only what is handed on: token ids, for one, are larger than all that is read.
    Column[] handedOn = further.stream().map(c -> col(RowWork.ROW).getField(c).as(c)).toArray(Column[]::new);
    Dataset<Row> rows =
        further.isEmpty()
            ? source.rows().drop(RowWork.ROW)
            : source.rows().withColumn(RowWork.ROW, struct(handedOn));
    RowWork work = new RowWork(rows.sparkSession(), rows, false, partitions);
    return options.format().unit() == ExportFormat.Unit.GROUP
        ? work.grouped(source.reader(), Field.ID.ordinal())
        : work.spread();
  }

  /** What a format needs of its input. */
  private record Needs(
      ExportOptions options, EnumSet<Field> there, List<RowSource.Wanted> wanted, String shown, List<String> columns) {
    void check() {
      ExportFormat format = options.format();
      if (!there.contains(Field.PROMPT) && !there.contains(Field.MESSAGES)) {
        throw missing(Field.PROMPT, "Name the prompts' column with --prompt-column or --messages-column.");
      }
      switch (format.unit()) {
        case PAIR -> {
          String make = "Make pairs first: winnow select --strategy dpo.";
          need(Field.CHOSEN, make);
          need(Field.REJECTED, make);
        }
        case PROMPT -> need(Field.GOLD, "Name the column of the right answers with --gold-column.");
        case GROUP -> {
          need(Field.ID, "The rows of a prompt are found by it; name it with --id-column.");
          need(Field.TEXT, "Name the completions' column with --completion-column.");
        }
        default -> {
          if (!options.ownSteps()) {
            need(Field.TEXT, "Name the completions' column with --completion-column.");
          }
        }
      }
      switch (format) {
        case KTO -> {
          if (!there.contains(Field.LABEL)) {
            need(Field.CORRECT, "Label the traces by winnow select --strategy kto, or let generate or verify judge"
                + " them.");
          }
        }
        case GRPO_GROUPS -> {
          String make = "Make groups first: winnow select --strategy grpo.";
          need(Field.REWARD, make);
          need(Field.ADVANTAGE, make);
        }
        case PRM, OPENRLHF_PRM -> {
          if (!options.ownLabels()) {
            need(Field.CORRECT, "Name the column of the steps' labels with --step-labels-column.");
          }
        }
        default -> { }
      }
      if (options.correctOnly()) {
        need(Field.CORRECT, "Leave --correct-only out, or judge the traces first.");
      }
      if (options.finishedOnly()) {
        need(Field.FINISH_REASON, "Leave --finished-only out.");
      }
    }

    private void need(Field field, String what) {
      if (!there.contains(field)) {
        throw missing(field, what);
      }
    }

    private UsageException missing(Field field, String what) {
      return new UsageException(
          "Cannot export " + options.format().word() + ": " + shown + " has no column '"
              + wanted.get(field.ordinal()).column() + "'. " + what + " Columns there: " + String.join(", ", columns)
              + ".");
    }
  }
}
