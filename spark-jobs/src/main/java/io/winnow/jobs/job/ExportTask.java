// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import com.fasterxml.jackson.databind.JsonNode;
import io.winnow.jobs.export.ExportFormat;
import io.winnow.jobs.export.ExportOptions;
import io.winnow.jobs.export.JsonText;
import io.winnow.jobs.export.Rendered;
import io.winnow.jobs.export.RowRenderer;
import io.winnow.jobs.export.SourceRow;
import io.winnow.jobs.export.Splits;
import io.winnow.jobs.input.RowReader;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * Renders the rows of a partition. It does so twice: first for their keys, sizes and facts alone, of which files and
 * card are planned, then for their lines. Rendering costs less than to keep the lines somewhere.
 */
final class ExportTask implements MapPartitionsFunction<Row, Row> {
  private static final long serialVersionUID = 1L;

  /**
   * Keys, sizes and facts. {@code skip} says why a row is left out; {@code is_row} is false for the traces of a group,
   * of which only the facts count, {@code is_trace} for the group itself.
   */
  static final StructType KEYS =
      new StructType()
          .add("split", DataTypes.IntegerType, false)
          .add("first", DataTypes.StringType, false)
          .add("second", DataTypes.StringType, false)
          .add("third", DataTypes.StringType, false)
          .add("digest", DataTypes.LongType, false)
          .add("bytes", DataTypes.LongType, false)
          .add("skip", DataTypes.StringType, true)
          .add("is_row", DataTypes.BooleanType, false)
          .add("is_trace", DataTypes.BooleanType, false)
          .add("model", DataTypes.StringType, true)
          .add("finish_reason", DataTypes.StringType, true)
          .add("correct", DataTypes.StringType, true)
          .add("prompt_tokens", DataTypes.LongType, true)
          .add("completion_tokens", DataTypes.LongType, true)
          .add("run_id", DataTypes.StringType, true)
          .add("verifiers", DataTypes.createArrayType(DataTypes.StringType), true);

  /** Lines, each with the file that it goes into and the rest of its key. */
  static final StructType LINES =
      new StructType()
          .add("file", DataTypes.IntegerType, false)
          .add("first", DataTypes.StringType, false)
          .add("second", DataTypes.StringType, false)
          .add("third", DataTypes.StringType, false)
          .add("digest", DataTypes.LongType, false)
          .add("line", DataTypes.StringType, false);

  private final RowReader reader;
  private final EnumSet<SourceRow.Field> there;
  private final ExportOptions options;
  private final Splits splits;
  private final ArrayList<String> columns;
  private final ShardPlan plan;
  private final RowCounters counters;

  /**
   * A task.
   *
   * @param columns further columns, of the struct {@link RowWork#ROW}
   * @param plan null for {@link #KEYS}
   */
  ExportTask(
      RowReader reader, EnumSet<SourceRow.Field> there, ExportOptions options, Splits splits, List<String> columns,
      ShardPlan plan, RowCounters counters) {
    this.reader = reader;
    this.there = there;
    this.options = options;
    this.splits = splits;
    this.columns = new ArrayList<>(columns);
    this.plan = plan;
    this.counters = counters;
  }

  /** The key of a row of {@link #KEYS}. */
  static ShardKey key(Row row) {
    return new ShardKey(row.getInt(0), row.getString(1), row.getString(2), row.getString(3), row.getLong(4));
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    return new Rows(rows);
  }

  private final class Rows implements Iterator<Row> {
    private final Iterator<Row> rows;
    private final RowRenderer renderer = new RowRenderer(options, splits);
    private final boolean grouped = options.format().unit() == ExportFormat.Unit.GROUP;
    private final ArrayDeque<Row> done = new ArrayDeque<>();
    private final MessageDigest sha = Splits.sha256();
    private Row ahead;

    Rows(Iterator<Row> rows) {
      this.rows = rows;
    }

    @Override
    public boolean hasNext() {
      while (done.isEmpty() && (ahead != null || rows.hasNext())) {
        if (grouped) {
          group();
        } else {
          Row row = rows.next();
          CellRow source = source(row);
          Rendered rendered = renderer.render(source);
          counters.row(rendered.skip() != null && rendered.skip().fault(), null);
          add(rendered, row, source, true);
        }
      }
      return !done.isEmpty();
    }

    private CellRow source(Row row) {
      return new CellRow(RowTask.read(reader, row, RowWork.ROW), there);
    }

    private void group() {
      List<Row> group = new ArrayList<>();
      List<CellRow> sources = new ArrayList<>();
      group.add(ahead == null ? rows.next() : ahead);
      ahead = null;
      String key = group.get(0).getAs(RowWork.GROUP);
      while (ahead == null && rows.hasNext()) {
        Row next = rows.next();
        if (key.equals(next.getAs(RowWork.GROUP))) {
          group.add(next);
        } else {
          ahead = next;
        }
      }
      group.forEach(row -> sources.add(source(row)));
      Rendered rendered = renderer.renderGroup(sources);
      // Columns of the prompt are those of any of its rows; which, must not depend on how rows came.
      int least = 0;
      for (int i = 1; i < group.size(); i++) {
        int order = place(sources.get(i)).compareTo(place(sources.get(least)));
        order = order == 0 ? further(group.get(i)).compareTo(further(group.get(least))) : order;
        least = order < 0 ? i : least;
      }
      if (plan == null) {
        for (CellRow source : sources) {
          counters.row(false, null);
          done.add(keys(Rendered.skipped(null), 0, 0, 0, source, false, true));
        }
      }
      add(rendered, group.get(least), null, false);
    }

    private static String place(SourceRow row) {
      String sample = row.text(SourceRow.Field.SAMPLE_INDEX);
      String trace = row.text(SourceRow.Field.TRACE_ID);
      return "0".repeat(Math.max(0, 10 - (sample == null ? 0 : sample.length()))) + sample + " " + trace;
    }

    /** The further columns in one text, for rows that neither a sample's number nor a trace's id tells apart. */
    private String further(Row row) {
      Row all = columns.isEmpty() ? null : row.getAs(RowWork.ROW);
      return all == null ? "" : ExportColumns.json(all).toString();
    }

    private void add(Rendered rendered, Row row, CellRow source, boolean isTrace) {
      if (rendered.skip() != null) {
        if (plan == null) {
          done.add(keys(rendered, 0, 0, 0, source, true, isTrace));
        }
        return;
      }
      if (!columns.isEmpty()) {
        Row all = row.getAs(RowWork.ROW);
        for (String name : columns) {
          JsonNode value = ExportColumns.json(all == null ? null : all.getAs(name));
          rendered.node().set(name, value);
        }
      }
      String line = JsonText.line(rendered.node());
      byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
      long digest = Splits.first(sha.digest(bytes));
      int split = renderer.split(rendered);
      if (plan == null) {
        done.add(keys(rendered, split, digest, bytes.length + 1L, source, true, isTrace));
        return;
      }
      ShardKey key = new ShardKey(split, rendered.promptId(), rendered.second(), rendered.third(), digest);
      done.add(RowFactory.create(plan.of(key), key.first(), key.second(), key.third(), digest, line));
    }

    private Row keys(
        Rendered r, int split, long digest, long bytes, CellRow source, boolean isRow, boolean isTrace) {
      String skip = r.skip() == null ? null : r.skip().key();
      if (source == null) {
        return RowFactory.create(
            split, r.promptId(), r.second(), r.third(), digest, bytes, skip, isRow, isTrace, null, null, null,
            null, null, null, null);
      }
      return RowFactory.create(
          split, r.promptId(), r.second(), r.third(), digest, bytes, skip, isRow, isTrace,
          source.text(SourceRow.Field.MODEL), source.text(SourceRow.Field.FINISH_REASON),
          source.text(SourceRow.Field.CORRECT), number(source.text(SourceRow.Field.PROMPT_TOKENS)),
          number(tokens(source)), source.text(SourceRow.Field.RUN_ID), verifiers(source));
    }

    private static String tokens(CellRow source) {
      String tokens = source.text(SourceRow.Field.COMPLETION_TOKENS);
      return tokens == null ? source.text(SourceRow.Field.CHOSEN_TOKENS) : tokens;
    }

    private static Long number(String text) {
      try {
        return text == null ? null : Long.valueOf(text);
      } catch (NumberFormatException e) {
        return null;
      }
    }

    private static String[] verifiers(CellRow source) {
      JsonNode verdicts = source.json(SourceRow.Field.VERDICTS);
      if (verdicts == null || !verdicts.isObject()) {
        return null;
      }
      List<String> names = new ArrayList<>();
      verdicts.fieldNames().forEachRemaining(names::add);
      return names.toArray(String[]::new);
    }

    @Override
    public Row next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      return done.poll();
    }
  }
}
