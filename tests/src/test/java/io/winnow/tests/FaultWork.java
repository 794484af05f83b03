// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.apache.spark.sql.SparkSession;

/** A short generation with a made-up model: 40 to 400 prompts, a few of them bad, 1 to 4 samples. */
final class FaultWork {
  /** Sequences at a time by which the time of a step is set, so that a run takes a few seconds. */
  private static final int TYPICAL_BATCH = 8;
  /** By the script's own numbers: one trace in ten is ten times longer. */
  private static final double MEAN_PER_TOKEN = 1.9;

  private final List<String> words = new ArrayList<>();
  private final Path folder;
  private final int prompts;
  private final int samples;
  private List<String> undisturbed;

  FaultWork(Path folder, long seed) throws IOException {
    this.folder = folder;
    Random random = new Random(seed * 7919 + 17);
    prompts = 40 + random.nextInt(361);
    samples = 1 + random.nextInt(4);
    int tokens = 16 + random.nextInt(25);
    double steps = prompts * samples * tokens * MEAN_PER_TOKEN / TYPICAL_BATCH;
    double stepMillis = (1500 + random.nextInt(2000)) / steps;
    String model =
        String.format(Locale.ROOT, "scripted:tokens=%d,context=1024,nan=UNSOUND,step-ms=%.2f", tokens, stepMillis);
    String[] lines = new String[prompts];
    for (int i = 0; i < prompts; i++) {
      lines[i] = i > 0 && random.nextInt(40) == 0 ? bad(random, i) : good(i, "What is " + i + " + 1?", i % 20);
    }
    Path file = Tables.lines(folder.resolve("prompts-" + seed + ".jsonl"), lines);
    words.addAll(
        List.of(
            "generate", "--prompts", file.toString(), "--model", model, "--id-column", "id", "--verify", "math",
            "--samples", String.valueOf(samples), "--seed", String.valueOf(seed), "--max-tokens", "200"));
  }

  private static String good(int id, String question, int answer) {
    return String.format("{\"id\": \"p%03d\", \"question\": \"%s\", \"answer\": \"%d\"}", id, question, answer);
  }

  private static String bad(Random random, int id) {
    switch (random.nextInt(5)) {
      case 0:
        return good(id, "", 1);
      case 1:
        return good(id, "Too long. ".repeat(200), 1);
      case 2:
        return good(id, "UNSOUND " + id, 1);
      case 3:
        return String.format("{\"id\": \"p%03d\", \"question\": null}", id);
      default:
        return "{\"id\": \"p" + id + "\", \"question\": ";
    }
  }

  int traces() {
    return prompts * samples;
  }

  /** The command that does this work. */
  List<String> words(String table, List<String> more) {
    List<String> all = new ArrayList<>(words);
    all.addAll(List.of("--out", table));
    all.addAll(more);
    return all;
  }

  /** The rows of a run that nothing disturbs, as {@link Tables#comparable} gives them; run once. */
  List<String> undisturbed(SparkSession spark) throws IOException {
    if (undisturbed == null) {
      Path table = folder.resolve("undisturbed-" + System.identityHashCode(this));
      List<String> command = words(table.toString(), List.of("--max-sequences", "512", "--partitions", "2"));
      Invocation.winnow(command.toArray(String[]::new)).expect(0);
      undisturbed = Tables.comparable(spark, table);
      if (undisturbed.size() != traces()) {
        throw new AssertionError(undisturbed.size() + " rows without any fault, not " + traces());
      }
      Tables.delete(table);
    }
    return undisturbed;
  }
}
