// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.conf.DecontaminateSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.jobs.curate.BenchmarkSpec;
import io.winnow.jobs.curate.Wording;
import java.io.Serializable;
import java.util.List;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * What {@code decontaminate} looks for.
 *
 * @param columns of the texts, at least one
 * @param benchmarks their names, in the order given
 * @param words of an n-gram
 * @param cleanup whether contaminated rows are left out
 */
record DecontaminateOptions(
    List<String> columns, List<String> benchmarks, Wording wording, int words, boolean cleanup)
    implements Serializable {
  /** Another text means that the same input may give something else. */
  static final String VERSION = "decontaminate 1";
  /** The method of evidence of whole texts. */
  static final String EXACT = "exact";

  static DecontaminateOptions of(SettingValues values, List<BenchmarkSpec> benchmarks) {
    return new DecontaminateOptions(
        DecontaminateSettings.columns(values), benchmarks.stream().map(BenchmarkSpec::name).toList(),
        values.get(DecontaminateSettings.MODE).equals("strict") ? Wording.STRICT : Wording.OPEN_R1,
        DecontaminateSettings.words(values), values.get(DecontaminateSettings.CLEANUP));
  }

  /** The method of evidence of n-grams. */
  String ngramMethod() {
    return words + "-gram";
  }

  /** The columns that are added, before any prefix. */
  StructType schema() {
    StructType evidence =
        new StructType()
            .add("benchmark", DataTypes.StringType, false)
            .add("row", DataTypes.LongType, false)
            .add("span", DataTypes.StringType, false)
            .add("method", DataTypes.StringType, false);
    if (columns.size() > 1) {
      evidence = evidence.add("column", DataTypes.StringType, false);
    }
    return new StructType()
        .add("contaminated", DataTypes.BooleanType)
        .add("evidence", DataTypes.createArrayType(evidence, false));
  }
}
