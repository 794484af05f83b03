// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import io.winnow.jobs.Winnow;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A command line that has ended: its exit code and what it said. */
record Invocation(int exitCode, String out, String err) {
  /** The repository. */
  static final Path ROOT = Path.of(System.getProperty("winnow.root", "..")).toAbsolutePath().normalize();
  static final Path MODEL = ROOT.resolve("examples/model");
  static final Path PROMPTS = ROOT.resolve("examples/prompts.jsonl");

  /** Runs the words in this process, on the session that runs. */
  static Invocation winnow(String... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int exitCode =
        Winnow.run(
            args,
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    return new Invocation(exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /** Runs {@code generate} with the shipped model. */
  static Invocation generate(Path prompts, Path table, String... more) {
    return winnow(words(prompts, table, more).toArray(String[]::new));
  }

  /** The words of {@link #generate}. */
  static List<String> words(Path prompts, Path table, String... more) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "generate", "--prompts", prompts.toString(), "--model", MODEL.toString(), "--out", table.toString()));
    words.addAll(List.of(more));
    return words;
  }

  /** This one, if it ended with the code; else a failure that shows what it said. */
  Invocation expect(int code) {
    if (exitCode != code) {
      throw new AssertionError("exit code " + exitCode + " and not " + code + "\n" + out + "\n" + err);
    }
    return this;
  }

  /** A value of the summary, by its name. */
  String summary(String name) {
    return out.lines()
        .filter(line -> line.startsWith(name + " "))
        .map(line -> line.substring(name.length()).strip())
        .findFirst()
        .orElseThrow(() -> new AssertionError("no line '" + name + "' in:\n" + out + "\n" + err));
  }

  /** A number of the summary: the first one of its line. */
  long count(String name) {
    return Long.parseLong(summary(name).split("[ (]")[0].replace(",", ""));
  }
}
