// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import java.util.List;

/** One word of the command line. */
public interface Command {
  String name();

  /** One line for the list of commands. */
  String summary();

  /** Its options, those of the session included where it opens one. */
  List<Setting<?>> settings();

  /** The one of its settings that a word without an option gives; null where there is none. */
  default Setting<?> operand() {
    return null;
  }

  /** Whole command lines for the help. */
  default List<String> examples() {
    return List.of();
  }

  /** Whether it computes with the kernels, or tells of them: it is refused where they cannot be had as asked for. */
  default boolean usesKernels() {
    return false;
  }

  /** Whether it does so with these settings. */
  default boolean usesKernels(SettingValues values) {
    return usesKernels();
  }

  /**
   * Checks what depends on several settings, before any session is opened.
   *
   * @throws io.winnow.inference.conf.UsageException when they do not go together
   */
  default void validate(SettingValues values) {}

  /**
   * Does it.
   *
   * @return one of {@link ExitCode}
   * @throws Exception any failure; its message becomes the one line that the user sees
   */
  int run(SettingValues values, Session session) throws Exception;
}
