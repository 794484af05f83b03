// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.OpNanos;
import io.winnow.kernels.Weight;
import io.winnow.kernels.WeightFormat;
import org.junit.jupiter.api.Test;

/** Time is booked to the operation that took it, and no more of it than went by. */
class OpNanosTest {
  @Test
  void timeIsBookedToItsOperation() {
    KernelsUnderTest.each(2, kernels -> {
      try (NativeBuffer x = NativeBuffer.ofElements(8 * 64);
          NativeBuffer out = NativeBuffer.ofElements(8 * 32);
          NativeBuffer norm = NativeBuffer.ofElements(64);
          Weight w = kernels.pack(32, 64, WeightFormat.F32, (first, rows, values) -> {})) {
        assertEquals(OpNanos.ZERO, kernels.opNanos());
        long start = System.nanoTime();
        kernels.matmul(x, 8, w, null, null, out);
        OpNanos product = kernels.opNanos();
        kernels.rmsNorm(x, 8, 64, norm, 1e-5f, x);
        OpNanos both = kernels.opNanos();
        long passed = System.nanoTime() - start;
        if (kernels instanceof JavaKernels) {
          assertEquals(OpNanos.ZERO, both, "the reference does not count");
          return;
        }
        assertTrue(product.matmul() > 0);
        assertEquals(new OpNanos(0, 0, product.matmul(), 0, 0, 0, 0, 0, 0), product);
        assertTrue(both.rmsNorm() > 0);
        assertEquals(new OpNanos(0, both.rmsNorm(), product.matmul(), 0, 0, 0, 0, 0, 0), both);
        assertTrue(both.matmul() + both.rmsNorm() <= passed);
      }
    });
  }
}
