// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.PromptRenderer;
import io.winnow.inference.RenderedPrompt;
import io.winnow.inference.RuntimeSpec;
import io.winnow.inference.udf.Conversations;
import io.winnow.inference.udf.EngineHost;
import io.winnow.jobs.input.Prompts;
import io.winnow.jobs.trace.Prompt;
import io.winnow.jobs.trace.TraceKey;
import java.util.Arrays;
import java.util.Iterator;
import java.util.stream.IntStream;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * Renders and tokenizes prompts on the executors and gives every sample its key. Adds to the columns of {@link
 * Prompts#SCHEMA} (and {@code kept}): {@code tokens array<int>}, {@code trace_ids array<string>} by sample index,
 * {@code thinking boolean} (the prompt ends inside an open thinking section), {@code failure struct<class, message>}
 * (what is wrong with the row, found here or before), {@code conversation string} (the messages as canonical text,
 * where a server renders them: there are no tokens then; else null).
 */
final class PromptEncoder implements MapPartitionsFunction<Row, Row> {
  static final StructType FAILURE = Prompts.ERROR;

  private final RuntimeSpec spec;
  private final TraceKey key;
  private final int samples;
  private final int contextLength;

  PromptEncoder(RuntimeSpec spec, TraceKey key, int samples, int contextLength) {
    this.spec = spec;
    this.key = key;
    this.samples = samples;
    this.contextLength = contextLength;
  }

  /** Columns of the result for prompts of that schema. */
  static StructType schema(StructType prompts) {
    return prompts
        .add("tokens", DataTypes.createArrayType(DataTypes.IntegerType, false))
        .add("trace_ids", DataTypes.createArrayType(DataTypes.StringType, false))
        .add("thinking", DataTypes.BooleanType)
        .add("failure", FAILURE)
        .add("conversation", DataTypes.StringType);
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    PromptRenderer renderer = spec instanceof EngineSpec engine ? EngineHost.renderer(engine) : null;
    int[] indexes = IntStream.range(0, samples).toArray();
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return rows.hasNext();
      }

      @Override
      public Row next() {
        return encode(rows.next(), renderer, indexes);
      }
    };
  }

  private Row encode(Row row, PromptRenderer renderer, int[] indexes) {
    Prompt prompt = Prompts.prompt(row);
    int[] tokens = {};
    boolean thinking = false;
    Row failure = prompt.failed() ? RowFactory.create(prompt.errorClass(), prompt.errorMessage()) : null;
    String conversation = null;
    if (failure == null && renderer == null) {
      conversation = Conversations.text(prompt.messages());
    } else if (failure == null) {
      try {
        RenderedPrompt rendered = renderer.render(prompt.messages());
        tokens = rendered.tokenIds();
        thinking = rendered.text().stripTrailing().endsWith("<think>");
        if (tokens.length >= contextLength) {
          throw InferenceErrors.promptTooLong(tokens.length, contextLength);
        }
        if (tokens.length == 0) {
          throw InferenceErrors.promptEmpty();
        }
      } catch (InferenceException e) {
        failure = RowFactory.create(e.errorClass(), e.getMessage());
      }
    }
    Object[] out = new Object[row.size() + 5];
    for (int i = 0; i < row.size(); i++) {
      out[i] = row.get(i);
    }
    out[row.size()] = Arrays.stream(tokens).boxed().toArray(Integer[]::new);
    out[row.size() + 1] = conversation == null ? key.traceIds(tokens, indexes) : key.traceIds(conversation, indexes);
    out[row.size() + 2] = thinking;
    out[row.size() + 3] = failure;
    out[row.size() + 4] = conversation;
    return RowFactory.create(out);
  }
}
