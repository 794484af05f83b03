// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.refine;

import static org.apache.spark.sql.functions.array;
import static org.apache.spark.sql.functions.array_position;
import static org.apache.spark.sql.functions.array_sort;
import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.collect_list;
import static org.apache.spark.sql.functions.element_at;
import static org.apache.spark.sql.functions.explode;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.not;
import static org.apache.spark.sql.functions.row_number;
import static org.apache.spark.sql.functions.sort_array;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.transform;
import static org.apache.spark.sql.functions.trim;
import static org.apache.spark.sql.functions.when;

import io.winnow.inference.conf.GradedSettings;
import io.winnow.inference.conf.SelectSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.expressions.Window;
import org.apache.spark.sql.expressions.WindowSpec;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StringType;

/** The rows that {@code select} makes of judged samples. docs/SELECT.md. */
final class Selection {
  static final String RANK = "selected_rank";
  static final String DISTANCE = "selected_distance";
  static final String LABEL = "label";
  static final String PAIR_RANK = "pair_rank";

  /** What a pair and a majority have of their own. */
  private static final List<String> PAIR_COLUMNS =
      List.of(
          "prompt_id", "chosen_trace_id", "rejected_trace_id", "chosen", "rejected", "chosen_think_end",
          "rejected_think_end", "chosen_tokens", "rejected_tokens", "chosen_reward", "rejected_reward", PAIR_RANK);
  private static final List<String> MAJORITY_COLUMNS =
      List.of("prompt_id", "gold", "gold_source", "share", "margin", "votes", "n", "classes");

  private static final String ANSWER = "winnow_answer";
  private static final String PLACES = "winnow_places";
  private static final String ITEM = "winnow_item";
  private static final String ITEMS = "winnow_items";
  private static final String ROW = "winnow_row";
  private static final String CHOSEN = "winnow_chosen";
  private static final String REJECTED = "winnow_rejected";
  private static final String CARRIED = "winnow_carried";
  private static final String REWARDS = "winnow_rewards";
  private static final String ADVANTAGES = "winnow_advantages";

  private final GradedRows input;
  private final SettingValues values;
  private final Candidates candidates;
  private final String strategy;

  /**
   * A selection.
   *
   * @param rates as for {@link Candidates}
   */
  Selection(GradedRows input, SettingValues values, Dataset<Row> rates) {
    this.input = input;
    this.values = values;
    candidates = new Candidates(input, values, rates);
    strategy = values.get(SelectSettings.STRATEGY);
  }

  /**
   * The rows that are selected; lazy.
   *
   * @throws UsageException when they cannot be selected as asked
   */
  Dataset<Row> rows() {
    return switch (strategy) {
      case "correct", "best" -> ranked();
      case "diverse" -> diverse();
      case "dpo" -> pairs();
      case "kto" -> labelled();
      case "grpo" -> groups();
      case "majority" -> majorities();
      default -> throw new IllegalStateException("a strategy that is declared and not made: " + strategy);
    };
  }

  /** Columns by which lines are sorted. */
  String[] order() {
    return switch (strategy) {
      case "dpo" -> new String[] {"prompt_id", PAIR_RANK};
      case "kto" -> new String[] {"prompt_id", LABEL, RANK};
      case "grpo" -> new String[] {"prompt_id", "trace_id"};
      case "majority" -> new String[] {"prompt_id"};
      default -> new String[] {"prompt_id", RANK};
    };
  }

  private String rankBy() {
    return values.find(SelectSettings.RANK_BY).orElse(strategy.equals("best") ? "shortest" : "random");
  }

  private Column decided() {
    if (!input.graded()) {
      throw new UsageException(
          "Cannot tell what is right: " + input.name() + " has neither a column verdict nor correct. Name it by"
              + " --correct-column, or judge the completions by winnow verify.");
    }
    return col(GradedRows.STATE).isin("correct", "incorrect");
  }

  private Dataset<Row> pool() {
    String byItself = strategy.equals("best") && Candidates.scores(rankBy()) ? "all" : "correct";
    String pool = strategy.equals("correct") ? "correct" : values.find(SelectSettings.POOL).orElse(byItself);
    Dataset<Row> all = candidates.all();
    return switch (pool) {
      case "correct" -> all.filter(decided().and(col(GradedRows.STATE).equalTo("correct")));
      case "decided" -> all.filter(decided());
      default -> all;
    };
  }

  private int perPrompt(int byItself) {
    return values.find(SelectSettings.PER_PROMPT).orElse(byItself);
  }

  private Dataset<Row> withRank(Dataset<Row> rows, List<Column> order, Column... within) {
    WindowSpec window =
        Window.partitionBy(Stream.concat(Stream.of(col("prompt_id")), Arrays.stream(within)).toArray(Column[]::new))
            .orderBy(Candidates.array(order));
    return rows.withColumn(RANK, row_number().over(window));
  }

  private Dataset<Row> ranked() {
    List<Column> order = candidates.order(rankBy());
    int most = perPrompt(strategy.equals("best") ? 1 : Integer.MAX_VALUE);
    return traces(withRank(candidates.distinct(pool(), order), order).filter(col(RANK).leq(most)), RANK);
  }

  private Dataset<Row> diverse() {
    List<Column> order = candidates.order(rankBy());
    Dataset<Row> rows = withRank(candidates.distinct(pool(), order), order);
    Column all = struct(input.columns().stream().map(GradedRows::column).toArray(Column[]::new));
    // Rows may hold maps, which have no order: only their ranks are compared.
    Column sorted =
        array_sort(
            col(ITEMS),
            (a, b) -> when(a.getField(RANK).lt(b.getField(RANK)), -1).when(a.getField(RANK).gt(b.getField(RANK)), 1)
                .otherwise(0));
    Column picks =
        PromptFunctions.diverse(
            transform(col(ITEMS), each -> each.getField(ROW).getField("text")), perPrompt(1),
            values.get(SelectSettings.NGRAM));
    Column taken =
        transform(
            col(PLACES),
            (pick, place) -> struct(
                col(ITEMS).getItem(pick.getField("place")).getField(ROW).as(ROW), place.plus(1).as(RANK),
                pick.getField("distance").as(DISTANCE)));
    Dataset<Row> made =
        rows.groupBy("prompt_id").agg(collect_list(struct(col(RANK), all.as(ROW))).as(ITEMS))
            .withColumn(ITEMS, sorted).withColumn(PLACES, picks).select(explode(taken).as(ITEM));
    List<Column> columns = new ArrayList<>();
    for (String name : kept(RANK, DISTANCE)) {
      columns.add(col(ITEM).getField(ROW).getField(name).as(name));
    }
    columns.add(col(ITEM).getField(RANK).as(RANK));
    columns.add(col(ITEM).getField(DISTANCE).as(DISTANCE));
    return made.select(Candidates.array(columns));
  }

  private Dataset<Row> labelled() {
    List<Column> order = candidates.order(rankBy());
    Dataset<Row> rows = candidates.distinct(candidates.all().filter(decided()), order);
    Dataset<Row> all = withRank(rows, order, col(GradedRows.STATE)).filter(col(RANK).leq(perPrompt(Integer.MAX_VALUE)));
    return traces(all.withColumn(LABEL, col(GradedRows.STATE).equalTo("correct")), LABEL, RANK);
  }

  private Dataset<Row> groups() {
    Column reward =
        values.isGiven(SelectSettings.REWARD_COLUMN)
            ? candidates.number(SelectSettings.REWARD_COLUMN.option(), candidates.rewardColumn())
            : when(decided(), col(GradedRows.GRADE));
    List<Column> order = candidates.order("random");
    Dataset<Row> rows = candidates.all().withColumn("reward", reward).filter(col("reward").isNotNull());
    rows = candidates.distinct(rows, order);
    int size = perPrompt(0);
    if (size > 0) {
      rows = withRank(rows, order).filter(col(RANK).leq(size));
    }
    Column count = org.apache.spark.sql.functions.size(col(REWARDS));
    Column advantages =
        PromptFunctions.advantages(
            col(REWARDS), values.get(SelectSettings.ADVANTAGE), values.get(SelectSettings.ADVANTAGE_EPSILON));
    Dataset<Row> groups =
        rows.groupBy("prompt_id").agg(sort_array(collect_list("reward")).as(REWARDS))
            .withColumn("group_size", count).filter(col("group_size").geq(Math.max(2, size)));
    if (values.get(SelectSettings.ZERO_VARIANCE).equals("drop")) {
      groups = groups.filter(element_at(col(REWARDS), 1).lt(element_at(col(REWARDS), -1)));
    }
    groups = groups.withColumn(ADVANTAGES, advantages);
    // Equal rewards have equal advantages, so the first place of a reward will do.
    Column own = element_at(col(ADVANTAGES), array_position(col(REWARDS), col("reward")).cast(DataTypes.IntegerType));
    return traces(
        rows.drop("group_size").join(groups, "prompt_id").withColumn("advantage", own), "reward", "advantage",
        "group_size");
  }

  private Dataset<Row> pairs() {
    boolean byReward = values.get(SelectSettings.MATCH).equals("reward");
    boolean rewarded = byReward || values.isGiven(SelectSettings.REWARD_COLUMN);
    Column none = lit(null).cast(DataTypes.DoubleType);
    Column reward =
        rewarded ? candidates.number(SelectSettings.REWARD_COLUMN.option(), candidates.rewardColumn()) : none;
    Dataset<Row> rows = candidates.distinct(candidates.all().filter(decided()), candidates.order("random"));
    List<String> carried = input.carried(Map.of("--keep-columns", values.get(GradedSettings.KEEP_COLUMNS)));
    List<Column> lists = new ArrayList<>();
    lists.add(collect_list(side("correct", byReward ? reward.multiply(-1) : none, reward)).as(CHOSEN));
    lists.add(collect_list(side("incorrect", byReward ? reward : none, reward)).as(REJECTED));
    if (!carried.isEmpty()) {
      lists.add(PassRates.carried(rows.schema(), carried).as(CARRIED));
    }
    Dataset<Row> grouped =
        rows.groupBy("prompt_id").agg(lists.get(0), Candidates.array(lists.subList(1, lists.size())))
            .withColumn(CHOSEN, sort_array(col(CHOSEN))).withColumn(REJECTED, sort_array(col(REJECTED)));
    boolean byLength = values.get(SelectSettings.MATCH).equals("length");
    Column pairs =
        PromptFunctions.pairs(
            col(CHOSEN).getField("length"), col(REJECTED).getField("length"), perPrompt(1),
            values.find(SelectSettings.MAX_LENGTH_RATIO).orElse(Double.POSITIVE_INFINITY), byLength);
    Column made =
        transform(
            col(PLACES),
            (pair, place) -> struct(
                col(CHOSEN).getItem(pair.getField("chosen")).as("chosen"),
                col(REJECTED).getItem(pair.getField("rejected")).as("rejected"), place.plus(1).as(PAIR_RANK)));
    List<Column> columns = new ArrayList<>(List.of(col("prompt_id")));
    carried.forEach(name -> columns.add(col(CARRIED).getField(name).as(name)));
    for (String field : List.of("trace_id", "text", "think_end", "tokens", "reward")) {
      for (String side : List.of("chosen", "rejected")) {
        columns.add(col(ITEM).getField(side).getField(field).as(field.equals("text") ? side : side + "_" + field));
      }
    }
    columns.add(col(ITEM).getField(PAIR_RANK).as(PAIR_RANK));
    input.checkCarried(carried, PAIR_COLUMNS);
    List<Column> before = new ArrayList<>(List.of(col("prompt_id"), explode(made).as(ITEM)));
    if (!carried.isEmpty()) {
      before.add(col(CARRIED));
    }
    return grouped.withColumn(PLACES, pairs).select(Candidates.array(before)).select(Candidates.array(columns));
  }

  /** What a pair needs of a trace, in the order in which they are sorted; null for the other side. */
  private Column side(String state, Column first, Column reward) {
    Column known = coalesce(first, lit(Double.POSITIVE_INFINITY));
    Column thinking =
        input.has("think_end") ? col("think_end") : lit(null).cast(DataTypes.IntegerType);
    Column tokens =
        input.has("completion_tokens")
            ? col("completion_tokens").cast(DataTypes.IntegerType) : lit(null).cast(DataTypes.IntegerType);
    return when(
        col(GradedRows.STATE).equalTo(state),
        struct(
            known.as("first"), candidates.tie().as("tie"), col("trace_id"), col("text"), thinking.as("think_end"),
            tokens.as("tokens"), candidates.length().as("length"), reward.as("reward")));
  }

  private Dataset<Row> majorities() {
    Dataset<Row> rows = candidates.distinct(candidates.all(), candidates.order("random"));
    if (input.has("gold") && values.get(SelectSettings.GOLDS).equals("missing")) {
      Column blank =
          rows.schema().apply("gold").dataType() instanceof StringType
              ? trim(col("gold")).equalTo("") : lit(false);
      rows = rows.filter(col("gold").isNull().or(blank));
    }
    List<String> carried =
        new ArrayList<>(input.carried(Map.of("--keep-columns", values.get(GradedSettings.KEEP_COLUMNS))));
    carried.remove("gold");
    List<Column> lists = new ArrayList<>();
    // Within structs, because a list has no place for what is null.
    lists.add(collect_list(struct(col(ANSWER).as("answer"))).as(ITEMS));
    if (!carried.isEmpty()) {
      lists.add(PassRates.carried(rows.schema(), carried).as(CARRIED));
    }
    Dataset<Row> grouped =
        rows.withColumn(ANSWER, PromptFunctions.answer(col("text"))).groupBy("prompt_id")
            .agg(lists.get(0), Candidates.array(lists.subList(1, lists.size())))
            .withColumn(ITEM, PromptFunctions.majority(col(ITEMS).getField("answer"), array().cast("array<double>")));
    Column majority = col(ITEM);
    Column enough =
        majority.getField("answer").isNotNull().and(not(majority.getField("tie")))
            .and(majority.getField("share").geq(values.get(SelectSettings.MIN_SHARE)))
            .and(majority.getField("margin").geq(values.get(SelectSettings.MIN_MARGIN)));
    List<Column> columns = new ArrayList<>(List.of(col("prompt_id")));
    carried.forEach(name -> columns.add(col(CARRIED).getField(name).as(name)));
    columns.add(majority.getField("answer").as("gold"));
    columns.add(lit("majority").as("gold_source"));
    columns.add(majority.getField("share").as("share"));
    columns.add(majority.getField("margin").as("margin"));
    columns.add(majority.getField("votes").as("votes"));
    columns.add(majority.getField("samples").as("n"));
    columns.add(majority.getField("classes").as("classes"));
    input.checkCarried(carried, MAJORITY_COLUMNS);
    return grouped.filter(enough).select(Candidates.array(columns));
  }

  /** The input's columns but for those that a selection makes itself. */
  private List<String> kept(String... made) {
    return input.columns().stream().filter(name -> Arrays.stream(made).noneMatch(name::equalsIgnoreCase)).toList();
  }

  private Dataset<Row> traces(Dataset<Row> rows, String... made) {
    List<Column> columns = new ArrayList<>();
    kept(made).forEach(name -> columns.add(GradedRows.column(name)));
    Arrays.stream(made).forEach(name -> columns.add(col(name)));
    return rows.select(Candidates.array(columns));
  }
}
