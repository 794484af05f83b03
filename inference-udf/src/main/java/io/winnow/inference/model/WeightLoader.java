// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.model;

import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.inference.checkpoint.TensorInfo;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.Place;
import io.winnow.kernels.QuantSource;
import io.winnow.kernels.Weight;
import io.winnow.kernels.WeightSource;
import java.util.ArrayList;
import java.util.List;

/**
 * Tensors of a checkpoint into packed weights, tensor by tensor, so that no second copy of the model is ever in memory.
 */
final class WeightLoader implements ModelTensors {
  private final Checkpoint checkpoint;
  private final Kernels kernels;
  private final WeightPrecision precision;
  private final PackedWeights packed;
  private final List<String> requantized = new ArrayList<>();
  private final List<AutoCloseable> owned;

  /**
   * What it loads is added to {@code owned}, for the caller to close.
   *
   * @param packed where the matrices lie already; null to pack them
   */
  WeightLoader(
      Checkpoint checkpoint, Kernels kernels, WeightPrecision precision, PackedWeights packed,
      List<AutoCloseable> owned) {
    this.checkpoint = checkpoint;
    this.kernels = kernels;
    this.precision = precision;
    this.packed = packed;
    this.owned = owned;
  }

  /** The matrix that a bias belongs to. */
  static String weightOf(String bias) {
    return bias.replaceAll("bias$", "weight");
  }

  @Override
  public Weight matrix(String... names) {
    HeldMatrix held = HeldMatrix.of(checkpoint, precision, names);
    if (held.requantized()) {
      requantized.add(names[0]);
    }
    Weight weight = pack(checkpoint, kernels, held, packed == null ? null : packed.place(names[0]), names);
    owned.add(weight);
    return weight;
  }

  /** Packs matrices below each other, or takes them from where they lie; {@code place} is null for memory. */
  static Weight pack(Checkpoint checkpoint, Kernels kernels, HeldMatrix held, Place place, String... names) {
    int rows = 0;
    int cols = (int) checkpoint.tensor(names[0]).cols();
    for (String name : names) {
      rows += (int) checkpoint.tensor(name).rows();
    }
    if (held.codes() != null) {
      QuantSource source = held.source(checkpoint, names);
      return place == null
          ? kernels.pack(rows, cols, held.codes(), source)
          : kernels.pack(rows, cols, held.codes(), source, place);
    }
    WeightSource source = (first, count, out) -> read(checkpoint, names, cols, first, count, out);
    return place == null
        ? kernels.pack(rows, cols, held.format(), source)
        : kernels.pack(rows, cols, held.format(), source, place);
  }

  /** Matrices that lost precision twice: in the file, and by what the precision asks for. */
  List<String> requantized() {
    return requantized;
  }

  private static void read(Checkpoint checkpoint, String[] names, int cols, int first, int count, float[] out) {
    int start = 0;
    int done = 0;
    float[] part = null;
    for (String name : names) {
      int rows = (int) checkpoint.tensor(name).rows();
      int from = Math.max(first, start);
      int to = Math.min(first + count, start + rows);
      if (from < to) {
        if (to - from == count) {
          checkpoint.readRows(name, from - start, count, out);
        } else {
          part = part == null ? new float[count * cols] : part;
          checkpoint.readRows(name, from - start, to - from, part);
          System.arraycopy(part, 0, out, done * cols, (to - from) * cols);
        }
        done += to - from;
      }
      start += rows;
    }
  }

  @Override
  public NativeBuffer vector(String name) {
    TensorInfo info = checkpoint.tensor(name);
    float[] values = new float[(int) info.cols()];
    checkpoint.readRows(name, 0, 1, values);
    return own(values);
  }

  @Override
  public NativeBuffer bias(String... names) {
    boolean any = false;
    int total = 0;
    for (String name : names) {
      any |= checkpoint.tensor(name) != null;
      total += (int) checkpoint.tensor(weightOf(name)).rows();
    }
    if (!any) {
      return null;
    }
    float[] values = new float[total];
    int at = 0;
    for (String name : names) {
      int rows = (int) checkpoint.tensor(weightOf(name)).rows();
      if (checkpoint.tensor(name) != null) {
        float[] part = new float[rows];
        checkpoint.readRows(name, 0, 1, part);
        System.arraycopy(part, 0, values, at, rows);
      }
      at += rows;
    }
    return own(values);
  }

  private NativeBuffer own(float[] values) {
    NativeBuffer buffer = NativeBuffer.ofElements(values.length);
    buffer.write(0, values, 0, values.length);
    owned.add(buffer);
    return buffer;
  }
}
