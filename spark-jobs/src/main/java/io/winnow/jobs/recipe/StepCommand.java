// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.recipe;

import io.winnow.inference.conf.SessionSettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import java.util.List;
import java.util.function.Consumer;

/**
 * A command as recipes know it.
 *
 * @param name what {@code uses} says
 * @param summary one line about it
 * @param settings its options, those of the session among them
 * @param validate checks what depends on several settings, by throwing a UsageException
 */
public record StepCommand(
    String name, String summary, List<Setting<?>> settings, Consumer<SettingValues> validate) {
  private static final String DRY_RUN = "dry-run";

  /** The options that a step may have: those of the session, and whether anything is done, belong to the whole run. */
  List<Setting<?>> ofStep() {
    return settings.stream().filter(setting -> !ofRun(setting)).toList();
  }

  private static boolean ofRun(Setting<?> setting) {
    return SessionSettings.ALL.contains(setting) || setting.name().equals(DRY_RUN);
  }

  /** The option, null if a step cannot have one of this name. */
  Setting<?> find(String option) {
    return ofStep().stream().filter(setting -> setting.name().equals(option)).findFirst().orElse(null);
  }

  /** Whether it is an option of the command that belongs to the whole run. */
  boolean belongsToRun(String option) {
    return settings.stream().anyMatch(setting -> setting.name().equals(option) && ofRun(setting));
  }
}
