// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.explode;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.not;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.trim;

import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.RouteRule;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.input.Prompts;
import io.winnow.jobs.table.TraceTable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.storage.StorageLevel;

/**
 * Shares prompts out among teachers by a {@link RouteRule}. A share is a function of the prompts' columns or, where
 * prompts go up from teacher to teacher, of the verdicts that the table holds: a run that goes on after an end of any
 * kind shares out as one that never ended.
 */
final class PromptRoutes {
  private static final int EXAMPLES = 3;

  private final SparkSession spark;
  private final RouteRule rule;
  private final List<Teacher> teachers;
  private final Prompts prompts;
  private final boolean carried;

  private PromptRoutes(
      SparkSession spark, RouteRule rule, List<Teacher> teachers, Prompts prompts, boolean carried) {
    this.spark = spark;
    this.rule = rule;
    this.teachers = teachers;
    this.prompts = prompts;
    this.carried = carried;
  }

  /**
   * The prompts of a run, with the rule's column kept, whether or not the table gets it.
   *
   * @param values settings of the run
   * @throws UsageException when they cannot be used as asked
   */
  static VersionedPrompts opened(SparkSession spark, SettingValues values, RouteRule rule) {
    try {
      return VersionedPrompts.open(spark, reading(values, rule));
    } catch (UsageException e) {
      // The part that looks for columns speaks of the option that asked for it.
      String asked = "--keep-columns '" + rule.column() + "'";
      boolean own = rule.column() != null && !values.get(GenerateSettings.KEEP_COLUMNS).contains(rule.column());
      throw own && e.getMessage().contains(asked)
          ? new UsageException(e.getMessage().replace(asked, "--route with the column '" + rule.column() + "'"), e)
          : e;
    }
  }

  private static SettingValues reading(SettingValues values, RouteRule rule) {
    List<String> keep = values.get(GenerateSettings.KEEP_COLUMNS);
    if (rule.column() == null || keep.contains(rule.column()) || keep.contains("*")) {
      return values;
    }
    List<String> more = new ArrayList<>(keep);
    more.add(rule.column());
    return values.with(GenerateSettings.KEEP_COLUMNS, GenerateSettings.KEEP_COLUMNS.text(more));
  }

  /**
   * The routes of a run.
   *
   * @param values settings of the run
   * @param prompts as {@link #opened} gives them
   * @throws UsageException when the rule's column names no teacher for some prompt, or is no number
   */
  static PromptRoutes of(
      SparkSession spark, SettingValues values, RouteRule rule, List<Teacher> teachers, Prompts prompts) {
    List<String> keep = values.get(GenerateSettings.KEEP_COLUMNS);
    boolean carried = rule.column() != null && !keep.contains(rule.column()) && !keep.contains("*");
    PromptRoutes routes = new PromptRoutes(spark, rule, ordered(rule, teachers), prompts, carried);
    if (rule.column() != null) {
      routes.check();
    }
    return routes;
  }

  /** The teachers in the order in which they are asked. */
  List<Teacher> teachers() {
    return teachers;
  }

  private static List<Teacher> ordered(RouteRule rule, List<Teacher> teachers) {
    return rule.kind() == RouteRule.Kind.CHEAPEST
        ? teachers.stream().sorted(Comparator.comparingDouble(teacher -> teacher.price().rank())).toList()
        : teachers;
  }

  private Column column() {
    return col("kept").getField(rule.column());
  }

  private void check() {
    if (prompts.kept().stream().noneMatch(field -> field.name().equals(rule.column()))) {
      throw new UsageException(
          "Cannot use --route with the column '" + rule.column() + "': it is one that the traces hold anyway. Name"
              + " another column of the prompts.");
    }
    if (rule.kind() == RouteRule.Kind.COLUMN) {
      Map<String, Integer> known = places();
      Column name = trim(column().cast("string"));
      Dataset<Row> unknown =
          prompts.rows().filter(
              name.isNotNull().and(name.notEqual("")).and(not(name.isin(known.keySet().toArray()))));
      refuse(unknown, name, "names no teacher of this run. The teachers are " + String.join(", ", shown()));
    } else {
      Column number = column().cast("double");
      refuse(
          prompts.rows().filter(column().isNotNull().and(number.isNull().or(number.isNaN()))), column().cast("string"),
          "is no number, as --route difficulty needs it");
    }
  }

  private void refuse(Dataset<Row> wrong, Column value, String why) {
    List<Row> some =
        wrong.select(col("prompt_id"), value).orderBy("prompt_id").limit(EXAMPLES).collectAsList();
    if (!some.isEmpty()) {
      String examples =
          some.stream().map(row -> "'" + row.get(1) + "' of prompt " + row.getString(0))
              .collect(Collectors.joining(", "));
      throw new UsageException(
          "Cannot use --route with the column '" + rule.column() + "': its value " + why + "; so for " + wrong.count()
              + " prompts, for example " + examples + ".");
    }
  }

  private List<String> shown() {
    return teachers.stream().map(teacher -> teacher.names().iterator().next()).toList();
  }

  /** The teachers' places by all names that mean one of them alone. */
  private Map<String, Integer> places() {
    Map<String, Integer> out = new HashMap<>();
    TreeSet<String> twice = new TreeSet<>();
    for (int i = 0; i < teachers.size(); i++) {
      for (String name : teachers.get(i).names()) {
        if (out.put(name, i) != null) {
          twice.add(name);
        }
      }
    }
    out.keySet().removeAll(twice);
    return out;
  }

  /** The prompts of a teacher by their columns alone: for rules that escalate, all. */
  Prompts share(int teacher) {
    Dataset<Row> rows = prompts.rows();
    if (rule.kind() == RouteRule.Kind.COLUMN) {
      Column name = trim(column().cast("string"));
      Object[] own =
          places().entrySet().stream().filter(e -> e.getValue() == teacher).map(Map.Entry::getKey).toArray();
      Column mine = name.isin(own);
      rows = rows.filter(teacher == 0 ? coalesce(mine.or(name.equalTo("")), lit(true)) : coalesce(mine, lit(false)));
    } else if (rule.kind() == RouteRule.Kind.DIFFICULTY) {
      Column number = column().cast("double");
      List<Double> bounds = rule.bounds();
      Column mine = teacher == 0 ? lit(true) : number.geq(bounds.get(teacher - 1));
      mine = teacher == bounds.size() ? mine : mine.and(number.lt(bounds.get(teacher)));
      rows = rows.filter(coalesce(mine, lit(teacher == 0)));
    }
    return rows == prompts.rows() && !carried ? prompts : prompts.of(withoutCarried(rows), kept());
  }

  private List<StructField> kept() {
    return carried
        ? prompts.kept().stream().filter(field -> !field.name().equals(rule.column())).toList()
        : prompts.kept();
  }

  private Dataset<Row> withoutCarried(Dataset<Row> rows) {
    if (!carried) {
      return rows;
    }
    Column[] left = kept().stream().map(field -> col("kept").getField(field.name())).toArray(Column[]::new);
    return left.length == 0 ? rows.drop("kept") : rows.withColumn("kept", struct(left));
  }

  /**
   * What of a share goes up: the prompts of which no wanted trace is correct. Prompts that could not be read stay,
   * since nobody can answer them; and so do those with a trace that failed and may be tried again, because what the
   * teacher makes of them is not known yet.
   *
   * @param share prompts of the teacher
   * @param encoded the same with their trace ids
   * @param table the rows that the teacher has there count, as of now
   */
  Prompts unsolved(Prompts share, Dataset<Row> encoded, TraceTable table) {
    Dataset<Row> wanted = encoded.select(col("prompt_id"), explode(col("trace_ids")).as("trace_id"));
    Column open = coalesce(col("error.next_action").equalTo("retry"), lit(false));
    Dataset<Row> there =
        table.read(spark, table.version())
            .filter(coalesce(col("correct"), lit(false)).or(open))
            .select("prompt_id", "trace_id");
    // Few columns and one row a prompt; it is asked for some times while the next teacher's rows come in.
    Dataset<Row> settled =
        wanted.join(there, new String[] {"prompt_id", "trace_id"}, "left_semi").select("prompt_id").distinct()
            .persist(StorageLevel.DISK_ONLY());
    Dataset<Row> rows =
        share.rows().filter(col("error").isNull()).join(settled, new String[] {"prompt_id"}, "left_anti");
    return share.of(rows, share.kept());
  }
}
