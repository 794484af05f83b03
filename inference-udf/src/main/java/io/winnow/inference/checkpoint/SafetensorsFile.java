// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The header of one .safetensors file: eight bytes of header length (little-endian), a JSON object of name to dtype,
 * shape and data_offsets, then the data. Format: the safetensors library's own description.
 */
final class SafetensorsFile {
  /** The limit of the safetensors library itself. */
  private static final long MAX_HEADER_BYTES = 100_000_000;

  private static final Map<String, Integer> BYTES =
      Map.ofEntries(
          Map.entry("BOOL", 1), Map.entry("U8", 1), Map.entry("I8", 1), Map.entry("F8_E4M3", 1),
          Map.entry("F8_E5M2", 1), Map.entry("F8_E8M0", 1), Map.entry("I16", 2), Map.entry("U16", 2),
          Map.entry("F16", 2), Map.entry("BF16", 2), Map.entry("I32", 4), Map.entry("U32", 4), Map.entry("F32", 4),
          Map.entry("I64", 8), Map.entry("U64", 8), Map.entry("F64", 8), Map.entry("C64", 8));

  /** One entry of the header; {@code begin} and {@code end} are positions in the file. */
  record Entry(String name, String dtype, long[] shape, long begin, long end) {}

  private final RandomReader file;
  private final Map<String, Entry> entries;

  private SafetensorsFile(RandomReader file, Map<String, Entry> entries) {
    this.file = file;
    this.entries = entries;
  }

  Map<String, Entry> entries() {
    return entries;
  }

  RandomReader file() {
    return file;
  }

  static SafetensorsFile open(RandomReader file) {
    if (file.size() < 8) {
      throw broken(file, String.format("it is truncated: it has %d bytes, its header alone needs 8", file.size()));
    }
    byte[] prefix = new byte[8];
    file.read(0, prefix, 0, 8);
    long length = ByteBuffer.wrap(prefix).order(ByteOrder.LITTLE_ENDIAN).getLong();
    if (length < 2 || length > MAX_HEADER_BYTES) {
      throw broken(
          file,
          String.format(
              "its header says to be %s bytes long, but must be from 2 to %d",
              Long.toUnsignedString(length), MAX_HEADER_BYTES));
    }
    if (8 + length > file.size()) {
      throw broken(
          file,
          String.format("it is truncated: its header ends at byte %d, the file at %d", 8 + length, file.size()));
    }
    byte[] header = new byte[(int) length];
    file.read(8, header, 0, header.length);
    JsonFields json = JsonFields.parse(file.path().toString(), header);
    Map<String, Entry> entries = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> field : json.node().properties()) {
      if (!field.getKey().equals("__metadata__")) {
        entries.put(field.getKey(), entry(file, field.getKey(), field.getValue(), 8 + length));
      }
    }
    checkNoOverlap(file, entries);
    return new SafetensorsFile(file, entries);
  }

  private static Entry entry(RandomReader file, String name, JsonNode json, long dataStart) {
    String dtype = json.path("dtype").asText("");
    Integer bytes = BYTES.get(dtype);
    if (bytes == null) {
      throw broken(file, String.format("tensor %s has the unknown dtype '%s'", name, dtype));
    }
    JsonNode dims = json.path("shape");
    JsonNode offsets = json.path("data_offsets");
    if (!dims.isArray() || dims.size() > 8 || !offsets.isArray() || offsets.size() != 2) {
      throw broken(file, String.format("the header entry of tensor %s has no shape or no two data_offsets", name));
    }
    long[] shape = new long[dims.size()];
    long size = bytes;
    try {
      for (int i = 0; i < shape.length; i++) {
        shape[i] = wholeNumber(dims.get(i));
        size = Math.multiplyExact(size, shape[i]);
      }
    } catch (ArithmeticException e) {
      throw broken(file, String.format("tensor %s has the impossible shape %s", name, dims));
    }
    long begin;
    long end;
    try {
      begin = Math.addExact(dataStart, wholeNumber(offsets.get(0)));
      end = Math.addExact(dataStart, wholeNumber(offsets.get(1)));
    } catch (ArithmeticException e) {
      throw broken(file, String.format("tensor %s has impossible data_offsets %s", name, offsets));
    }
    if (begin > end || end - begin != size) {
      throw broken(
          file,
          String.format(
              "tensor %s of shape %s and dtype %s takes %d bytes, but its data_offsets %s hold %d",
              name, dims, dtype, size, offsets, end - begin));
    }
    if (end > file.size()) {
      throw broken(
          file,
          String.format("it is truncated: tensor %s ends at byte %d, the file at %d", name, end, file.size()));
    }
    return new Entry(name, dtype, shape, begin, end);
  }

  private static long wholeNumber(JsonNode node) {
    if (!node.isIntegralNumber() || !node.canConvertToLong() || node.longValue() < 0) {
      throw new ArithmeticException();
    }
    return node.longValue();
  }

  private static void checkNoOverlap(RandomReader file, Map<String, Entry> entries) {
    List<Entry> byPosition = new ArrayList<>(entries.values());
    byPosition.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    for (int i = 1; i < byPosition.size(); i++) {
      Entry before = byPosition.get(i - 1);
      Entry after = byPosition.get(i);
      if (after.begin() < before.end()) {
        throw broken(file, String.format("the tensors %s and %s overlap", before.name(), after.name()));
      }
    }
  }

  private static InferenceException broken(RandomReader file, String why) {
    return InferenceErrors.modelInvalid(file.path().toString(), why, "Download it again.");
  }
}
