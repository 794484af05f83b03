// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.jobs.input.PromptSource;
import io.winnow.jobs.input.Prompts;
import io.winnow.jobs.table.TableVersion;
import java.util.OptionalLong;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.SparkSession;

/**
 * Prompts, and the version of the table that they are read from.
 *
 * @param version null for files, and for a table that changed each time it was opened
 */
record VersionedPrompts(Prompts prompts, Long version) {
  /** A table that changes as often while it is opened has no version that one could name. */
  private static final int TRIES = 3;

  /** Some of the prompts, of the same version. */
  VersionedPrompts of(UnaryOperator<Prompts> some) {
    return new VersionedPrompts(some.apply(prompts), version);
  }

  /** Opens them as {@link PromptSource#open} does; the rows stay those of the version, whatever is written later. */
  static VersionedPrompts open(SparkSession spark, SettingValues values) {
    String path = values.get(GenerateSettings.PROMPTS);
    OptionalLong before = TableVersion.of(spark, path);
    for (int tries = 1; ; tries++) {
      Prompts prompts = PromptSource.open(spark, values);
      boolean table = prompts.format().equals("delta") || prompts.format().equals("table");
      if (before.isEmpty() || !table) {
        return new VersionedPrompts(prompts, null);
      }
      OptionalLong after = TableVersion.of(spark, path);
      if (after.equals(before) || tries == TRIES) {
        return new VersionedPrompts(prompts, after.equals(before) ? (Long) before.getAsLong() : null);
      }
      before = after;
    }
  }
}
