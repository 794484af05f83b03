// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.curate;

import io.winnow.inference.conf.UsageException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A benchmark as {@code --against} names it.
 *
 * @param name in the evidence
 * @param source what stands behind the name: PATH:COLUMN, either of which may have colons
 */
public record BenchmarkSpec(String name, String source) {
  private static final String EXAMPLE = "for example --against gsm8k=gsm8k/test.jsonl:question";

  /**
   * Where a benchmark may be.
   *
   * @param path of a data set
   * @param column of its texts
   */
  public record Place(String path, String column) {}

  /**
   * Reads an option.
   *
   * @throws UsageException when a part is missing
   */
  public static BenchmarkSpec parse(String option) {
    int equals = option.indexOf('=');
    String name = equals < 0 ? "" : option.substring(0, equals).strip();
    if (name.isEmpty()) {
      throw refused(option, "it has no NAME= in front");
    }
    BenchmarkSpec spec = new BenchmarkSpec(name, option.substring(equals + 1));
    if (spec.places().isEmpty()) {
      throw refused(option, "it has no :COLUMN behind the path");
    }
    return spec;
  }

  /**
   * Reads options, which must have different names.
   *
   * @throws UsageException for the first that cannot be used
   */
  public static List<BenchmarkSpec> parseAll(List<String> options) {
    List<BenchmarkSpec> out = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (String option : options) {
      BenchmarkSpec spec = parse(option);
      if (!names.add(spec.name())) {
        throw refused(option, "the name '" + spec.name() + "' is there twice, and evidence goes by it");
      }
      out.add(spec);
    }
    return List.copyOf(out);
  }

  private static UsageException refused(String option, String why) {
    return new UsageException(
        "Cannot use --against '" + option + "': " + why + ". Write NAME=PATH:COLUMN, " + EXAMPLE + ".");
  }

  /** Every way to part path and column, the likeliest first: at the last colon. */
  public List<Place> places() {
    List<Place> out = new ArrayList<>();
    for (int at = source.lastIndexOf(':'); at > 0; at = source.lastIndexOf(':', at - 1)) {
      String column = source.substring(at + 1);
      if (!column.isEmpty() && !column.startsWith("//")) {
        out.add(new Place(source.substring(0, at), column));
      }
    }
    return out;
  }
}
