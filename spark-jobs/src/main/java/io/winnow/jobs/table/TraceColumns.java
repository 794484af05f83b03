// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import static io.winnow.jobs.table.Schemas.field;
import static org.apache.spark.sql.types.DataTypes.BooleanType;
import static org.apache.spark.sql.types.DataTypes.DoubleType;
import static org.apache.spark.sql.types.DataTypes.FloatType;
import static org.apache.spark.sql.types.DataTypes.IntegerType;
import static org.apache.spark.sql.types.DataTypes.LongType;
import static org.apache.spark.sql.types.DataTypes.StringType;
import static org.apache.spark.sql.types.DataTypes.TimestampType;
import static org.apache.spark.sql.types.DataTypes.createArrayType;
import static org.apache.spark.sql.types.DataTypes.createMapType;

import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** The columns of {@code traces}, version 1, in order. docs/TABLES.md lists the same; a test holds the two together. */
final class TraceColumns {
  private TraceColumns() {}

  static final StructType ERROR =
      new StructType()
          .add(field("class", StringType, "Stable name of the failure, for example prompt_too_long"))
          .add(field("message", StringType, "What happened, why, and what to do"))
          .add(field("attempts", IntegerType, "How often this row was tried"))
          .add(field("next_action", StringType, "What the next run does with the row: retry, skip or quarantine"));

  static final StructType MESSAGE =
      new StructType()
          .add(field("role", StringType, "system, user, assistant, tool or what the chat template knows"))
          .add(field("content", StringType, "Text of the turn, as given"));

  static final StructType VERDICT =
      new StructType()
          .add(field("value", StringType, "correct, incorrect, undecided or error"))
          .add(field("score", DoubleType, "Score of the verifier, where it gives one"))
          .add(field("extracted", StringType, "The answer that was compared"))
          .add(field("rule", StringType, "The rule that decided"))
          .add(field("detail", StringType, "Evidence or reason in words, for example truncated"))
          .add(field("params", StringType, "Parameters of the verifier, canonical JSON"))
          .add(field("version", StringType, "Version of the verifier"))
          .add(field("micros", LongType, "Time of the verdict in microseconds"));

  /** A column that a table has once a run has asked for it. */
  static final StructField PROMPT_LOGPROBS =
      field(
          "prompt_logprobs", createArrayType(FloatType, true),
          "Natural-log probabilities of the prompt's tokens, where asked; the first is null");

  static final StructType ALL =
      new StructType()
          .add(field("prompt_id", StringType, "Id of the prompt; with trace_id the key of the row, never null"))
          .add(field("trace_id", StringType, "Hash of all that affects the token stream, max_tokens apart; never null"))
          .add(field("sample_index", IntegerType, "Number of the sample of its prompt and model, from 0"))
          .add(field("run_id", StringType, "Run that wrote the row; joins _winnow/runs"))
          .add(field("model", StringType, "Model as it was named on the command line"))
          .add(field("model_fingerprint", StringType, "SHA-256 of the model's content; for an endpoint its model name"))
          .add(field("correct", BooleanType, "Verdict of the first verifier; null if undecided, error or none"))
          .add(field("finish_reason", StringType, "stop, length, error or cancelled"))
          .add(field("prompt_tokens", IntegerType, "Tokens of the rendered prompt"))
          .add(field("completion_tokens", IntegerType, "Tokens generated"))
          .add(field("seed", LongType, "Seed of the run's sampling"))
          .add(field("reward", DoubleType, "Reward, where one was asked for"))
          .add(field("cost_usd", DoubleType, "Cost by the price table, in US dollars"))
          .add(field("engine_ms", LongType, "Time in the engine, in milliseconds"))
          .add(field("created_at", TimestampType, "When the trace was finished"))
          .add(field("error", ERROR, "Why there is no trace; null if there is one"))
          .add(field("prompt", StringType, "Text of the prompt column; null where messages were given"))
          .add(field("messages", createArrayType(MESSAGE, true), "Turns of the prompt, where messages were given"))
          .add(field("gold", StringType, "Expected answer"))
          .add(field("text", StringType, "Generated text only, thinking included"))
          .add(
              field(
                  "think_end", IntegerType, "Offset in text (UTF-16 units) behind the thinking; null if never closed"))
          .add(field("answer", StringType, "What follows the thinking; null if the thinking never closed"))
          .add(field("token_ids", createArrayType(IntegerType, true), "Generated tokens; null when opted out"))
          .add(
              field(
                  "logprobs", createArrayType(FloatType, true), "Natural-log probabilities of the tokens, where asked"))
          .add(field("verdicts", createMapType(StringType, VERDICT, true), "Verdicts by verifier name"))
          .add(field("extra", createMapType(StringType, StringType, true), "Further facts of the row, by name"));
}
