// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.PassRateSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.inference.conf.VerifySettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What recipes mean, and how their mistakes are told. */
class RecipeTest {
  private static final List<StepCommand> COMMANDS =
      List.of(
          new StepCommand("generate", "Generates.", GenerateSettings.ALL, GenerateSettings::validate),
          new StepCommand("verify", "Verifies.", VerifySettings.ALL, VerifySettings::validate));
  private static final String GOOD =
      """
      name: mini
      params:
        out: target/mini
        samples: 4
        verifiers: [math]
        stops: [a, "b,c"]
        model:
      steps:
        - name: judged
          uses: verify
          with:
            in: ${steps.traces.out}
            gold-column: gold
            completion-column: text
            verifier: ${params.verifiers}
            out: ${params.out}/judged
        - name: traces
          uses: generate
          with:
            prompts: ${recipe.dir}/prompts.jsonl
            model: ${params.model}
            samples: ${params.samples}
            temperature: 0.70
            stop: ${params.stops}
            template-arg: {mark: "!", n: 3}
            retry-failed: [all]
            stop-token-ids: [7, 9]
            verify: math
            out: ${params.out}/traces
      """;

  @TempDir Path folder;

  private static RecipePlan plan(String yaml, List<String> params, List<String> sets) {
    Recipe recipe = Recipe.parse("conf/mini.yaml", yaml, COMMANDS);
    return RecipePlan.of(recipe, params, sets, Map.of("HERE", "there")::get, key -> null);
  }

  private static RecipePlan plan(String yaml) {
    return plan(yaml, List.of("model=m.gguf"), List.of());
  }

  @Test
  void stepsFollowWhatTheyReferToAndValuesAreBound() {
    RecipePlan plan = plan(GOOD);
    assertEquals(List.of("traces", "judged"), plan.steps().stream().map(PlannedStep::name).toList());
    PlannedStep traces = plan.steps().get(0);
    assertEquals(Set.of(), traces.needs());
    assertEquals(
        Map.of(
            "prompts", List.of("conf/prompts.jsonl"), "model", List.of("m.gguf"), "samples", List.of("4"),
            "temperature", List.of("0.70"), "stop", List.of("a", "b,c"), "template-arg", List.of("mark=!", "n=3"),
            "retry-failed", List.of("all"), "stop-token-ids", List.of("7,9"), "verify", List.of("math"), "out",
            List.of("target/mini/traces")),
        traces.options());
    assertEquals(Set.of("traces"), plan.steps().get(1).needs());
    assertEquals(List.of("target/mini/traces"), plan.steps().get(1).options().get("in"));
    SettingValues values = traces.values(key -> null);
    assertEquals(0.7, values.get(GenerateSettings.TEMPERATURE));
    assertEquals(List.of("a", "b,c"), values.get(GenerateSettings.STOP));
  }

  @Test
  void parametersAndOptionsAreGivenOnTheCommandLine() {
    RecipePlan plan =
        plan(
            GOOD, List.of("model=${env.HERE}/$$m", "samples=2", "stops=x", "stops=y"),
            List.of("traces.seed=5", "traces.temperature=", "traces.retry-failed=a", "traces.retry-failed=b"));
    Map<String, List<String>> options = plan.steps().get(0).options();
    assertEquals(List.of("there/$m"), options.get("model"));
    assertEquals(List.of("2"), options.get("samples"));
    assertEquals(List.of("x", "y"), options.get("stop"));
    assertEquals(List.of("5"), options.get("seed"));
    assertNull(options.get("temperature"));
    assertEquals(List.of("a", "b"), options.get("retry-failed"));
    assertEquals(List.of("judged"), names(plan.selected(List.of("judged"), null)));
    assertEquals(List.of("judged"), names(plan.selected(List.of(), "judged")));
    assertEquals(List.of("traces", "judged"), names(plan.selected(List.of(), null)));
  }

  private static List<String> names(List<PlannedStep> steps) {
    return steps.stream().map(PlannedStep::name).toList();
  }

  /** A line is put in the place of another; what is said names file, line and column of what is wrong. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "name: mini | nane: mini | conf/mini.yaml:1:1: unknown key 'nane' of a recipe. Did you mean 'name'?",
        "uses: verify | uses: verfy | conf/mini.yaml:10:11: step judged: there is no command 'verfy'. Did you mean 'verify'?",
        "gold-column: gold | gold-colum: gold | conf/mini.yaml:13:7: step judged: there is no option 'gold-colum' of"
            + " verify. Did you mean 'gold-column'?",
        "samples: ${params.samples} | samples: many | conf/mini.yaml:22:16: step traces: samples: Cannot use --samples"
            + " 'many'",
        "samples: ${params.samples} | samples: [1, 2] | Cannot use --samples 2 times",
        "samples: ${params.samples} | samples: | conf/mini.yaml:22:15: step traces: samples: it has no value",
        "samples: ${params.samples} | samples: {a: 1} | it must be a value or a list of values, not a map",
        "samples: ${params.samples} | samples: ${params.sample} | there is no parameter 'sample'. Did you mean 'samples'?",
        "samples: ${params.samples} | master: local | step traces: 'master' belongs to the whole run: give --master to",
        "samples: ${params.samples} | dry-run: true | step traces: 'dry-run' belongs to the whole run",
        "samples: ${params.samples} | system-prompt: ${env.NOWHERE} | the environment has no NOWHERE; export it",
        "samples: ${params.samples} | system-prompt: ${params.stops}! | ${params.stops} is a list, which cannot stand",
        "samples: ${params.samples} | system-prompt: ${what.ever} | ${what.ever} is no reference",
        "samples: ${params.samples} | samples: *four | aliases (*name) are not read",
        "in: ${steps.traces.out} | in: ${steps.trace.out} | there is no step 'trace'. Did you mean 'traces'?",
        "in: ${steps.traces.out} | in: ${steps.traces.our} | step traces is not given 'our'. Did you mean 'out'?",
        "name: judged | name: Judged | conf/mini.yaml:9:11: a step needs a 'name' of lower-case letters",
        "name: judged | name: traces | there are two steps of the name 'traces'",
        "uses: verify | with: {} | conf/mini.yaml:11:5: the key 'with' is there twice",
        "out: target/mini | out: ${params.out} | ${params.out} is defined by itself",
        "out: target/mini | Out: target/mini | conf/mini.yaml:3:3: the parameter 'Out' must be named by lower-case",
        "retry-failed: [all] | sample-blocks: [2] | step traces: Cannot use --sample-blocks without --stop-when",
        "steps: | steps: 3 | it is no YAML",
      })
  void mistakesAreToldWithTheirPlace(String line, String other, String expected) {
    assertTrue(GOOD.contains(line + "\n"), line);
    UsageException e =
        assertThrows(UsageException.class, () -> plan(GOOD.replaceFirst(java.util.regex.Pattern.quote(line) + "\n",
            java.util.regex.Matcher.quoteReplacement(other == null ? "" : other) + "\n")));
    assertTrue(e.getMessage().contains(expected), e.getMessage());
    assertFalse(e.getMessage().contains(".."), e.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'' | it is empty",
        "'# nothing' | it is empty",
        "'steps: []' | x.yaml:1:8: 'steps' must be a list of steps",
        "'- a' | x.yaml:1:1: a recipe must be a map of keys and values, not a list",
        "'steps: [a]' | x.yaml:1:9: a step must be a map of keys and values, not 'a'",
        "'steps: [{name: a}]' | step a: it needs 'uses' with a command. Commands: generate, verify",
        "'steps: [{name: a, uses: verify, needs: b}]' | step a: there is no step 'b'",
        "'steps: [{name: a, uses: verify, needs: a}]' | need each other in a circle: a",
        "'steps: [{name: a, uses: verify, when: maybe}]' | step a: when: it must come to true or false, not [maybe]",
      })
  void whatIsNoRecipeIsRefused(String yaml, String expected) {
    UsageException e =
        assertThrows(
            UsageException.class,
            () ->
                RecipePlan.of(
                    Recipe.parse("x.yaml", yaml, COMMANDS), List.of(), List.of(), name -> null, key -> null));
    assertTrue(e.getMessage().contains(expected), e.getMessage());
  }

  @Test
  void wrongWordsOfTheCommandLineAreToldAsWell() {
    assertTrue(refused(List.of("modle=x"), List.of()).contains("no such parameter. Did you mean 'model'?"));
    assertTrue(refused(List.of(), List.of()).contains("the parameter has no value; give --param model=VALUE"));
    List<String> model = List.of("model=m");
    assertTrue(refused(model, List.of("trace.seed=1")).contains("there is no step 'trace'. Did you mean 'traces'?"));
    assertTrue(refused(model, List.of("traces.sed=1")).contains("--set traces.sed: step traces: there is no option 'sed'"));
    assertTrue(refused(model, List.of("traces.seed=x")).contains("--set traces.seed: step traces: seed: Cannot use"));
    assertTrue(refused(model, List.of("seed=1")).contains("it must be STEP.OPTION=VALUE"));
    RecipePlan plan = plan(GOOD);
    assertThrows(UsageException.class, () -> plan.selected(List.of("none"), null));
    assertThrows(UsageException.class, () -> plan.selected(List.of(), "none"));
  }

  private static String refused(List<String> params, List<String> sets) {
    return assertThrows(UsageException.class, () -> plan(GOOD, params, sets)).getMessage();
  }

  @Test
  void aStepThatIsLeftOutCannotBeNeeded() {
    String off = GOOD.replace("uses: generate\n", "uses: generate\n    when: ${params.samples}\n");
    String message =
        assertThrows(UsageException.class, () -> plan(off, List.of("model=m", "samples=false"), List.of("traces.samples=1")))
            .getMessage();
    assertTrue(message.contains("step judged needs step traces, which its 'when' leaves out"), message);
  }

  @Test
  void aRecordTellsWhatHasChanged() throws IOException {
    Path file = folder.resolve("record/mini.json");
    List<String> warnings = new ArrayList<>();
    PlannedStep step = plan(GOOD).steps().get(0);
    Map<String, String> states = new HashMap<>(Map.of("conf/prompts.jsonl", "1", "m.gguf", "2", "target/mini/traces", "3"));
    RecipeRecord record = RecipeRecord.open(file, warnings::add);
    RecipeRecord.Done now = now(step, states);
    assertEquals(Map.of("conf/prompts.jsonl", "1", "m.gguf", "2"), now.inputs());
    assertEquals("3", now.output());
    assertEquals("never ran", record.why(step, now));
    record.put(step, now);
    record = RecipeRecord.open(file, warnings::add);
    assertNull(record.why(step, now(step, states)));
    states.put("m.gguf", "4");
    assertEquals("changed input: m.gguf", record.why(step, now(step, states)));
    states.put("m.gguf", "2");
    states.put("target/mini/traces", "5");
    assertEquals("its output was changed by others", record.why(step, now(step, states)));
    states.remove("target/mini/traces");
    assertEquals("its output is gone", record.why(step, now(step, states)));
    states.put("target/mini/traces", "3");
    PlannedStep more = plan(GOOD, List.of("model=m.gguf", "samples=8"), List.of()).steps().get(0);
    assertEquals("changed setting: samples (4 before, now 8)", record.why(more, now(more, states)));
    // What does not affect the output is no reason; another output is another entry.
    PlannedStep faster = plan(GOOD, List.of("model=m.gguf"), List.of("traces.threads=1")).steps().get(0);
    assertNull(record.why(faster, now(faster, states)));
    PlannedStep elsewhere = plan(GOOD, List.of("model=m.gguf", "out=b"), List.of()).steps().get(0);
    assertEquals("never ran", record.why(elsewhere, now(elsewhere, states)));
    record.forget(step);
    assertEquals("never ran", RecipeRecord.open(file, warnings::add).why(step, now(step, states)));
    assertEquals(List.of(), warnings);
    Files.writeString(file, "{");
    assertNotNull(RecipeRecord.open(file, warnings::add));
    assertEquals(1, warnings.size());
  }

  private static RecipeRecord.Done now(PlannedStep step, Map<String, String> states) {
    return RecipeRecord.now(step, step.values(key -> null), "1", states::get);
  }

  @Test
  void benchmarksAreInputsByTheirPath() {
    assertEquals(Set.of("math=a/b.parquet:question", "a/b.parquet:question", "a/b.parquet"),
        InputPlaces.in("math=a/b.parquet:question"));
    // A folder needs neither slash nor dot.
    assertEquals(Set.of("rates"), InputPlaces.in("rates"));
    assertTrue(InputPlaces.in("math=a.jsonl:q:r").contains("a.jsonl"), "columns have colons");
    assertEquals(Set.of(), InputPlaces.in("qwen@http://127.0.0.1:8000/v1"));
  }

  /** They lie beside the traces, whose own commits do not tell of them. */
  @Test
  void verdictsThatAStepReadsAreItsInput() {
    StepCommand rate = new StepCommand("pass-rate", "Rates.", PassRateSettings.ALL, PassRateSettings::validate);
    String yaml = "steps: [{name: r, uses: pass-rate, with: {traces: a/t, verifier: math, out: a/r}}]";
    PlannedStep step =
        RecipePlan.of(
                Recipe.parse("r.yaml", yaml, List.of(rate)), List.of(), List.of(), key -> null, key -> null)
            .steps().get(0);
    Map<String, String> states = Map.of("a/t", "1", "a/t/_winnow/verdicts", "2");
    assertEquals(states, now(step, states).inputs());
  }

  @Test
  void theSchemaHasEveryOptionOfAStep() throws IOException {
    JsonNode schema = new ObjectMapper().readTree(RecipeSchema.of(COMMANDS));
    JsonNode options = schema.path("$defs").path("generate").path("properties");
    COMMANDS.get(0).ofStep().forEach(setting -> assertFalse(options.path(setting.name()).isMissingNode(), setting.name()));
    assertTrue(options.path("master").isMissingNode());
    assertEquals("integer", options.path("samples").path("anyOf").get(0).path("type").asText());
    assertEquals("[\"generate\",\"verify\"]",
        schema.path("properties").path("steps").path("items").path("properties").path("uses").path("enum").toString());
  }
}
