// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.from_json;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.udf;
import static org.apache.spark.sql.functions.when;

import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** Opens whatever {@code --prompts} names. */
public final class PromptSource {
  private static final StructType BUILT =
      new StructType()
          .add("question", DataTypes.StringType)
          .add("messages", new ArrayType(Prompts.TURN, true))
          .add("gold", DataTypes.StringType)
          .add("gold_note", DataTypes.StringType)
          .add("content_hash", DataTypes.StringType)
          .add("error", Prompts.ERROR);

  private PromptSource() {}

  /**
   * Finds the source, checks columns and ids, and counts. Reads the source some times (for columns where the first
   * lines lack one, for types of kept columns, for ids, for counts) and keeps nothing of it in memory.
   *
   * @throws UsageException when the source, a column or the ids cannot be used as asked
   */
  public static Prompts open(SparkSession spark, SettingValues values) {
    InputOptions asked = InputOptions.of(values);
    Configuration conf = spark.sessionState().newHadoopConf();
    SourceFiles source =
        SourceFiles.find(spark, conf, asked.path(), values.get(GenerateSettings.FORMAT));
    boolean lines = source.format().equals("jsonl") || source.format().equals("csv");
    Opened opened = lines ? ofFiles(spark, conf, values, asked, source) : ofTable(spark, values, asked, source);
    return finish(opened, source);
  }

  /** @param rows columns src (shape {@link FileRows#SCHEMA}) and, where columns are kept, kept */
  private record Opened(Dataset<Row> rows, InputOptions options, List<String> columns, List<StructField> kept) {}

  private static Opened ofFiles(
      SparkSession spark, Configuration conf, SettingValues values, InputOptions asked, SourceFiles source) {
    try {
      FileDatasets files = new FileDatasets(spark, conf, source);
      List<String> columns = files.columns(asked);
      InputOptions options = asked.resolvedFor(values, columns);
      Dataset<Row> rows = files.rows(options);
      StructType kept = options.keep().isEmpty() ? new StructType() : files.keptSchema(rows, options.keep());
      Dataset<Row> src = rows.select(struct("*").as("src"));
      if (!options.keep().isEmpty()) {
        src = src.withColumn("kept", from_json(col("src.row"), kept));
      }
      return new Opened(src, options, columns, Arrays.asList(kept.fields()));
    } catch (IOException e) {
      throw InputErrors.unreadable(asked.path(), e);
    }
  }

  private static Opened ofTable(SparkSession spark, SettingValues values, InputOptions asked, SourceFiles source) {
    Dataset<Row> table =
        switch (source.format()) {
          case "table" -> spark.table(asked.path());
          case "delta" -> spark.read().format("delta").load(asked.path());
          default -> spark.read().parquet(parquetPaths(asked, source));
        };
    List<String> columns = List.of(table.columns());
    InputOptions options = asked.resolvedFor(values, columns);
    boolean ordered = source.single() && source.format().equals("parquet");
    Column ordinal = ordered ? col("_metadata.row_index").plus(1) : lit(null).cast(DataTypes.LongType);
    Dataset<Row> rows = TableRows.of(table, options, ordinal);
    if (ordered && options.limit() > 0) {
      rows = rows.filter(col("src.ordinal").leq(options.limit()));
    }
    Column[] kept = options.keep().stream().map(TableRows::column).toArray(Column[]::new);
    rows = kept.length == 0 ? rows.select("src") : rows.select(col("src"), struct(kept).as("kept"));
    List<StructField> fields = options.keep().stream().map(name -> table.schema().apply(name)).toList();
    return new Opened(rows, options, columns, fields);
  }

  /** A folder goes to Spark as it is, so that its partition folders become columns. */
  private static String[] parquetPaths(InputOptions asked, SourceFiles source) {
    boolean glob = asked.path().matches(".*[*?\\[{].*");
    return source.single() || glob ? source.files().toArray(String[]::new) : new String[] {asked.path()};
  }

  private static Prompts finish(Opened opened, SourceFiles source) {
    InputOptions options = opened.options();
    PromptBuilder builder = new PromptBuilder(options, opened.columns());
    Column built = udf((UDF1<Row, Row>) src -> build(builder, src), BUILT).apply(col("src"));
    boolean kept = !opened.kept().isEmpty();
    Column ordinal = source.single() ? col("src.ordinal") : lit(null).cast(DataTypes.LongType);
    Dataset<Row> rows =
        opened.rows()
            .withColumn("built", built)
            .select(
                columns(
                    kept,
                    col("src.id").as("id"),
                    ordinal.as("ordinal"),
                    col("built.question").as("question"),
                    col("built.messages").as("messages"),
                    col("built.gold").as("gold"),
                    col("built.gold_note").as("gold_note"),
                    col("src.replaced_bytes").as("replaced_bytes"),
                    col("built.error").as("error"),
                    col("built.content_hash").as("content_hash")));
    PromptIds.Named named = PromptIds.name(rows, options, kept);
    Column[] fixed = Arrays.stream(Prompts.SCHEMA.fieldNames()).map(name -> col(name)).toArray(Column[]::new);
    Dataset<Row> prompts = named.rows().select(columns(kept, fixed));
    if (options.limit() > 0 && !source.single()) {
      prompts = prompts.orderBy("prompt_id").limit((int) Math.min(options.limit(), Integer.MAX_VALUE));
    }
    return new Prompts(prompts, opened.kept(), source.format(), counts(prompts, named.merged()));
  }

  private static Column[] columns(boolean kept, Column... columns) {
    if (!kept) {
      return columns;
    }
    Column[] all = Arrays.copyOf(columns, columns.length + 1);
    all[columns.length] = col("kept");
    return all;
  }

  private static Row build(PromptBuilder builder, Row src) {
    PromptBuilder.Built built =
        builder.build(
            new PromptBuilder.Source(
                src.getAs("place"), src.getAs("error_class"), src.getAs("error_message"), src.getAs("prompt"),
                src.getAs("messages"), src.getAs("gold"), src.getAs("row"), src.getAs("raw")));
    InputErrors.RowError error = built.error();
    Row[] turns =
        built.turns().stream()
            .map(turn -> RowFactory.create(turn.role(), turn.content(), turn.extra()))
            .toArray(Row[]::new);
    return RowFactory.create(
        built.question(),
        error == null ? turns : null,
        built.gold(),
        built.goldNote(),
        built.contentHash(),
        error == null ? null : RowFactory.create(error.errorClass(), error.message()));
  }

  static Prompts.Counts counts(Dataset<Row> prompts, long merged) {
    Column good = col("error").isNull();
    List<Row> classes =
        prompts
            .groupBy(col("error.class"))
            .agg(
                count(lit(1)),
                coalesce(sum(when(good.and(col("gold").isNull()), 1L).otherwise(0L)), lit(0L)),
                coalesce(sum("replaced_bytes"), lit(0L)))
            .collectAsList();
    Map<String, Long> failed = new TreeMap<>();
    long total = 0;
    long withoutGold = 0;
    long replaced = 0;
    for (Row row : classes) {
      total += row.getLong(1);
      withoutGold += row.getLong(2);
      replaced += row.getLong(3);
      if (!row.isNullAt(0)) {
        failed.put(row.getString(0), row.getLong(1));
      }
    }
    return new Prompts.Counts(total, failed, withoutGold, replaced, merged);
  }
}
