// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import java.util.Collection;

/** Another checkpoint, whose owner closes it; tests change what they want to see changed. */
public class ForwardingCheckpoint implements Checkpoint {
  private final Checkpoint inner;

  public ForwardingCheckpoint(Checkpoint inner) {
    this.inner = inner;
  }

  @Override
  public ModelConfig config() {
    return inner.config();
  }

  @Override
  public Collection<TensorInfo> tensors() {
    return inner.tensors();
  }

  @Override
  public TensorInfo tensor(String name) {
    return inner.tensor(name);
  }

  @Override
  public void readRows(String name, long firstRow, int rows, float[] out) {
    inner.readRows(name, firstRow, rows, out);
  }

  @Override
  public QuantLayout quantLayout(String name) {
    return inner.quantLayout(name);
  }

  @Override
  public void readQuantRows(String name, long firstRow, int rows, byte[] codes, float[] scales, float[] mins) {
    inner.readQuantRows(name, firstRow, rows, codes, scales, mins);
  }

  @Override
  public String fingerprint() {
    return inner.fingerprint();
  }

  @Override
  public void close() {
    // Not ours.
  }
}
