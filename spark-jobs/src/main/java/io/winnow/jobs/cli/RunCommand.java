// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.RunSettings;
import io.winnow.inference.conf.SessionSettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.job.BuildFacts;
import io.winnow.jobs.recipe.PlannedStep;
import io.winnow.jobs.recipe.Recipe;
import io.winnow.jobs.recipe.RecipePlan;
import io.winnow.jobs.recipe.RecipeRecord;
import io.winnow.jobs.recipe.RecipeSchema;
import io.winnow.jobs.recipe.StepCommand;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;

/** {@code winnow run}: the steps of a recipe, each a command of this program. */
public final class RunCommand implements Command {
  private final Map<String, Command> commands = new LinkedHashMap<>();
  private final Supplier<String> kernelsRefusal;

  /**
   * @param commands that steps may use
   * @param kernelsRefusal why commands that use the kernels cannot do so here; null if they can
   */
  public RunCommand(List<Command> commands, Supplier<String> kernelsRefusal) {
    commands.forEach(command -> this.commands.put(command.name(), command));
    this.kernelsRefusal = kernelsRefusal;
  }

  @Override
  public String name() {
    return "run";
  }

  @Override
  public String summary() {
    return "Runs the steps of a recipe (YAML) in their order, and of those only what is not up to date.";
  }

  @Override
  public List<Setting<?>> settings() {
    return RunSettings.ALL;
  }

  @Override
  public Setting<?> operand() {
    return RunSettings.RECIPE;
  }

  @Override
  public List<String> examples() {
    return List.of(
        "winnow run conf/recipes/r1-distill-math.yaml --dry-run",
        "winnow run conf/recipes/r1-distill-math.yaml --param out=target/r1 --set traces.samples=8",
        "winnow run conf/recipes/r1-distill-math.yaml --from rates",
        "winnow run --schema > recipe.schema.json");
  }

  @Override
  public void validate(SettingValues values) {
    if (!values.get(RunSettings.SCHEMA)) {
      values.get(RunSettings.RECIPE);
    }
  }

  @Override
  public int run(SettingValues values, Session session) throws Exception {
    List<StepCommand> known = commands.values().stream().map(RunCommand::known).toList();
    if (values.get(RunSettings.SCHEMA)) {
      session.out().print(RecipeSchema.of(known));
      return ExitCode.DONE;
    }
    String file = values.get(RunSettings.RECIPE);
    Recipe recipe = Recipe.parse(file, values.content(RunSettings.RECIPE).orElseThrow(), known);
    Function<String, String> conf =
        CommandLineRunner.lookUp(SessionSettings.pairs(values.get(SessionSettings.CONF)));
    RecipePlan plan =
        RecipePlan.of(
            recipe, values.get(RunSettings.PARAM), values.get(RunSettings.SET), System::getenv, conf);
    List<PlannedStep> steps =
        plan.selected(values.get(RunSettings.ONLY), values.find(RunSettings.FROM).orElse(null));
    RecipeRecord record =
        RecipeRecord.open(
            Path.of(values.get(RunSettings.RECORD), fileName(recipe.name()) + ".json"),
            line -> session.err().println("winnow: " + line));
    RecipeRun run =
        new RecipeRun(
            plan, record, commands, conf, BuildFacts.version(),
            () -> CommandLineRunner.checkKernels(kernelsRefusal.get()));
    if (values.get(RunSettings.DRY_RUN)) {
      run.show(steps, values.get(RunSettings.FORCE), session);
      return ExitCode.DONE;
    }
    return run.run(steps, values.get(RunSettings.FORCE), session);
  }

  private static String fileName(String recipe) {
    if (recipe.isBlank()) {
      throw new UsageException("Cannot use the recipe: its 'name' is empty. Leave it out to take that of the file.");
    }
    return recipe.replaceAll("[^A-Za-z0-9._-]", "-").replaceFirst("^\\.+", "-");
  }

  private static StepCommand known(Command command) {
    return new StepCommand(command.name(), command.summary(), command.settings(), command::validate);
  }
}
