// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.recipe;

import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * A step with its options bound.
 *
 * @param place where it stands, for messages
 * @param command what it runs
 * @param options texts by the names of the command's options, as its command line would give them
 * @param needs names of the steps that come before it, those among its references included, in the order of the plan
 * @param enabled whether {@code when} lets it run
 */
public record PlannedStep(
    String name, String place, StepCommand command, Map<String, List<String>> options, Set<String> needs,
    boolean enabled) {

  /**
   * The checked values of its command's settings; files that they name are read now.
   *
   * @param conf looks up a Spark configuration key, null when absent
   * @throws UsageException naming the step when they do not go together
   */
  public SettingValues values(Function<String, String> conf) {
    try {
      SettingValues values = SettingValues.resolve(command.settings(), options, conf);
      command.validate().accept(values);
      return values;
    } catch (UsageException e) {
      throw new UsageException("Cannot use the recipe: " + place + ": step " + name + ": " + e.getMessage(), e);
    }
  }
}
