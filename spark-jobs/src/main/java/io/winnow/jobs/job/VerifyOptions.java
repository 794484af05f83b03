// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.inference.conf.VerifySettings;
import io.winnow.jobs.input.RowSource;
import io.winnow.jobs.verify.VerifierSpec;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * How the rows of a data set are judged: who judges, and which cell of an {@link io.winnow.jobs.input.InputRow} is
 * what. Cells that are not asked for have the place −1.
 *
 * @param verifier who judges where the row does not say; null where each row must
 * @param majority whether the majority of a prompt is asked for
 * @param goldsOptional whether a row without a gold is left without a verdict
 * @param completion the cell of the completion
 * @param gold of the gold or golds
 * @param ownVerifier of the verifier's name
 * @param ownParams of the verifier's parameters
 * @param group of what rows of a prompt have alike
 * @param columns names by cell
 */
record VerifyOptions(
    VerifierSpec verifier, boolean majority, boolean goldsOptional, int completion, int gold, int ownVerifier,
    int ownParams, int group, List<String> columns)
    implements Serializable {

  /** The verifiers that settings name, with the parameters that {@code --config} and {@code --compat} stand for. */
  static List<VerifierSpec> verifiers(SettingValues values) {
    Map<String, String> math = new TreeMap<>();
    values.find(VerifySettings.CONFIG).ifPresent(config -> math.put("config", config));
    values.find(VerifySettings.COMPAT).ifPresent(compat -> math.put("compat", compat));
    List<VerifierSpec> all = new ArrayList<>();
    boolean used = false;
    for (String text : values.get(VerifySettings.VERIFIER)) {
      try {
        VerifierSpec spec = VerifierSpec.read(text);
        if (spec.name().equals("math")) {
          spec = spec.with(math);
          used = true;
        }
        spec.verifier();
        all.add(spec);
      } catch (IllegalArgumentException e) {
        throw new UsageException("Cannot use --verifier '" + text + "': " + e.getMessage(), e);
      }
    }
    if (!math.isEmpty() && !used) {
      throw new UsageException(
          "Cannot use --config and --compat here: they are parameters of verifier math. Give --verifier math, or leave"
              + " them out.");
    }
    return all;
  }

  /** What settings say of the rows of a data set. */
  static VerifyOptions of(SettingValues values) {
    List<VerifierSpec> specs = verifiers(values);
    boolean majority = values.get(VerifySettings.MAJORITY);
    List<RowSource.Wanted> wanted = wanted(values);
    List<String> options = wanted.stream().map(RowSource.Wanted::option).toList();
    return new VerifyOptions(
        specs.isEmpty() ? null : specs.get(0), majority, majority && !values.isGiven(VerifySettings.GOLD_COLUMN),
        options.indexOf(VerifySettings.COMPLETION_COLUMN.option()),
        options.indexOf(VerifySettings.GOLD_COLUMN.option()),
        options.indexOf(VerifySettings.VERIFIER_COLUMN.option()),
        options.indexOf(VerifySettings.VERIFIER_PARAMS_COLUMN.option()),
        options.indexOf(VerifySettings.GROUP_COLUMN.option()),
        wanted.stream().map(RowSource.Wanted::column).toList());
  }

  /** The columns that are read, in the order of the cells. */
  static List<RowSource.Wanted> wanted(SettingValues values) {
    // What holds traces has its own names.
    boolean traces = values.canonical().containsKey(VerifySettings.TRACES.name());
    List<RowSource.Wanted> wanted = new ArrayList<>();
    add(wanted, values, VerifySettings.COMPLETION_COLUMN, traces ? "text" : null);
    boolean optional = values.get(VerifySettings.MAJORITY) && !values.isGiven(VerifySettings.GOLD_COLUMN);
    wanted.add(
        new RowSource.Wanted(
            VerifySettings.GOLD_COLUMN.option(), values.get(VerifySettings.GOLD_COLUMN), optional));
    add(wanted, values, VerifySettings.VERIFIER_COLUMN, null);
    add(wanted, values, VerifySettings.VERIFIER_PARAMS_COLUMN, null);
    add(wanted, values, VerifySettings.GROUP_COLUMN, traces ? "prompt_id" : null);
    return List.copyOf(wanted);
  }

  private static void add(
      List<RowSource.Wanted> wanted, SettingValues values, Setting<String> setting, String byItself) {
    String column = byItself != null && !values.isGiven(setting) ? byItself : values.find(setting).orElse(null);
    if (column != null) {
      wanted.add(new RowSource.Wanted(setting.option(), column));
    }
  }
}
