// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import io.winnow.inference.GenerationRequest;
import io.winnow.inference.SamplingParams;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Requests as Arrow batches: {@code request_id int64, prompt_tokens list<int32>, sample_indexes list<int32>, generated
 * list<list<int32>>?, score_from int32, messages utf8?}; messages as {@link Conversations} write them, where the prompt
 * is no token ids. Sampling parameters are the same for a whole job and don't travel with the rows. Ids of a row are
 * copied in one piece.
 */
public final class ArrowRequests {
  private static final String ID = "request_id";
  private static final String PROMPT = "prompt_tokens";
  private static final String SAMPLES = "sample_indexes";
  private static final String GENERATED = "generated";
  private static final String SCORE_FROM = "score_from";
  private static final String MESSAGES = "messages";

  public static final Schema SCHEMA =
      new Schema(
          List.of(
              new Field(ID, FieldType.notNullable(new ArrowType.Int(64, true)), null),
              ArrowLists.intList(PROMPT),
              ArrowLists.intList(SAMPLES),
              ArrowLists.listOfIntLists(GENERATED),
              new Field(SCORE_FROM, FieldType.notNullable(new ArrowType.Int(32, true)), null),
              Field.nullable(MESSAGES, ArrowType.Utf8.INSTANCE)));

  private ArrowRequests() {}

  /**
   * Packs requests into batches as they are asked for. The batch given by {@code next} is reused by the following call
   * and belongs to this iterator.
   *
   * @param rowsPerBatch requests of a batch at most; small, so that the engine gets its first rows at once
   */
  public static CloseableIterator<VectorSchemaRoot> batches(
      Iterator<GenerationRequest> requests, BufferAllocator allocator, int rowsPerBatch) {
    VectorSchemaRoot root = VectorSchemaRoot.create(SCHEMA, allocator);
    return new CloseableIterator<>() {
      @Override
      public boolean hasNext() {
        return requests.hasNext();
      }

      @Override
      public VectorSchemaRoot next() {
        root.allocateNew();
        BigIntVector ids = (BigIntVector) root.getVector(ID);
        ListVector prompts = (ListVector) root.getVector(PROMPT);
        ListVector samples = (ListVector) root.getVector(SAMPLES);
        ListVector generated = (ListVector) root.getVector(GENERATED);
        IntVector scoreFrom = (IntVector) root.getVector(SCORE_FROM);
        VarCharVector messages = (VarCharVector) root.getVector(MESSAGES);
        int row = 0;
        for (; row < rowsPerBatch && requests.hasNext(); row++) {
          GenerationRequest request = requests.next();
          ids.setSafe(row, request.requestId());
          ArrowLists.set(prompts, row, request.promptTokens());
          ArrowLists.set(samples, row, request.sampleIndexes());
          ArrowLists.set(generated, row, request.generated());
          scoreFrom.setSafe(row, request.scoreFrom());
          if (request.messages() == null) {
            messages.setNull(row);
          } else {
            messages.setSafe(row, Conversations.text(request.messages()).getBytes(StandardCharsets.UTF_8));
          }
        }
        root.setRowCount(row);
        return root;
      }

      @Override
      public void close() {
        root.close();
      }
    };
  }

  /** Row {@code row} of a batch as a request. */
  static GenerationRequest read(VectorSchemaRoot root, int row, SamplingParams params) {
    VarCharVector messages = (VarCharVector) root.getVector(MESSAGES);
    return new GenerationRequest(
        ((BigIntVector) root.getVector(ID)).get(row),
        ArrowLists.ints((ListVector) root.getVector(PROMPT), row),
        ArrowLists.ints((ListVector) root.getVector(SAMPLES), row),
        params,
        ArrowLists.intLists((ListVector) root.getVector(GENERATED), row),
        ((IntVector) root.getVector(SCORE_FROM)).get(row),
        messages.isNull(row)
            ? null
            : Conversations.messages(new String(messages.get(row), StandardCharsets.UTF_8)));
  }
}
