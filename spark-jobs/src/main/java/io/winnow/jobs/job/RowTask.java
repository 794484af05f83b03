// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.jobs.input.InputRow;
import io.winnow.jobs.input.RowReader;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/**
 * One partition of a {@link RowStep}: rows come out in the order in which they went in, as (the row, what is added).
 */
final class RowTask implements MapPartitionsFunction<Row, Row> {
  private static final long serialVersionUID = 1L;

  private final RowFunction function;
  private final RowReader reader;
  private final String payload;
  private final boolean grouped;
  private final RowFunction.Tally tally;

  /**
   * A task.
   *
   * @param payload column of the row itself: {@link RowWork#ROW} or {@link RowWork#ITEM}
   * @param grouped whether rows of one group stand together, by their column {@link RowWork#GROUP}
   */
  RowTask(RowFunction function, RowReader reader, String payload, boolean grouped, RowFunction.Tally tally) {
    this.function = function;
    this.reader = reader;
    this.payload = payload;
    this.grouped = grouped;
    this.tally = tally;
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    return new Groups(rows, function.start(tally));
  }

  /** The row as JSON, where the reader needs it. */
  static InputRow read(RowReader reader, Row row, String payload) {
    String line = null;
    if (reader.needsLine()) {
      line = payload.equals(RowWork.ITEM) ? row.<Row>getAs(RowWork.ITEM).getString(0) : row.getAs(RowWork.LINE);
    }
    return reader.read(row, line);
  }

  private final class Groups implements Iterator<Row> {
    private final Iterator<Row> rows;
    private final RowFunction.Task task;
    private final ArrayDeque<Row> done = new ArrayDeque<>();
    private Row ahead;

    Groups(Iterator<Row> rows, RowFunction.Task task) {
      this.rows = rows;
      this.task = task;
    }

    @Override
    public boolean hasNext() {
      while (done.isEmpty() && (ahead != null || rows.hasNext())) {
        List<Row> group = group();
        List<InputRow> read = group.stream().map(row -> read(reader, row, payload)).toList();
        List<Row> added = task.apply(read);
        for (int i = 0; i < group.size(); i++) {
          if (added.get(i) != null) {
            done.add(RowFactory.create(group.get(i).getAs(payload), added.get(i)));
          }
        }
      }
      return !done.isEmpty();
    }

    private List<Row> group() {
      Row first = ahead == null ? rows.next() : ahead;
      ahead = null;
      List<Row> group = new ArrayList<>(List.of(first));
      while (grouped && ahead == null && rows.hasNext()) {
        Row next = rows.next();
        if (first.getAs(RowWork.GROUP).equals(next.getAs(RowWork.GROUP))) {
          group.add(next);
        } else {
          ahead = next;
        }
      }
      return group;
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
