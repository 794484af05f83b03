// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.kernels.AttentionArgs;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.SampleArgs;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The self-check passes what computes the contract and names the operation that does not. */
class SelfCheckTest {
  /** What spoils the result of an operation, from its arguments: a unit in the last place of one element. */
  private static final Map<String, Consumer<Object[]>> FAULTS =
      Map.of(
          "matmul", args -> spoil((NativeBuffer) args[5], 7 * 37 - 1),
          "embed", args -> spoil((NativeBuffer) args[3], 40),
          "rmsNorm", args -> spoil((NativeBuffer) args[5], 66),
          "rope", args -> spoil((NativeBuffer) args[0], 1),
          "siluMul", args -> spoil((NativeBuffer) args[3], 60),
          "attention", args -> spoil(((AttentionArgs) args[0]).out(), 119),
          "sample", args -> ((SampleArgs) args[0]).token()[4]++);

  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  private static void spoil(NativeBuffer out, int element) {
    int[] bits = new int[1];
    out.read(element, bits, 0, 1);
    bits[0] ^= 1;
    out.write(element, bits, 0, 1);
  }

  /** The reference, but for one method that does something else at its end. */
  private static Kernels with(JavaKernels sound, String method, Consumer<Object[]> fault) {
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (self, called, args) -> {
              Object result;
              try {
                result = called.invoke(sound, args);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
              if (called.getName().equals(method)) {
                fault.accept(args);
              }
              return result;
            });
  }

  @Test
  void passesEveryImplementationOfThisMachine() {
    KernelsUnderTest.each(
        kernels -> {
          try (JavaKernels reference = new JavaKernels(1)) {
            assertNull(SelfCheck.difference(kernels, reference));
          }
        });
  }

  @Test
  void findsOneWrongBitInAnyOperation() {
    try (JavaKernels reference = new JavaKernels(1)) {
      FAULTS.forEach(
          (method, fault) -> {
            String found = SelfCheck.difference(with(reference, method, fault), reference);
            assertTrue(found != null && found.startsWith(method), method + ": " + found);
          });
      String store = SelfCheck.difference(with(reference, "storeKv", args -> {
        AttentionArgs a = (AttentionArgs) args[0];
        // The value of the last position, in whatever layout: all of its page.
        try (NativeBuffer zeros = NativeBuffer.allocate(4)) {
          Raw.copy(zeros.address(), a.cache().valueAddress(2, 1, 0), 4);
        }
      }), reference);
      assertTrue(store != null && store.startsWith("attention"), store);
    }
  }

  @Test
  void anOperationThatFailsIsADifferenceToo() {
    try (JavaKernels reference = new JavaKernels(1)) {
      Kernels broken = with(reference, "rope", args -> {
        throw new IllegalStateException("refused");
      });
      assertEquals("rope fails: refused", SelfCheck.difference(broken, reference));
    }
  }

  @Test
  void saysWhatItFound() {
    try (JavaKernels reference = new JavaKernels(1)) {
      String found = SelfCheck.difference(with(reference, "rmsNorm", FAULTS.get("rmsNorm")), reference);
      assertTrue(
          found.matches("rmsNorm gives \\S+ \\([0-9a-f]{8}\\) for element 66, the reference \\S+ \\([0-9a-f]{8}\\)"),
          found);
    }
  }
}
