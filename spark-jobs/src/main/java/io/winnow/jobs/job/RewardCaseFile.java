// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.reward.RewardCases;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.function.BooleanSupplier;

/** Fills in the rewards of a local file of {@link RewardCases}, a line at a time: {@code score --cases}. */
public final class RewardCaseFile {
  /**
   * What was done.
   *
   * @param cases lines that are not empty
   * @param failed those without rewards
   * @param firstFailure place and reason of the first of them, or null
   * @param stopped whether it was asked to stop, and so wrote nothing
   */
  public record Result(long cases, long failed, String firstFailure, boolean stopped) {}

  private RewardCaseFile() {}

  /**
   * Reads, fills in and writes; what is at {@code out} is replaced when all is done.
   *
   * @param stop asked at each line; once true, nothing is written
   * @throws UsageException when there is no such file
   * @throws UncheckedIOException when it cannot be read, or the output not written
   */
  public static Result fill(String in, String out, BooleanSupplier stop) {
    Path cases = Path.of(in);
    if (!Files.isRegularFile(cases)) {
      throw new UsageException("Cannot use --cases '" + in + "': there is no such local file.");
    }
    Path file = Path.of(out).toAbsolutePath();
    if (Files.isDirectory(file)) {
      throw new UsageException(
          "Cannot write to --out '" + out + "': it is a folder. Cases go to a file of JSON lines.");
    }
    Path made = file.resolveSibling("." + file.getFileName() + ".new");
    try {
      Files.createDirectories(file.getParent());
      Result result;
      // Both replace what is no UTF-8: one broken line must not cost the others.
      try (BufferedReader lines =
              new BufferedReader(new InputStreamReader(Files.newInputStream(cases), StandardCharsets.UTF_8));
          Writer writer =
              new BufferedWriter(new OutputStreamWriter(Files.newOutputStream(made), StandardCharsets.UTF_8))) {
        result = fill(lines, writer, in, stop);
      }
      if (!result.stopped()) {
        Files.move(made, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      }
      return result;
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot fill in the cases of '" + in + "' to '" + out + "': " + e.getMessage(), e);
    } finally {
      try {
        Files.deleteIfExists(made);
      } catch (IOException e) {
        // What stopped the writing says more.
      }
    }
  }

  private static Result fill(BufferedReader lines, Writer writer, String in, BooleanSupplier stop) throws IOException {
    RewardCases cases = new RewardCases();
    long number = 0;
    long done = 0;
    long failed = 0;
    String first = null;
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      number++;
      if (stop.getAsBoolean()) {
        return new Result(done, failed, first, true);
      }
      String text = number == 1 && line.startsWith("\uFEFF") ? line.substring(1) : line;
      if (text.isBlank()) {
        continue;
      }
      RewardCases.Filled filled = cases.fill(text);
      done++;
      if (filled.error() != null) {
        failed++;
        first = first == null ? "line " + number + " of " + in + ": " + filled.error() : first;
      }
      writer.write(filled.line());
      writer.write('\n');
    }
    return new Result(done, failed, first, false);
  }
}
