// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.InferenceErrors;
import io.winnow.inference.EngineStats;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CommandLineRunnerTest {
  private static final String[] GOOD = {"generate", "--prompts", "p", "--model", "m", "--out", "o"};

  private SettingValues seen;
  private String refusal;
  private GenerateCommand.Job job = (values, session) -> Optional.of(summary(Map.of(), false));

  private record Result(int exitCode, String out, String err) {}

  private static RunSummary summary(Map<String, Long> failed, boolean stopped) {
    return new RunSummary("o", 2, 8, 0, 3, 6, failed, 800, 8, 10, stopped, true, null, null, null, EngineStats.NONE);
  }

  private Result run(String... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    GenerateCommand generate =
        new GenerateCommand(
            (values, session) -> {
              seen = values;
              return job.run(values, session);
            });
    CommandLineRunner runner =
        new CommandLineRunner(List.of(generate, new DoctorCommand(() -> List.of("java"))), "1.2.3", () -> refusal);
    int exitCode = runner.run(args, print(out), print(err), false, new StopSignal());
    return new Result(exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  private static PrintStream print(ByteArrayOutputStream bytes) {
    return new PrintStream(bytes, true, StandardCharsets.UTF_8);
  }

  private Result good(String... more) {
    List<String> args = new ArrayList<>(List.of(GOOD));
    args.addAll(List.of(more));
    return run(args.toArray(String[]::new));
  }

  private void refuses(Result result, String message) {
    assertEquals("winnow: " + message + System.lineSeparator(), result.err());
    assertEquals(ExitCode.USAGE, result.exitCode());
    assertEquals("", result.out());
  }

  @Test
  void takesValuesAsTheyAre() {
    Result result =
        good("--stop", "@file", "--stop=--x", "--stop", "\"q\"", "--stop", "", "--seed", "-5", "--samples=2");
    refuses(result, "Cannot use --stop '@file --x \"q\" ': it must be text that is not empty.");
    Result taken = good("--stop", "@file", "--stop=--x", "--stop", "${x} %n", "--seed", "-5");
    assertEquals(0, taken.exitCode(), taken.err());
    assertEquals(List.of("@file", "--x", "${x} %n"), seen.get(GenerateSettings.STOP));
    assertEquals(-5L, seen.get(GenerateSettings.SEED));
    assertEquals(8, seen.get(GenerateSettings.SAMPLES));
  }

  @Test
  void nothingStartsWithKernelsThatCannotBeHad() {
    refusal = "WINNOW_ISA=amx is not available: no such thing";
    refuses(good(), "Cannot compute: WINNOW_ISA=amx is not available: no such thing.");
    assertNull(seen, "the job ran");
    refuses(run("doctor"), "Cannot compute: WINNOW_ISA=amx is not available: no such thing.");
    assertEquals(0, run("--version").exitCode());
    assertEquals(0, run("generate", "--help").exitCode());
  }

  @Test
  void booleansNeedNoValue() {
    good("--logprobs", "--prompt-logprobs", "--token-ids=false", "--strict", "--dry-run");
    assertTrue(seen.get(GenerateSettings.LOGPROBS));
    assertTrue(seen.get(GenerateSettings.STRICT));
    assertTrue(seen.get(GenerateSettings.DRY_RUN));
    assertFalse(seen.get(GenerateSettings.TOKEN_IDS));
    refuses(good("--strict", "maybe"), "Cannot use --strict 'maybe': it must be true or false.");
  }

  @Test
  void unknownOptionsSuggestTheNearest() {
    refuses(
        good("--temprature", "1"),
        "Unknown option '--temprature' of generate. Did you mean '--temperature'? See winnow generate --help.");
    refuses(good("--xyzzy=3"), "Unknown option '--xyzzy' of generate. See winnow generate --help.");
    assertTrue(good("loose").err().startsWith("winnow: Unexpected word 'loose' after generate"));
  }

  @Test
  void unknownCommandsSuggestTheNearest() {
    refuses(run("genrate"), "Unknown command 'genrate'. Did you mean 'generate'? Commands: generate, doctor.");
    refuses(run("--prompts", "p"), "Unknown option '--prompts' before a command. Commands: generate, doctor.");
  }

  @Test
  void missingAndDoubleValuesAreUsageErrors() {
    assertEquals(ExitCode.USAGE, run("generate", "--prompts").exitCode());
    assertTrue(run("generate", "--prompts").err().contains("--prompts"));
    assertTrue(run("generate", "--prompts", "--model", "m").err().contains("'--prompts' but found '--model'"));
    refuses(good("--seed", "1", "--seed", "2"), "Cannot use --seed 2 times: give it once.");
    assertTrue(run("generate", "--model", "m", "--out",
        "o").err().startsWith("winnow: The option --prompts is missing"));
    refuses(good("--conf", "novalue"), "Cannot use --conf 'novalue': it must be KEY=VALUE.");
    assertEquals(ExitCode.USAGE, run().exitCode());
    assertTrue(run().err().contains("Usage: winnow COMMAND"));
  }

  @Test
  void confGivesSettingsAndOptionsWin() {
    assertEquals(0, good("--conf", "spark.winnow.topP=0.5", "--conf", "spark.winnow.seed=3", "--seed", "4").exitCode());
    assertEquals(0.5, seen.get(GenerateSettings.TOP_P));
    assertEquals(4L, seen.get(GenerateSettings.SEED));
  }

  @Test
  void exitCodesSayHowItEnded() {
    assertEquals(ExitCode.DONE, good().exitCode());
    job = (values, session) -> Optional.of(summary(Map.of("prompt_empty", 1L), false));
    assertEquals(ExitCode.DONE, good().exitCode());
    assertEquals(ExitCode.ROWS_FAILED, good("--strict").exitCode());
    job = (values, session) -> Optional.of(summary(Map.of(), true));
    assertEquals(ExitCode.STOPPED, good("--strict").exitCode());
    job = (values, session) -> Optional.empty();
    assertEquals(ExitCode.DONE, good().exitCode());
  }

  @Test
  void failuresAreOneLineAndATraceOnlyWhenAsked() {
    job =
        (values, session) -> {
          throw new RuntimeException("task\nfailed", InferenceErrors.modelNotFound("m", "there is\nno such folder"));
        };
    Result result = good();
    assertEquals(ExitCode.FAILED, result.exitCode());
    assertEquals(1, result.err().lines().count(), result.err());
    assertTrue(result.err().startsWith("winnow: Cannot open the model m: there is no such folder. Give"), result.err());
    Result verbose = good("--verbose");
    assertTrue(verbose.err().contains("\tat io.winnow"), verbose.err());
    job =
        (values, session) -> {
          throw new IllegalStateException();
        };
    assertTrue(good().err().startsWith("winnow: IllegalStateException. Run again with --verbose"));
  }

  @Test
  void usageErrorsFoundByTheJobExitWithTwo() {
    job =
        (values, session) -> {
          throw new RuntimeException(new io.winnow.inference.conf.UsageException("No such column."));
        };
    refuses(good(), "No such column.");
  }

  @Test
  void helpNamesEverySettingWithItsDefault() {
    for (String[] args : List.of(
        new String[] {"generate", "--help"}, new String[] {"help", "generate"}, new String[] {"generate", "-h"})) {
      Result result = run(args);
      assertEquals(ExitCode.DONE, result.exitCode(), result.err());
      for (Setting<?> setting : GenerateSettings.ALL) {
        assertTrue(result.out().contains("  " + setting.option()), setting::toString);
      }
      assertTrue(result.out().replaceAll("\\s+", " ").contains("Default: 0.95."), result.out());
      assertTrue(result.out().lines().allMatch(line -> line.length() <= 100), result.out());
    }
    assertTrue(run("--help").out().contains("doctor"));
    assertEquals("winnow 1.2.3", run("--version").out().strip());
  }

  @Test
  void doctorSaysWhatIsThere() {
    Result result = run("doctor");
    assertEquals(ExitCode.DONE, result.exitCode(), result.out());
    for (String name
        : List.of("java: ", "cores: ", "memory: ", "container: ", "spark: 4.", "tmp folder: ", "kernels: java",
            "available: ")) {
      assertTrue(result.out().contains(name), name + " in " + result.out());
    }
    assertTrue(DoctorCommand.tmpTrouble(java.nio.file.Path.of("/no/such/folder")).contains("cannot be written to"));
  }

  @Test
  void doctorSaysWhetherAModelFits() {
    String model = java.nio.file.Path.of(System.getProperty("winnow.root"), "examples", "model").toString();
    Result fits = run("doctor", "--model", model, "--max-sequences", "4", "--kv-cache-tokens", "1000");
    assertEquals(ExitCode.DONE, fits.exitCode(), fits.out() + fits.err());
    for (String line
        : List.of(
            "available: ", "sequences: 4 decoded together", "weights: ", "kv cache: 1,000 tokens, ", "scratch: ",
            "total: ", "verdict: fits")) {
      assertTrue(fits.out().contains(line), line + " in " + fits.out());
    }
    Result over = run("doctor", "--model", model, "--kv-cache-tokens", "2000000000");
    assertEquals(ExitCode.FAILED, over.exitCode());
    assertTrue(over.out().contains("verdict: does not fit - Leave --kv-cache-tokens out"), over.out());
    Result none = run("doctor", "--model", "no/such/model");
    assertEquals(ExitCode.FAILED, none.exitCode());
    assertTrue(none.err().startsWith("winnow: Cannot open the model no/such/model"), none.err());
    assertEquals(1, none.err().lines().count());
    assertEquals(ExitCode.USAGE, run("doctor", "--model", "a", "--model", "b").exitCode());
  }
}
