// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

import java.util.LinkedHashMap;
import java.util.Map;

/** Nanoseconds by kind of operation, as the caller of the kernels waits for them; {@code sample} draws and scores the tokens. */
public record OpNanos(
    long embed, long rmsNorm, long matmul, long rope, long storeKv, long attention, long siluMul, long gather,
    long sample) {
  /** Nothing counted. */
  public static final OpNanos ZERO = new OpNanos(0, 0, 0, 0, 0, 0, 0, 0, 0);

  /** By name, in the order of a step. */
  public Map<String, Long> byName() {
    Map<String, Long> out = new LinkedHashMap<>();
    out.put("embed", embed);
    out.put("norm", rmsNorm);
    out.put("products", matmul);
    out.put("rope", rope);
    out.put("store kv", storeKv);
    out.put("attention", attention);
    out.put("silu", siluMul);
    out.put("gather", gather);
    out.put("sampling", sample);
    return out;
  }
}
