// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class PackedBytesTest {
  @Test
  void aWeightTakesWhatIsSaidBeforehand() {
    try (Kernels kernels = KernelsLadder.open(1)) {
      for (int rows : new int[] {1, 63, 64, 65, 128, 129, 2047, 2048, 2049, 2177}) {
        for (WeightFormat format : WeightFormat.values()) {
          long before = NativeBuffer.outstandingBytes();
          try (Weight w = kernels.pack(rows, 3, format, (first, count, out) -> Arrays.fill(out, 1))) {
            assertEquals(KernelsLadder.packedBytes(rows, 3, format), w.sizeBytes(), rows + " rows " + format);
            assertEquals(w.sizeBytes(), NativeBuffer.outstandingBytes() - before);
          }
        }
      }
    }
  }

  @Test
  void sizesBeyondAnIntAreExact() {
    long bytes = KernelsLadder.packedBytes(152_064, 8192, WeightFormat.F32);
    assertEquals(152_064L * 8192 * 4, bytes & -256, "but for a descriptor of some bytes");
  }
}
