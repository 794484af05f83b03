// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.io.IOException;
import java.io.Serializable;
import java.util.Optional;
import org.apache.spark.sql.Row;
import org.apache.spark.util.SerializableConfiguration;

/** Writes the verdicts of one task into one file, which counts when {@link VerdictsTable#append} takes it. One thread. */
public final class VerdictWriter implements AutoCloseable {
  private final Spec spec;
  private final int partition;
  private DataFileWriter file;

  /** What a task needs; travels in its closure. Made by {@link VerdictsTable#writerSpec}. */
  public record Spec(String tablePath, SerializableConfiguration hadoop) implements Serializable {}

  public VerdictWriter(Spec spec, int partition) {
    this.spec = spec;
    this.partition = partition;
  }

  /** Adds a row of {@link VerdictsTable#schema}. */
  public void add(Row row) throws IOException {
    if (file == null) {
      RowChecker checker = new RowChecker(VerdictsTable.schema());
      file = new DataFileWriter(spec.tablePath(), partition, VerdictsTable.schema(), checker, spec.hadoop().value());
    }
    file.write(row);
  }

  /** Completes the file; empty if there was no row. */
  public Optional<VerdictFile> finish() throws IOException {
    if (file == null) {
      return Optional.empty();
    }
    VerdictFile done = VerdictFile.of(file.finish());
    file = null;
    return Optional.of(done);
  }

  /** Deletes the file unless {@link #finish} completed it. */
  @Override
  public void close() throws IOException {
    if (file != null) {
      file.abort();
      file = null;
    }
  }
}
