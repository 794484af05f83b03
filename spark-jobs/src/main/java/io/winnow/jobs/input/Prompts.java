// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import io.winnow.inference.Message;
import io.winnow.jobs.trace.Prompt;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * The prompts of a run.
 *
 * @param rows columns of {@link #SCHEMA}, then {@code kept}, a struct of the kept columns with the types of the source,
 *     where there are any. Lazy and deterministic; prompt_id is unique.
 * @param kept the kept columns
 * @param format jsonl, csv, parquet, delta or table
 * @param counts what is in {@code rows}
 */
public record Prompts(Dataset<Row> rows, List<StructField> kept, String format, Counts counts) {
  /** A turn of a conversation; {@code extra} is a JSON object of its further fields, or null. */
  public static final StructType TURN =
      new StructType()
          .add("role", DataTypes.StringType)
          .add("content", DataTypes.StringType)
          .add("extra", DataTypes.StringType);

  /** What is wrong with a row. */
  public static final StructType ERROR =
      new StructType().add("class", DataTypes.StringType, false).add("message", DataTypes.StringType, false);

  /**
   * The fixed columns. {@code ordinal} is the line of a single file (its row for Parquet), from 1, else null;
   * {@code messages} is null where {@code error} is not.
   */
  public static final StructType SCHEMA =
      new StructType()
          .add("prompt_id", DataTypes.StringType)
          .add("ordinal", DataTypes.LongType)
          .add("question", DataTypes.StringType)
          .add("messages", new ArrayType(TURN, true))
          .add("gold", DataTypes.StringType)
          .add("gold_note", DataTypes.StringType)
          .add("replaced_bytes", DataTypes.LongType)
          .add("error", ERROR);

  private static final TypeReference<Map<String, Object>> EXTRA = new TypeReference<>() {};

  /**
   * @param total rows, failed ones included
   * @param failedByClass rows with an error, by its class, sorted
   * @param withoutGold good rows without a right answer
   * @param replacedBytes bytes that were not valid UTF-8
   * @param merged rows left out because the same id and content was there before
   */
  public record Counts(
      long total, Map<String, Long> failedByClass, long withoutGold, long replacedBytes, long merged) {
    public long failed() {
      return failedByClass.values().stream().mapToLong(Long::longValue).sum();
    }
  }

  /**
   * Some of these prompts, counted anew.
   *
   * @param some of {@code rows}, all columns as they are but for {@code kept}
   * @param columns the kept columns that {@code some} has
   */
  public Prompts of(Dataset<Row> some, List<StructField> columns) {
    return new Prompts(some, columns, format, PromptSource.counts(some, counts.merged()));
  }

  /** Reads one of {@code rows}. */
  public static Prompt prompt(Row row) {
    Row error = row.getAs("error");
    List<Message> messages = new ArrayList<>();
    int messagesAt = row.fieldIndex("messages");
    if (error == null) {
      for (Row turn : row.<Row>getList(messagesAt)) {
        messages.add(new Message(turn.getString(0), turn.getString(1), extra(turn.getString(2))));
      }
    }
    return new Prompt(
        row.getAs("prompt_id"),
        row.getAs("ordinal"),
        row.getAs("question"),
        List.copyOf(messages),
        row.getAs("gold"),
        row.getAs("gold_note"),
        row.<Long>getAs("replaced_bytes"),
        error == null ? null : error.getString(0),
        error == null ? null : error.getString(1));
  }

  /** The further fields of a turn. */
  static Map<String, Object> extra(String json) {
    try {
      return json == null ? Map.of() : JsonLine.JSON.readValue(json, EXTRA);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Not JSON, although this package wrote it: " + json, e);
    }
  }
}
