// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BitVectorHelper;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;

/** Lists of 4-byte elements in and out of Arrow vectors, a whole list in one copy. */
final class ArrowLists {
  private ArrowLists() {}

  static Field intList(String name) {
    return list(name, new ArrowType.Int(32, true));
  }

  static Field floatList(String name) {
    return list(name, new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE));
  }

  /** Lists of lists; the outer one may be null. */
  static Field listOfIntLists(String name) {
    return new Field(name, FieldType.nullable(ArrowType.List.INSTANCE), List.of(intList("element")));
  }

  private static Field list(String name, ArrowType element) {
    Field child = new Field("element", FieldType.notNullable(element), null);
    return new Field(name, FieldType.nullable(ArrowType.List.INSTANCE), List.of(child));
  }

  /** Appends a list as row {@code row}; rows must be set in ascending order. */
  static void set(ListVector vector, int row, int[] values) {
    int start = begin(vector, row, values.length);
    buffer(vector, start, values.length).asIntBuffer().put(values);
  }

  static void set(ListVector vector, int row, float[] values) {
    int start = begin(vector, row, values.length);
    buffer(vector, start, values.length).asFloatBuffer().put(values);
  }

  /** Appends lists as row {@code row}, null as null, and null within as an empty list. */
  static void set(ListVector vector, int row, int[][] lists) {
    if (lists == null) {
      vector.setNull(row);
      return;
    }
    int start = vector.startNewValue(row);
    ListVector inner = (ListVector) vector.getDataVector();
    for (int i = 0; i < lists.length; i++) {
      set(inner, start + i, lists[i] == null ? new int[0] : lists[i]);
    }
    vector.endValue(row, lists.length);
  }

  /** The lists of a row; null where it is null. */
  static int[][] intLists(ListVector vector, int row) {
    if (vector.isNull(row)) {
      return null;
    }
    int start = vector.getElementStartIndex(row);
    int[][] out = new int[vector.getElementEndIndex(row) - start][];
    for (int i = 0; i < out.length; i++) {
      out[i] = ints((ListVector) vector.getDataVector(), start + i);
    }
    return out;
  }

  /** The elements of a row as a view of Arrow's own memory; valid until the batch is reused. */
  static int[] ints(ListVector vector, int row) {
    int start = vector.getElementStartIndex(row);
    int[] out = new int[vector.getElementEndIndex(row) - start];
    IntBuffer from = buffer(vector, start, out.length).asIntBuffer();
    from.get(out);
    return out;
  }

  static float[] floats(ListVector vector, int row) {
    int start = vector.getElementStartIndex(row);
    float[] out = new float[vector.getElementEndIndex(row) - start];
    FloatBuffer from = buffer(vector, start, out.length).asFloatBuffer();
    from.get(out);
    return out;
  }

  private static int begin(ListVector vector, int row, int count) {
    int start = vector.startNewValue(row);
    BaseFixedWidthVector data = (BaseFixedWidthVector) vector.getDataVector();
    while (data.getValueCapacity() < start + count) {
      data.reAlloc();
    }
    vector.endValue(row, count);
    data.setValueCount(start + count);
    ArrowBuf validity = data.getValidityBuffer();
    for (int i = start; i < start + count; i++) {
      BitVectorHelper.setBit(validity, i);
    }
    return start;
  }

  private static ByteBuffer buffer(ListVector vector, int start, int count) {
    return vector
        .getDataVector()
        .getDataBuffer()
        .nioBuffer(start * 4L, count * 4)
        .order(ByteOrder.nativeOrder());
  }
}
