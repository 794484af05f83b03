// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.model;

import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.kernels.FileMapping;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.Weight;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a file of packed weights holds, from a checkpoint's headers alone: the one file that fits is known to the byte
 * before it is opened, so nothing that a file says is believed.
 *
 * <p>Big-endian: 8 bytes {@code winnowpk}, int version, int bytes of the index, long bytes of the file, SHA-256 of the
 * index; then the index, UTF-8 lines: fingerprint, precision, layout and numerics, then a line a matrix (first byte,
 * bytes, rows, columns, how it is held, names). Matrices follow at starts of pages, in the layout of the kernels.
 */
final class PackedIndex implements ModelTensors {
  private static final byte[] MAGIC = "winnowpk".getBytes(StandardCharsets.US_ASCII);
  private static final int VERSION = 1;
  private static final int FIXED_BYTES = 8 + 4 + 4 + 8 + 32;
  private static final long PAGE = 4096;

  /** A matrix of the model, which may be several of the file's below each other. */
  record Entry(List<String> names, int rows, int cols, HeldMatrix held, long bytes) {}

  private final Checkpoint checkpoint;
  private final Kernels kernels;
  private final WeightPrecision precision;
  private final List<Entry> entries = new ArrayList<>();
  private final Map<String, Long> offsets = new LinkedHashMap<>();
  private byte[] header;
  private long fileBytes;

  /** Without a matrix yet: the model asks for them one by one, then {@link #finish}. */
  PackedIndex(Checkpoint checkpoint, Kernels kernels, WeightPrecision precision) {
    this.checkpoint = checkpoint;
    this.kernels = kernels;
    this.precision = precision;
  }

  @Override
  public Weight matrix(String... names) {
    int rows = 0;
    for (String name : names) {
      rows += (int) checkpoint.tensor(name).rows();
    }
    int cols = (int) checkpoint.tensor(names[0]).cols();
    HeldMatrix held = HeldMatrix.of(checkpoint, precision, names);
    long bytes =
        held.codes() != null
            ? kernels.placedBytes(rows, cols, held.codes())
            : kernels.placedBytes(rows, cols, held.format());
    entries.add(new Entry(List.of(names), rows, cols, held, bytes));
    return null;
  }

  @Override
  public NativeBuffer vector(String name) {
    return null;
  }

  @Override
  public NativeBuffer bias(String... names) {
    return null;
  }

  /** Lays the matrices out. */
  void finish() {
    // Offsets count from the first matrix, so that the index may have any length.
    long at = 0;
    StringBuilder text = new StringBuilder();
    text.append(checkpoint.fingerprint()).append(' ').append(precision.label()).append(' ').append(kernels.layout())
        .append(' ').append(precision.numericsVersion()).append('\n');
    for (Entry e : entries) {
      offsets.put(e.names().get(0), at);
      text.append(at).append(' ').append(e.bytes()).append(' ').append(e.rows()).append(' ').append(e.cols())
          .append(' ').append(e.held()).append(' ').append(String.join(" ", e.names())).append('\n');
      at = pages(at + e.bytes());
    }
    byte[] index = text.toString().getBytes(StandardCharsets.UTF_8);
    long first = pages(FIXED_BYTES + index.length);
    fileBytes = first + at;
    offsets.replaceAll((name, offset) -> first + offset);
    header =
        ByteBuffer.allocate(FIXED_BYTES + index.length)
            .put(MAGIC).putInt(VERSION).putInt(index.length).putLong(fileBytes).put(sha256(index)).put(index)
            .array();
  }

  private static long pages(long bytes) {
    return (bytes + PAGE - 1) / PAGE * PAGE;
  }

  List<Entry> entries() {
    return entries;
  }

  long offset(String firstName) {
    return offsets.get(firstName);
  }

  byte[] header() {
    return header;
  }

  long fileBytes() {
    return fileBytes;
  }

  /** All that decides the bytes, as a file's name without its ending. */
  String key() {
    return checkpoint.fingerprint().substring(0, 16) + "-" + precision.label() + "-" + kernels.layout() + "-"
        + HexFormat.of().formatHex(sha256(header), 0, 8);
  }

  /** Why a file is not the one that is described here; null when it is. */
  String fault(FileMapping file) {
    if (file.sizeBytes() != fileBytes) {
      return "it has " + file.sizeBytes() + " bytes and not " + fileBytes;
    }
    byte[] found = file.read(0, header.length);
    if (Arrays.equals(found, header)) {
      return null;
    }
    ByteBuffer in = ByteBuffer.wrap(found);
    if (!Arrays.equals(MAGIC, Arrays.copyOf(found, MAGIC.length))) {
      return "it does not begin as a file of packed weights does";
    }
    int version = in.getInt(MAGIC.length);
    if (version != VERSION) {
      return "it has the version " + version + " and not " + VERSION;
    }
    byte[] index = Arrays.copyOfRange(found, FIXED_BYTES, found.length);
    byte[] stated = Arrays.copyOfRange(found, FIXED_BYTES - 32, FIXED_BYTES);
    return Arrays.equals(sha256(index), stated)
        ? "its index is that of another model or layout"
        : "its header or index is damaged";
  }

  private static byte[] sha256(byte[] bytes) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("Every Java platform has SHA-256", e);
    }
  }
}
