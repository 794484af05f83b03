// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.RuntimeSpec;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.TeacherSettings;
import io.winnow.inference.udf.EngineHost;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;

/**
 * Which teachers of a run work at the same time: those of different lanes do, those of one lane take turns. Endpoints
 * wait for others anyway, so each has a lane. Embedded models have one each where their engines fit into an executor
 * side by side, each with its share of memory and threads; else they share a lane, and each has all of the executor in
 * its turn.
 */
final class TeacherLanes {
  private TeacherLanes() {}

  /** A teacher and its place in the order in which teachers are asked. */
  record Place(int number, Teacher teacher) {}

  /**
   * The lanes of a run.
   *
   * @param inTurn whether teachers wait for the verdicts of those before them
   * @param told gets a line where embedded models take turns
   */
  static List<List<Place>> of(
      SparkSession spark, SettingValues values, List<Teacher> teachers, boolean inTurn, Consumer<String> told) {
    List<Place> all = new ArrayList<>();
    for (int i = 0; i < teachers.size(); i++) {
      all.add(new Place(i, teachers.get(i)));
    }
    int slots = spark.sparkContext().defaultParallelism();
    if (inTurn || values.get(TeacherSettings.SIDE_BY_SIDE).equals("off") || slots < 2) {
      return List.of(all);
    }
    List<Place> embedded = all.stream().filter(place -> runtime(place) instanceof EngineSpec).toList();
    List<EngineSpec> specs = embedded.stream().map(place -> (EngineSpec) runtime(place)).toList();
    List<EngineSpec> sized = specs.size() < 2 ? specs : sized(spark, embedded, new ArrayList<>(specs));
    int lanes = all.size() - embedded.size() + (sized.isEmpty() ? Math.min(1, embedded.size()) : embedded.size());
    if (lanes > slots) {
      return List.of(all);
    }
    if (sized.isEmpty() && !embedded.isEmpty()) {
      told.accept(
          specs.size() + " embedded models take turns: they do not fit into an executor's memory, or its threads, side"
              + " by side");
    }
    int partitions = Math.max(1, slots / lanes);
    List<List<Place>> out = new ArrayList<>();
    List<Place> turns = new ArrayList<>();
    for (Place place : all) {
      int at = embedded.indexOf(place);
      RuntimeSpec spec = at < 0 || sized.isEmpty() ? runtime(place) : sized.get(at);
      Place placed = new Place(place.number(), lanes == 1 ? place.teacher() : place.teacher().on(spec, partitions));
      if (at < 0 || !sized.isEmpty()) {
        out.add(List.of(placed));
      } else {
        turns.add(placed);
      }
    }
    if (!turns.isEmpty()) {
      out.add(turns);
    }
    return out;
  }

  private static RuntimeSpec runtime(Place place) {
    return place.teacher().options().runtime();
  }

  /** Asked of an executor, whose memory is the one that counts; executors are taken to be alike. */
  private static List<EngineSpec> sized(SparkSession spark, List<Place> embedded, ArrayList<EngineSpec> specs) {
    if (embedded.stream().anyMatch(place -> place.teacher().options().hosting().enginePerNode())) {
      return List.of();
    }
    return JavaSparkContext.fromSparkContext(spark.sparkContext()).parallelize(List.of(0), 1)
        .map(any -> new ArrayList<>(EngineHost.sideBySide(specs)))
        .collect()
        .get(0);
  }
}
