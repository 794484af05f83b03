// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.kernels.KernelException;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KernelsLadder;
import io.winnow.kernels.WeightFormat;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;

/** Which rung is taken, and what is said about the others, on machines of all kinds. */
class KernelRungsTest {
  /** A machine that is none. */
  private static final class Made implements Machine {
    final Map<Isa, String> differences = new EnumMap<>(Isa.class);
    final List<Isa> looked = new ArrayList<>();
    List<Isa> available = List.of(Isa.AVX2, Isa.AVX512);
    String unusable;
    boolean multipliesBf16 = true;

    @Override
    public String unusableReason() {
      return unusable;
    }

    @Override
    public List<Isa> available() {
      return available;
    }

    @Override
    public boolean multipliesBf16() {
      return multipliesBf16;
    }

    @Override
    public String difference(Isa isa) {
      looked.add(isa);
      return differences.get(isa);
    }
  }

  private final Made machine = new Made();

  private String summary(String forced) {
    return KernelRungs.of(forced, machine).summary();
  }

  @Test
  void whatThisBuildHasLoads() {
    // Else every test of the native kernels would find nothing to test, and pass.
    if (NativeLibrary.class.getResource(NativeLibrary.resource()) != null) {
      assertNull(NativeLibrary.unusableReason());
    }
  }

  @Test
  void theBestIsTakenAndTheOthersAreNotLookedAt() {
    assertTrue(summary(null).startsWith("Kernels: native avx512; not cuda (this build has no CUDA kernels)"),
        summary(null));
    KernelRungs rungs = KernelRungs.of(null, machine);
    assertNull(rungs.refusal());
    assertTrue(
        rungs.list().toString().contains("Rung[name=native avx2, unusableReason=avx512 is faster]"),
        rungs.list().toString());
    assertTrue(rungs.list().toString().contains("Rung[name=java, unusableReason=native avx512 is faster]"));
    assertEquals(List.of("reference", "avx2", "avx512"), rungs.names());
    assertTrue(machine.looked.stream().allMatch(isa -> isa == Isa.AVX512), "" + machine.looked);
  }

  @Test
  void whatComputesOtherwiseIsNotTaken() {
    machine.differences.put(Isa.AVX512, "matmul f32 gives 1");
    String reason = "native avx512 (its arithmetic differs from the reference on this machine: matmul f32 gives 1)";
    assertTrue(summary(null).startsWith("Kernels: native avx2; not "), summary(null));
    assertTrue(summary(null).contains(reason), summary(null));
    machine.differences.put(Isa.AVX2, "rope gives 2");
    assertTrue(summary(null).startsWith("Kernels: java; not "), summary(null));
    assertTrue(summary(null).contains("reference on this machine: rope gives 2"), summary(null));
    assertEquals(
        "WINNOW_ISA=avx512 is not available: its arithmetic differs from the reference on this machine: matmul f32"
            + " gives 1",
        KernelRungs.of("avx512", machine).refusal());
    KernelException named = assertThrows(KernelException.class, () -> KernelRungs.of(null, machine).open("avx2", 1));
    assertTrue(named.getMessage().contains("rope gives 2"), named.getMessage());
  }

  @Test
  void whatIsAskedForIsTaken() {
    assertTrue(summary("avx2").startsWith("Kernels: native avx2; not "), summary("avx2"));
    assertTrue(summary("avx2").contains("native avx512 (WINNOW_ISA=avx2 asks for another)"), summary("avx2"));
    assertTrue(summary(" Reference ").startsWith("Kernels: java; not "), summary(" Reference "));
    assertEquals(summary(null), summary(""));
  }

  @Test
  void whatIsNotThereIsRefused() {
    assertEquals(
        "WINNOW_ISA=amx is not available: this processor or this build lacks it; instruction sets found: avx2, avx512",
        KernelRungs.of("amx", machine).refusal());
    assertEquals(
        "WINNOW_ISA=sse is no instruction set: use neon, avx2, avx512, amx or reference",
        KernelRungs.of("sse", machine).refusal());
    KernelException e = assertThrows(KernelException.class, () -> KernelRungs.of("amx", machine).open(1));
    assertTrue(e.getMessage().contains("WINNOW_ISA=amx is not available"), e.getMessage());
    assertTrue(machine.looked.isEmpty(), "" + machine.looked);
    assertThrows(KernelException.class, () -> KernelRungs.of(null, machine).open("sse", 1));
    machine.unusable = "it cannot be loaded";
    machine.available = List.of();
    assertEquals(
        "WINNOW_ISA=avx2 is not available: it cannot be loaded", KernelRungs.of("avx2", machine).refusal());
  }

  @Test
  void withoutALibraryJavaComputes() {
    machine.unusable = "it cannot be loaded";
    machine.available = List.of();
    KernelRungs rungs = KernelRungs.of(null, machine);
    assertEquals(
        "Kernels: java; not cuda (this build has no CUDA kernels), not native (it cannot be loaded)", rungs.summary());
    assertEquals(List.of("reference"), rungs.names());
    assertEquals(JavaKernels.packedBytes(5, 7, WeightFormat.F32), rungs.packedBytes(5, 7, WeightFormat.F32));
    try (Kernels kernels = rungs.open(1)) {
      assertEquals("java", kernels.name());
    }
  }

  @Test
  void theRungIsLoggedOnce() {
    machine.unusable = "it cannot be loaded";
    machine.available = List.of();
    List<LogRecord> records = new ArrayList<>();
    Handler handler =
        new Handler() {
          @Override
          public void publish(LogRecord record) {
            records.add(record);
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    Logger logger = Logger.getLogger(KernelsLadder.class.getName());
    logger.addHandler(handler);
    logger.setUseParentHandlers(false);
    try {
      KernelRungs rungs = KernelRungs.of(null, machine);
      rungs.open(1).close();
      rungs.open(2).close();
      assertEquals(1, records.size());
      // Nobody has asked for the slow one.
      assertEquals(Level.WARNING, records.get(0).getLevel());
      assertEquals(rungs.summary(), records.get(0).getMessage());
      KernelRungs.of("reference", machine).open(1).close();
      assertEquals(Level.INFO, records.get(1).getLevel());
    } finally {
      logger.removeHandler(handler);
      logger.setUseParentHandlers(true);
    }
  }

  @Test
  void everyNameOfThisMachineOpens() {
    for (String name : KernelsLadder.names()) {
      try (Kernels kernels = KernelsLadder.open(name, 2)) {
        assertEquals(name.equals("reference") ? "java" : "native " + name, kernels.name());
        assertEquals(2, kernels.threads());
      }
    }
  }

  private String nativeRefusal(String forced) {
    return KernelRungs.of(forced, machine).nativeRefusal();
  }

  @Test
  void nativeProductsNeedTheTilesOfAmxAndSayWhatIsMissing() {
    assertEquals(
        "this processor has no AMX, or the system does not give its tiles to this process; instruction sets found:"
            + " avx2, avx512",
        nativeRefusal(null));
    machine.available = List.of(Isa.AVX2, Isa.AVX512, Isa.AMX);
    assertNull(nativeRefusal(null));
    assertNull(nativeRefusal("amx"));
    assertEquals("WINNOW_ISA=avx512 leaves AMX out", nativeRefusal("avx512"));
    assertEquals("WINNOW_ISA=reference leaves AMX out", nativeRefusal("reference"));
    assertTrue(nativeRefusal("avx9").startsWith("WINNOW_ISA=avx9 is no instruction set"));
    machine.multipliesBf16 = false;
    assertEquals("this processor's AMX has no products of bfloat16", nativeRefusal(null));
    machine.multipliesBf16 = true;
    machine.differences.put(Isa.AMX, "matmul int8 gives 1");
    assertTrue(nativeRefusal(null).contains("matmul int8 gives 1"));
    machine.unusable = "it cannot be loaded";
    machine.available = List.of();
    assertEquals("it cannot be loaded", nativeRefusal(null));
  }
}
