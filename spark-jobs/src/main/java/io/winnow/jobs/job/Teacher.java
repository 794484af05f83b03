// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.ModelInfo;
import io.winnow.inference.RuntimeSpec;
import io.winnow.inference.conf.ModelDefaults;
import io.winnow.inference.conf.PriceTable;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.TeacherSettings;
import io.winnow.inference.conf.UsageException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * A model of a run, with the settings that are its own.
 *
 * @param values those of the run with this model alone
 * @param options made of them
 * @param price null without prices
 */
record Teacher(SettingValues values, GenerateOptions options, ModelInfo info, PriceTable.Price price) {
  /**
   * The teachers of a run, in the order given.
   *
   * @throws UsageException when one cannot be used as asked, or two of them are the same
   */
  static List<Teacher> of(SettingValues values) {
    List<Teacher> out = new ArrayList<>();
    Set<String> fingerprints = new HashSet<>();
    for (SettingValues own : TeacherSettings.each(values)) {
      Teacher teacher = open(ModelDefaults.applied(own));
      if (!fingerprints.add(teacher.info().fingerprint())) {
        throw new UsageException(
            "Cannot use --model '" + teacher.address() + "' beside another --model of the same content: their traces"
                + " would be the same. Give one of them.");
      }
      out.add(teacher);
    }
    return List.copyOf(out);
  }

  private static Teacher open(SettingValues values) {
    GenerateOptions options = GenerateOptions.of(values);
    ModelInfo info = options.describe(values);
    return new Teacher(values, options, info, options.price(values, info));
  }

  /** The same, in its share of executors. */
  Teacher on(RuntimeSpec runtime, int partitions) {
    return new Teacher(values, options.on(runtime, partitions), info, price);
  }

  /** The model as it was given. */
  String address() {
    return options.model();
  }

  /** What a column may call it, the shortest first: its name, its address, its fingerprint. */
  Set<String> names() {
    return new LinkedHashSet<>(List.of(info.name(), address(), info.fingerprint()));
  }
}
