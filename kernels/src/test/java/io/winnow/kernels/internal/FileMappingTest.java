// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.winnow.kernels.FileMapping;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.Place;
import io.winnow.kernels.QuantFormat;
import io.winnow.kernels.Weight;
import io.winnow.kernels.WeightFormat;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(Seeds.class)
class FileMappingTest {
  @TempDir Path folder;

  @BeforeEach
  void needsTheNativeLibrary() {
    assumeTrue(FileMapping.supported(), NativeLibrary.unusableReason());
  }

  @AfterEach
  void nothingLeaks() {
    assertEquals(0, FileMapping.outstandingBytes());
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  private void refuses(Path file, String why) {
    IOException e = assertThrows(IOException.class, () -> FileMapping.open(file));
    assertTrue(e.getMessage().contains(file.toString()) && e.getMessage().contains(why), e.getMessage());
  }

  @Test
  void whatIsWrittenIsInTheFile() throws IOException {
    Path file = folder.resolve("grün");
    try (FileMapping mapping = FileMapping.create(file, 10_000)) {
      assertEquals(10_000, FileMapping.outstandingBytes());
      assertEquals(10_000, Files.size(file));
      mapping.write(9_990, new byte[] {1, 2, 3});
      mapping.sync();
    }
    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
    byte[] expected = new byte[10_000];
    expected[9_990] = 1;
    expected[9_991] = 2;
    expected[9_992] = 3;
    assertArrayEquals(expected, Files.readAllBytes(file));
    try (FileMapping mapping = FileMapping.open(file)) {
      assertArrayEquals(expected, mapping.read(0, 10_000));
      assertThrows(IllegalStateException.class, () -> mapping.write(0, new byte[1]));
      for (long[] part : new long[][] {{-1, 1}, {0, -1}, {0, 10_001}, {10_000, 1}, {Long.MAX_VALUE, 2}}) {
        assertThrows(IndexOutOfBoundsException.class, () -> mapping.address(part[0], part[1]));
      }
      mapping.close();
      assertThrows(IndexOutOfBoundsException.class, () -> mapping.address(0, 1));
    }
  }

  @Test
  void offsetsBeyondTwoAndFourGigabytesAreThose() throws IOException {
    Path file = folder.resolve("sparse");
    long[] places = {0, (1L << 31) - 2, (1L << 31) + 5, (1L << 32) - 1, (1L << 32) + 7, 5L << 30};
    try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
      for (int i = 0; i < places.length; i++) {
        out.seek(places[i]);
        out.write(new byte[] {(byte) (i + 1), (byte) (i + 101)});
      }
    }
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    try (FileMapping mapping = FileMapping.open(file)) {
      assertEquals((5L << 30) + 2, mapping.sizeBytes());
      for (int i = 0; i < places.length; i++) {
        assertArrayEquals(new byte[] {(byte) (i + 1), (byte) (i + 101)}, mapping.read(places[i], 2));
      }
    }
  }

  @Test
  void refusesWhatOthersMayHaveMade() throws IOException {
    Path file = Files.write(folder.resolve("file"), new byte[100]);
    refuses(folder.resolve("missing"), "no such file");
    refuses(folder, "no plain file");
    refuses(Files.createSymbolicLink(folder.resolve("link"), file), "symbolic link");
    refuses(Files.createFile(folder.resolve("empty")), "empty");
    for (String permissions : new String[] {"rw--w----", "rw-----w-"}) {
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(permissions));
      refuses(file, "others may write");
    }
    assertTrue(
        assertThrows(IOException.class, () -> FileMapping.create(file, 100)).getMessage().contains("there already"));
  }

  @Test
  void aFileThatTheDiskCannotHoldIsRefusedAtOnce() throws IOException {
    Path file = folder.resolve("huge");
    assertThrows(IOException.class, () -> FileMapping.create(file, 1L << 60));
  }

  @Test
  void aLockHasOneHolderEvenWithinAProcess() throws IOException {
    Path file = folder.resolve("lock");
    try (FileMapping.Lock first = FileMapping.tryLock(file)) {
      assertNotNull(first);
      assertNull(FileMapping.tryLock(file));
      // A lock of the process, not of the open file, would be lost by this.
      Files.readAllBytes(file);
      assertNull(FileMapping.tryLock(file));
    }
    try (FileMapping.Lock second = FileMapping.tryLock(file)) {
      assertNotNull(second);
    }
  }

  @Test
  void matricesInAFileAreThoseInMemory(Random random) throws IOException {
    int round = 0;
    for (Isa isa : Isa.available()) {
      for (int threads : KernelsUnderTest.THREADS) {
        try (Kernels kernels = new NativeKernels(isa, threads)) {
          for (WeightFormat format : WeightFormat.values()) {
            int rows = 1 + random.nextInt(100);
            int cols = 1 + random.nextInt(300);
            float[] values = new float[rows * cols];
            for (int i = 0; i < values.length; i++) {
              values[i] = (float) random.nextGaussian();
            }
            Path file = folder.resolve("weights" + round++);
            same(kernels, rows, cols, format, values, file);
          }
        }
      }
    }
  }

  private static void same(Kernels kernels, int rows, int cols, WeightFormat format, float[] values, Path file)
      throws IOException {
    long bytes = kernels.placedBytes(rows, cols, format);
    float[] memory;
    try (Weight weight = kernels.pack(rows, cols, format,
        (first, count, out) -> System.arraycopy(values, first * cols, out, 0, count * cols))) {
      memory = embedded(kernels, weight);
    }
    try (FileMapping mapping = FileMapping.create(file, 128 + bytes)) {
      kernels.pack(rows, cols, format,
          (first, count, out) -> System.arraycopy(values, first * cols, out, 0, count * cols), new Place(mapping, 128))
          .close();
    }
    try (FileMapping mapping = FileMapping.open(file);
        Weight weight = kernels.pack(rows, cols, format, (first, count, out) -> {
          throw new AssertionError("the matrix is there already");
        }, new Place(mapping, 128))) {
      assertEquals(64 + bytes, weight.sizeBytes());
      assertArrayEquals(memory, embedded(kernels, weight), rows + " x " + cols + " " + format);
      assertThrows(IndexOutOfBoundsException.class, () -> kernels.pack(rows, cols, format, null, new Place(mapping, 192)));
    }
  }

  /** All rows, which show every code, scale and minimum. */
  private static float[] embedded(Kernels kernels, Weight weight) {
    int[] ids = new int[weight.rows()];
    Arrays.setAll(ids, i -> i);
    float[] values = new float[weight.rows() * weight.cols()];
    try (NativeBuffer out = NativeBuffer.ofElements(values.length)) {
      kernels.embed(weight, ids, ids.length, out);
      out.read(0, values, 0, values.length);
    }
    return values;
  }

  /** The definition of winnow_kernels.h, a code at a time. */
  @Test
  void codesLieWhereTheHeaderSays(Random random) throws IOException {
    List<QuantFormat> formats = List.of(QuantFormat.INT4, QuantFormat.INT8);
    try (Kernels kernels = new NativeKernels(Isa.available().get(0), 2)) {
      for (int round = 0; round < 20; round++) {
        QuantFormat format = formats.get(round % 2);
        int rows = 1 + random.nextInt(40);
        int cols = 1 + random.nextInt(300);
        boolean nibbles = format.bits() == 4;
        byte[] codes = new byte[rows * cols];
        random.nextBytes(codes);
        byte[] expected =
            new byte[Math.toIntExact(NativeLibrary.packedBytes(nibbles ? 3 : 2, rows, cols))];
        for (int r = 0; r < rows; r++) {
          for (int c = 0; c < cols; c++) {
            codes[r * cols + c] &= (byte) (nibbles ? 15 : 255);
            int code = codes[r * cols + c];
            int of = nibbles ? 8 : 4;
            int panel = r / 16 * ((cols + of - 1) / of * 64);
            int at = panel + c / of * 64 + r % 16 * 4 + c % 4;
            expected[at] |= (byte) (!nibbles ? code ^ 0x80 : c % 8 < 4 ? code : code << 4);
          }
        }
        Path file = folder.resolve("codes" + round);
        try (FileMapping mapping = FileMapping.create(file, kernels.placedBytes(rows, cols, format))) {
          kernels.pack(rows, cols, format, (first, count, out, scales, mins) ->
              System.arraycopy(codes, first * cols, out, 0, count * cols), new Place(mapping, 0)).close();
          byte[] found = mapping.read(0, expected.length);
          assertArrayEquals(expected, found, rows + " x " + cols + " " + format);
        }
      }
    }
  }
}
