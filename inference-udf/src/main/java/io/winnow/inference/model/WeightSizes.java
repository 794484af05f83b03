// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.model;

import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.kernels.KernelsLadder;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.Weight;

/** Adds up what the tensors of a checkpoint take once they are loaded; reads headers only and gives no tensor. */
final class WeightSizes implements ModelTensors {
  private final Checkpoint checkpoint;
  private final WeightPrecision precision;
  long bytes;

  WeightSizes(Checkpoint checkpoint, WeightPrecision precision) {
    this.checkpoint = checkpoint;
    this.precision = precision;
  }

  private long rows(String... names) {
    long rows = 0;
    for (String name : names) {
      rows += checkpoint.tensor(name).rows();
    }
    return rows;
  }

  @Override
  public Weight matrix(String... names) {
    int cols = (int) checkpoint.tensor(names[0]).cols();
    HeldMatrix held = HeldMatrix.of(checkpoint, precision, names);
    int rows = (int) rows(names);
    bytes +=
        held.codes() != null
            ? KernelsLadder.packedBytes(rows, cols, held.codes())
            : KernelsLadder.packedBytes(rows, cols, held.format());
    return null;
  }

  @Override
  public NativeBuffer vector(String name) {
    bytes += checkpoint.tensor(name).cols() * Float.BYTES;
    return null;
  }

  @Override
  public NativeBuffer bias(String... names) {
    boolean any = false;
    long rows = 0;
    for (String name : names) {
      any |= checkpoint.tensor(name) != null;
      rows += rows(WeightLoader.weightOf(name));
    }
    bytes += any ? rows * Float.BYTES : 0;
    return null;
  }
}
