// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.ScoreSettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.input.RowSource;
import io.winnow.jobs.reward.Advantages;
import io.winnow.jobs.reward.Reward;
import io.winnow.jobs.reward.Reward.Field;
import io.winnow.jobs.reward.RewardSpec;
import io.winnow.jobs.reward.Rewards;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** Gives the rows of a data set their rewards: {@code score --reward}. */
public final class RewardJob {
  private static final String STEP = "score";

  /**
   * What strict siblings say of a reward's rows.
   *
   * @param column of the reward
   * @param lower rows whose strict reward is lower
   * @param higher rows whose strict reward is higher
   * @param missing rows that have only one of the two
   */
  public record Changes(String column, long lower, long higher, long missing) {}

  /**
   * What was done.
   *
   * @param without rows without a reward, by its column; failed rows are not among them
   * @param changes for each reward with a strict sibling, where the report was asked for
   */
  public record Result(StepResult step, Map<String, Long> without, List<Changes> changes) {}

  private RewardJob() {}

  /**
   * The rewards that are asked for.
   *
   * @throws UsageException for one that cannot be had, or two of one name
   */
  public static List<RewardSpec> specs(SettingValues values) {
    List<RewardSpec> specs = values.get(ScoreSettings.REWARD).stream().map(RewardSpec::parse).toList();
    Set<String> names = new HashSet<>(Set.of("total", "advantage", "score_error"));
    for (RewardSpec spec : specs) {
      if (!names.add(spec.column().toLowerCase(Locale.ROOT))) {
        throw new UsageException(
            "Cannot add the column " + spec.column() + " twice: give one of the rewards another name, for example"
                + " --reward " + spec.name() + ":as=" + spec.column() + "_two.");
      }
    }
    return specs;
  }

  /**
   * Runs the job to its end.
   *
   * @throws UsageException for what cannot be done as asked
   * @throws io.winnow.jobs.table.TableException when something else is at the output's place
   */
  public static Result run(
      SparkSession spark, SettingValues values, BooleanSupplier stop, GenerateJob.Progress progress) {
    Plan plan = plan(values);
    RowStep.Spec step =
        new RowStep.Spec(
            STEP, values.get(ScoreSettings.IN), values.get(ScoreSettings.FORMAT), values.get(ScoreSettings.OUT),
            values.get(ScoreSettings.OUT_FORMAT), plan.wanted(), plan.group(), values.get(ScoreSettings.PREFIX),
            values.affectingOutput(), values.get(GenerateSettings.PARTITIONS));
    return result(
        plan.specs(), RowStep.run(spark, step, plan.function(), stop, progress), values.isGiven(ScoreSettings.REPORT));
  }

  /**
   * A DataFrame with the columns that the job adds; lazy.
   *
   * @throws UsageException for what cannot be done as asked
   */
  public static Dataset<Row> added(Dataset<Row> rows, SettingValues values) {
    Plan plan = plan(values);
    return RowStep.added(
        rows, plan.wanted(), plan.group(), values.get(ScoreSettings.PREFIX), values.get(GenerateSettings.PARTITIONS),
        plan.function());
  }

  private record Plan(List<RewardSpec> specs, List<RowSource.Wanted> wanted, int group, RewardFunction function) {}

  private static Plan plan(SettingValues values) {
    List<RewardSpec> specs = specs(values);
    Set<Field> needs = new HashSet<>();
    boolean grouped = values.isGiven(ScoreSettings.ADVANTAGE);
    for (RewardSpec spec : specs) {
      Reward reward = spec.reward();
      needs.addAll(reward.needs());
      grouped |= reward.ofGroup();
    }
    List<RowSource.Wanted> wanted = new ArrayList<>();
    Map<Field, Integer> places = new EnumMap<>(Field.class);
    want(values, needs, Field.COMPLETION, ScoreSettings.COMPLETION_COLUMN, wanted, places);
    want(values, needs, Field.GOLD, ScoreSettings.GOLD_COLUMN, wanted, places);
    want(values, needs, Field.TOKENS, ScoreSettings.TOKENS_COLUMN, wanted, places);
    if (values.isGiven(ScoreSettings.LANGUAGE_COLUMN)) {
      want(values, needs, Field.LANGUAGE, ScoreSettings.LANGUAGE_COLUMN, wanted, places);
    }
    int group = RowStep.Spec.NO_GROUP;
    if (grouped) {
      group = wanted.size();
      wanted.add(wanted(values, ScoreSettings.GROUP_COLUMN));
    }
    RewardFunction function =
        new RewardFunction(
            specs, places, scale(values), values.get(ScoreSettings.ADVANTAGE_EPSILON),
            values.isGiven(ScoreSettings.REPORT));
    return new Plan(specs, List.copyOf(wanted), group, function);
  }

  private static void want(
      SettingValues values, Set<Field> needs, Field field, Setting<String> setting, List<RowSource.Wanted> wanted,
      Map<Field, Integer> places) {
    if (needs.contains(field)) {
      places.put(field, wanted.size());
      wanted.add(wanted(values, setting));
    }
  }

  private static RowSource.Wanted wanted(SettingValues values, Setting<String> setting) {
    return new RowSource.Wanted(setting.option(), values.get(setting));
  }

  private static Advantages.Scale scale(SettingValues values) {
    return values.find(ScoreSettings.ADVANTAGE)
        .map(name -> Advantages.Scale.valueOf(name.toUpperCase(Locale.ROOT)))
        .orElse(null);
  }

  private static Result result(List<RewardSpec> specs, StepResult step, boolean report) {
    Map<String, Long> without = new LinkedHashMap<>();
    List<Changes> changes = new ArrayList<>();
    for (RewardSpec spec : specs) {
      without.put(spec.column(), step.counts().getOrDefault(RewardFunction.missing(spec), 0L));
      if (report && Rewards.strictSibling(spec.reward()) != null) {
        changes.add(
            new Changes(
                spec.column(), count(step, spec, RewardFunction.Change.LOWER),
                count(step, spec, RewardFunction.Change.HIGHER), count(step, spec, RewardFunction.Change.MISSING)));
      }
    }
    return new Result(step, without, changes);
  }

  private static long count(StepResult step, RewardSpec spec, RewardFunction.Change change) {
    return step.counts().getOrDefault(RewardFunction.name(spec, change), 0L);
  }
}
