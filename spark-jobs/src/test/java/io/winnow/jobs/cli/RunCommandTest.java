// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.ScoreSettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code winnow run}: which steps run, how a run ends and goes on; with commands that only write a file. */
class RunCommandTest {
  @TempDir Path folder;

  private final List<String> ran = new ArrayList<>();
  private final StopSignal stop = new StopSignal();
  private int exit;
  private RuntimeException failure;
  private Path recipe;
  private Path prompts;
  private String out;
  private String err;

  /** Copies its input behind its seed. */
  private final class Copy implements Command {
    private final String name;
    private final Setting<String> from;
    private final Setting<String> to;
    private final List<Setting<?>> settings;

    Copy(String name, Setting<String> from, Setting<String> to, List<Setting<?>> settings) {
      this.name = name;
      this.from = from;
      this.to = to;
      this.settings = settings;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public String summary() {
      return "Copies.";
    }

    @Override
    public List<Setting<?>> settings() {
      return settings;
    }

    @Override
    public int run(SettingValues values, Session session) throws IOException {
      ran.add(name);
      if (name.equals("score") && failure != null) {
        throw failure;
      }
      if (name.equals("score") && exit != 0) {
        return exit;
      }
      Path target = Path.of(values.get(to));
      String text = Files.readString(Path.of(values.get(from)));
      if (!Files.exists(target) || !Files.readString(target).equals(text)) {
        Files.writeString(target, text);
      }
      return 0;
    }
  }

  @BeforeEach
  void write() throws IOException {
    prompts = Files.writeString(folder.resolve("prompts.txt"), "a");
    recipe =
        Files.writeString(
            folder.resolve("two.yaml"),
            """
            description: Two steps.
            params: {out: %1$s, seed: 1}
            steps:
              - name: traces
                uses: generate
                with: {prompts: %1$s/prompts.txt, model: m, seed: "${params.seed}", out: "${params.out}/traces.txt"}
              - name: scores
                uses: score
                with: {in: "${steps.traces.out}", reward: accuracy, out: "${params.out}/scores.txt"}
            """
                .formatted(folder));
  }

  private int winnow(String... words) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ByteArrayOutputStream errors = new ByteArrayOutputStream();
    List<Command> commands =
        List.of(
            new Copy("generate", GenerateSettings.PROMPTS, GenerateSettings.OUT, GenerateSettings.ALL),
            new Copy("score", ScoreSettings.IN, ScoreSettings.OUT, ScoreSettings.ALL));
    List<Command> all = new ArrayList<>(commands);
    all.add(new RunCommand(commands, () -> null));
    String[] args =
        Stream.of(new String[] {"run", recipe.toString(), "--record", folder.resolve("record").toString()}, words)
            .flatMap(Stream::of)
            .toArray(String[]::new);
    ran.clear();
    int code =
        new CommandLineRunner(all, "1", () -> null)
            .run(args, new PrintStream(bytes, true), new PrintStream(errors, true), false, stop);
    out = bytes.toString(StandardCharsets.UTF_8);
    err = errors.toString(StandardCharsets.UTF_8);
    return code;
  }

  private String result(String step) {
    return out.lines().filter(line -> line.startsWith(step + " ")).reduce((a, b) -> b).orElse("").replaceAll(" +", " ");
  }

  @Test
  void onlyWhatIsNotUpToDateRuns() throws IOException {
    assertEquals(0, winnow("--dry-run"), () -> err);
    assertTrue(out.contains("traces: generate   would run: never ran"), out);
    assertTrue(out.contains("scores: score   would run: never ran\n  needs traces\n"), out);
    assertEquals(List.of(), ran);
    assertFalse(Files.exists(folder.resolve("record")), "a dry run writes nothing");

    assertEquals(0, winnow(), () -> err);
    assertEquals(List.of("generate", "score"), ran);
    assertTrue(result("scores").startsWith("scores score done "), out);
    assertEquals(0, winnow());
    assertEquals(List.of(), ran);
    assertEquals("traces generate up to date -", result("traces"));
    assertEquals(0, winnow("--force"));
    assertEquals(List.of("generate", "score"), ran);

    // Another seed makes the same here: what depends on it finds its input unchanged.
    assertEquals(0, winnow("--param", "seed=2"));
    assertEquals(List.of("generate"), ran);
    assertTrue(out.contains("== traces: generate, step 1 of 2 (changed setting: seed (1 before, now 2)) =="), out);

    Files.writeString(prompts, "another");
    assertEquals(0, winnow("--param", "seed=2", "--dry-run"));
    assertTrue(out.contains("traces: generate   would run: changed input: " + prompts), out);
    assertTrue(out.contains("scores: score   would run: if traces changes its input"), out);
    assertEquals(0, winnow("--param", "seed=2", "--only", "scores"));
    assertEquals(List.of(), ran);
    assertEquals(0, winnow("--param", "seed=2"));
    assertEquals(List.of("generate", "score"), ran);
    Files.delete(folder.resolve("scores.txt"));
    assertEquals(0, winnow("--param", "seed=2", "--from", "scores"));
    assertEquals(List.of("score"), ran);
  }

  @Test
  void aStepThatStopsEndsTheRunWithItsCodeAndTheNextStartGoesOn() {
    for (int code : new int[] {ExitCode.STOPPED, ExitCode.ROWS_FAILED}) {
      exit = code;
      assertEquals(code, winnow(), () -> err);
      assertTrue(out.endsWith("The same command goes on from here.\n"), out);
      assertTrue(result("scores").startsWith("scores score " + (code == 4 ? "stopped" : "some rows failed")), out);
    }
    assertEquals(List.of("score"), ran);
    exit = 0;
    failure = new IllegalStateException("no disk");
    assertEquals(ExitCode.FAILED, winnow());
    assertTrue(err.contains("step scores of " + recipe + " failed:\nwinnow: IllegalStateException: no disk"), err);
    assertTrue(result("scores").startsWith("scores score failed"), out);
    failure = null;
    assertEquals(0, winnow());
    assertEquals(List.of("score"), ran);
  }

  @Test
  void inputsAreSeenHoweverTheyAreNamed() throws IOException {
    PlaceStates states = new PlaceStates(Session.around(null, System.out, System.err));
    String before = states.apply(folder + "/*.txt");
    assertNotNull(before);
    assertEquals(before, states.apply(folder + "/*.txt"));
    Files.writeString(folder.resolve("more.txt"), "b");
    assertNotEquals(before, states.apply(folder + "/*.txt"));
    assertNull(states.apply("*"), "all columns");
    // Could be a table of the catalog by its name.
    Path here = Files.writeString(Path.of("run_command_test.csv"), "a");
    try {
      assertEquals("file 1 bytes at " + Files.getLastModifiedTime(here).toMillis(), states.apply(here.toString()));
    } finally {
      Files.delete(here);
    }
  }

  @Test
  void aStopBetweenStepsLeavesTheRest() {
    stop.request();
    assertEquals(ExitCode.STOPPED, winnow());
    assertEquals(List.of(), ran);
    assertEquals("traces generate left -", result("traces"));
  }

  @Test
  void wordsAreCheckedBeforeAnythingRuns() {
    assertEquals(ExitCode.USAGE, winnow("--set", "traces.samples=none"), () -> out);
    assertEquals(ExitCode.USAGE, winnow("another.yaml"));
    assertTrue(err.contains("Unexpected word 'another.yaml' after run"), err);
    assertEquals(List.of(), ran);
    recipe = folder.resolve("none.yaml");
    assertEquals(ExitCode.USAGE, winnow());
    assertTrue(err.contains("Cannot read --recipe '" + recipe + "': there is no such file"), err);
    assertEquals(ExitCode.USAGE, winnow("--only", "x"));
  }
}
