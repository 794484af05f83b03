// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import io.winnow.inference.Completion;
import io.winnow.inference.FinishReason;
import io.winnow.inference.Usage;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
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
 * Completions as Arrow batches: {@code request_id int64, sample_index int32, token_ids list<int32>?, text utf8,
 * logprobs list<float32>?, prompt_logprobs list<float32>?, finish_reason utf8, error_class utf8?, error_message utf8?,
 * engine_ms int64, usage list<int32>?}, of usage the fields of {@link Usage} in their order. A batch may be empty: a
 * sign of life while the engine works.
 */
public final class ArrowCompletions {
  public static final Schema SCHEMA =
      new Schema(
          List.of(
              new Field("request_id", FieldType.notNullable(new ArrowType.Int(64, true)), null),
              new Field("sample_index", FieldType.notNullable(new ArrowType.Int(32, true)), null),
              ArrowLists.intList("token_ids"),
              Field.nullable("text", ArrowType.Utf8.INSTANCE),
              ArrowLists.floatList("logprobs"),
              ArrowLists.floatList("prompt_logprobs"),
              new Field("finish_reason", FieldType.notNullable(ArrowType.Utf8.INSTANCE), null),
              Field.nullable("error_class", ArrowType.Utf8.INSTANCE),
              Field.nullable("error_message", ArrowType.Utf8.INSTANCE),
              new Field("engine_ms", FieldType.notNullable(new ArrowType.Int(64, true)), null),
              ArrowLists.intList("usage")));

  private ArrowCompletions() {}

  /** Fills a batch of {@link #SCHEMA}. */
  static void write(VectorSchemaRoot root, List<Completion> completions) {
    root.allocateNew();
    for (int row = 0; row < completions.size(); row++) {
      Completion c = completions.get(row);
      ((BigIntVector) root.getVector("request_id")).setSafe(row, c.requestId());
      ((IntVector) root.getVector("sample_index")).setSafe(row, c.sampleIndex());
      setInts(root, "token_ids", row, c.tokenIds());
      setText(root, "text", row, c.text());
      setFloats(root, "logprobs", row, c.logprobs());
      setFloats(root, "prompt_logprobs", row, c.promptLogprobs());
      setText(root, "finish_reason", row, c.finishReason().label());
      setText(root, "error_class", row, c.errorClass());
      setText(root, "error_message", row, c.errorMessage());
      ((BigIntVector) root.getVector("engine_ms")).setSafe(row, c.engineMillis());
      setInts(root, "usage", row, c.usage() == null ? null : counts(c.usage()));
    }
    root.setRowCount(completions.size());
  }

  private static int[] counts(Usage u) {
    return new int[] {
      u.promptTokens(), u.cachedTokens(), u.completionTokens(), u.billedPromptTokens(), u.billedCachedTokens(),
      u.billedCompletionTokens(), u.attempts()
    };
  }

  private static Usage usage(int[] n) {
    return n == null ? null : new Usage(n[0], n[1], n[2], n[3], n[4], n[5], n[6]);
  }

  private static void setInts(VectorSchemaRoot root, String name, int row, int[] values) {
    ListVector vector = (ListVector) root.getVector(name);
    if (values == null) {
      vector.setNull(row);
    } else {
      ArrowLists.set(vector, row, values);
    }
  }

  private static void setFloats(VectorSchemaRoot root, String name, int row, float[] values) {
    ListVector vector = (ListVector) root.getVector(name);
    if (values == null) {
      vector.setNull(row);
    } else {
      ArrowLists.set(vector, row, values);
    }
  }

  private static void setText(VectorSchemaRoot root, String name, int row, String value) {
    VarCharVector vector = (VarCharVector) root.getVector(name);
    if (value == null) {
      vector.setNull(row);
    } else {
      vector.setSafe(row, value.getBytes(StandardCharsets.UTF_8));
    }
  }

  /** The rows of a batch. */
  public static List<Completion> read(VectorSchemaRoot root) {
    List<Completion> out = new ArrayList<>(root.getRowCount());
    for (int row = 0; row < root.getRowCount(); row++) {
      out.add(
          new Completion(
              ((BigIntVector) root.getVector("request_id")).get(row),
              ((IntVector) root.getVector("sample_index")).get(row),
              ints(root, "token_ids", row),
              text(root, "text", row),
              floats(root, "logprobs", row),
              floats(root, "prompt_logprobs", row),
              FinishReason.ofLabel(text(root, "finish_reason", row)),
              text(root, "error_class", row),
              text(root, "error_message", row),
              ((BigIntVector) root.getVector("engine_ms")).get(row),
              usage(ints(root, "usage", row))));
    }
    return out;
  }

  private static int[] ints(VectorSchemaRoot root, String name, int row) {
    ListVector vector = (ListVector) root.getVector(name);
    return vector.isNull(row) ? null : ArrowLists.ints(vector, row);
  }

  private static float[] floats(VectorSchemaRoot root, String name, int row) {
    ListVector vector = (ListVector) root.getVector(name);
    return vector.isNull(row) ? null : ArrowLists.floats(vector, row);
  }

  private static String text(VectorSchemaRoot root, String name, int row) {
    VarCharVector vector = (VarCharVector) root.getVector(name);
    return vector.isNull(row) ? null : new String(vector.get(row), StandardCharsets.UTF_8);
  }
}
