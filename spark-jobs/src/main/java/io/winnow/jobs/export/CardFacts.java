// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import java.util.List;
import java.util.Map;

/**
 * All that a card and a manifest tell of a data set. Nothing here may name a folder of the machine that made it.
 *
 * @param name of the data set
 * @param description null if none was given
 * @param license null if none was given
 * @param fileFormat parquet or jsonl
 * @param thinking keep, strip or field
 * @param source what the rows were made of
 * @param splits those that have rows, in order
 * @param leftOut rows of the input that have no row here, by reason
 * @param traces facts of the input's rows that have one
 * @param runs that made the traces, as far as they are known
 * @param sample a row as a line of JSON; null where it would be too long
 * @param version of Winnow
 */
public record CardFacts(
    String name, String description, String license, List<String> languages, List<String> tags, ExportFormat format,
    String fileFormat, String thinking, Source source, List<ExportColumn> columns, List<Split> splits,
    Map<Skip, Long> leftOut, Traces traces, List<Run> runs, String sample, String version) {
  /**
   * What the rows were made of.
   *
   * @param name last part of its path
   * @param deltaVersion −1 where it is no Delta table
   * @param rows of it
   */
  public record Source(String name, long deltaVersion, long rows) {}

  /**
   * A split.
   *
   * @param bytes of its rows as lines of JSON
   */
  public record Split(String name, long rows, long prompts, long bytes, List<File> files) {
    /** Bytes of its files. */
    public long fileBytes() {
      return files.stream().mapToLong(File::bytes).sum();
    }
  }

  /** A file, by its path in the folder. */
  public record File(String path, long rows, long bytes, String sha256) {}

  /**
   * Counts of the traces behind the rows.
   *
   * @param rows all of them
   * @param correct with the verdict correct
   * @param incorrect with the verdict incorrect
   * @param models traces by model
   * @param finishReasons traces by how they ended
   * @param verifiers verdicts by verifier
   */
  public record Traces(
      long rows, long correct, long incorrect, Map<String, Long> models, Map<String, Long> finishReasons,
      Map<String, Long> verifiers, Tokens prompt, Tokens completion, List<String> runIds) {
    /** Traces without a verdict of correct or incorrect. */
    public long undecided() {
      return rows - correct - incorrect;
    }
  }

  /**
   * Counts of tokens over the traces that have one; percentiles are counts that occur.
   *
   * @param rows that have a count
   */
  public record Tokens(long rows, long sum, long least, long p10, long p50, long p90, long p99, long most) {}

  /**
   * A kind of run.
   *
   * @param settings that decide what the model says, by name
   * @param ids of the runs
   */
  public record Run(String model, String version, Map<String, String> settings, List<String> ids) {}

  public long rows() {
    return splits.stream().mapToLong(Split::rows).sum();
  }

  public long prompts() {
    return splits.stream().mapToLong(Split::prompts).sum();
  }
}
