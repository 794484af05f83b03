// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import java.io.Closeable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The header of a GGUF file, versions 2 and 3, little-endian (ggml's docs/gguf.md): metadata by key, and where each
 * tensor lies. Metadata values are Boolean, Long (all integers), Double (all floats), String, or a List of these;
 * 64-bit unsigned values beyond 2^63 come out negative.
 */
public final class GgufFile implements Closeable {
  private static final int MAGIC = 0x46554747;
  private static final int MAX_ARRAY_DEPTH = 4;

  /** A tensor under GGUF's name; {@code cols} is the innermost dimension, {@code begin} a position in the file. */
  record Entry(String name, int type, long rows, long cols, long begin) {}

  private final RandomReader file;
  private final Map<String, Object> metadata;
  private final Map<String, Entry> entries;

  private GgufFile(RandomReader file, Map<String, Object> metadata, Map<String, Entry> entries) {
    this.file = file;
    this.metadata = metadata;
    this.entries = entries;
  }

  /** @throws InferenceException class model_invalid when the file is damaged, truncated or no GGUF */
  public static GgufFile open(Path path) {
    RandomReader file = new RandomReader(path);
    try {
      return parse(file);
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private static GgufFile parse(RandomReader file) {
    GgufCursor in = new GgufCursor(file);
    if (in.remaining() < 24) {
      throw in.broken(String.format("it is truncated: it has %d bytes, its header alone needs 24", file.size()));
    }
    if (in.i32() != MAGIC) {
      throw in.broken("it does not begin with 'GGUF'");
    }
    int version = in.i32();
    if (version != 2 && version != 3) {
      throw in.broken(
          Integer.reverseBytes(version) == 3 || Integer.reverseBytes(version) == 2
              ? "it is a big-endian GGUF, but only little-endian ones are read"
              : "its GGUF version is " + Integer.toUnsignedString(version) + ", but only 2 and 3 are read");
    }
    int tensorCount = in.count("tensors", 24);
    int keyCount = in.count("metadata entries", 13);
    Map<String, Object> metadata = new LinkedHashMap<>();
    for (int i = 0; i < keyCount; i++) {
      String key = in.string();
      if (metadata.put(key, value(in, in.i32(), 0)) != null) {
        throw in.broken("the metadata key " + key + " occurs twice");
      }
    }
    Map<String, Entry> entries = entries(file, in, tensorCount, metadata);
    return new GgufFile(file, metadata, entries);
  }

  private static Object value(GgufCursor in, int type, int depth) {
    return switch (type) {
      case 0 -> (long) in.u8();
      case 1 -> (long) (byte) in.u8();
      case 2 -> (long) (in.i16() & 0xffff);
      case 3 -> (long) in.i16();
      case 4 -> in.i32() & 0xffffffffL;
      case 5 -> (long) in.i32();
      // The shortest decimal of the float: 1e-5 stays 1e-5 in double.
      case 6 -> Double.parseDouble(Float.toString(Float.intBitsToFloat(in.i32())));
      case 7 -> in.u8() != 0;
      case 8 -> in.string();
      case 9 -> {
        int elementType = in.i32();
        if (depth >= MAX_ARRAY_DEPTH) {
          throw in.broken("its metadata nests arrays more than " + MAX_ARRAY_DEPTH + " deep");
        }
        int length = in.count("array elements", bytesAtLeast(in, elementType));
        List<Object> values = new ArrayList<>(length);
        for (int i = 0; i < length; i++) {
          values.add(value(in, elementType, depth + 1));
        }
        yield values;
      }
      case 10, 11 -> in.i64();
      case 12 -> Double.longBitsToDouble(in.i64());
      default -> throw unknownType(in, type);
    };
  }

  private static int bytesAtLeast(GgufCursor in, int type) {
    return switch (type) {
      case 0, 1, 7 -> 1;
      case 2, 3 -> 2;
      case 4, 5, 6 -> 4;
      case 8, 10, 11, 12 -> 8;
      case 9 -> 12;
      default -> throw unknownType(in, type);
    };
  }

  private static InferenceException unknownType(GgufCursor in, int type) {
    return in.broken(
        String.format(
            "the metadata value at byte %d has the unknown type %s", in.position(), Integer.toUnsignedString(type)));
  }

  private static Map<String, Entry> entries(
      RandomReader file, GgufCursor in, int count, Map<String, Object> metadata) {
    record Raw(String name, int type, long[] dims, long offset) {}
    List<Raw> raws = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      String name = in.string();
      int dimensions = in.i32();
      if (dimensions < 1 || dimensions > 4) {
        throw in.broken(
            String.format("tensor %s has %s dimensions", name, Integer.toUnsignedString(dimensions)));
      }
      long[] dims = new long[dimensions];
      for (int d = 0; d < dimensions; d++) {
        dims[d] = in.i64();
      }
      raws.add(new Raw(name, in.i32(), dims, in.i64()));
    }
    long alignment = metadata.get("general.alignment") instanceof Long given ? given : 32;
    if (alignment < 1 || alignment > 1 << 20) {
      throw in.broken("its general.alignment is " + alignment);
    }
    long dataStart = (in.position() + alignment - 1) / alignment * alignment;
    Map<String, Entry> entries = new LinkedHashMap<>();
    List<long[]> spans = new ArrayList<>();
    List<String> names = new ArrayList<>();
    for (Raw raw : raws) {
      long[] span = span(file, in, raw.name(), raw.type(), raw.dims(), raw.offset(), dataStart);
      long rows = 1;
      for (int d = 1; d < raw.dims().length; d++) {
        rows *= raw.dims()[d];
      }
      Entry entry = new Entry(raw.name(), raw.type(), rows, raw.dims()[0], span[0]);
      if (entries.put(raw.name(), entry) != null) {
        throw in.broken("tensor " + raw.name() + " occurs twice");
      }
      spans.add(new long[] {span[0], span[1], names.size()});
      names.add(raw.name());
    }
    spans.sort(Comparator.comparingLong((long[] s) -> s[0]));
    for (int i = 1; i < spans.size(); i++) {
      if (spans.get(i)[0] < spans.get(i - 1)[1]) {
        throw in.broken(
            String.format(
                "the tensors %s and %s overlap",
                names.get((int) spans.get(i - 1)[2]), names.get((int) spans.get(i)[2])));
      }
    }
    return entries;
  }

  /** First byte and the byte after the last, in the file. */
  private static long[] span(
      RandomReader file, GgufCursor in, String name, int type, long[] dims, long offset, long dataStart) {
    DType dtype = GgmlType.dtype(type);
    if (dtype == null) {
      throw InferenceErrors.modelUnsupported(
          file.path().toString(),
          String.format(
              "tensor %s is stored as %s (ggml type %s), but only %s are read",
              name, GgmlType.name(type), Integer.toUnsignedString(type), GgmlType.readable()),
          "Use a file quantised to these, such as Q4_K_M or Q8_0.");
    }
    long bytes;
    try {
      long elements = 1;
      for (long dim : dims) {
        if (dim < 1) {
          throw new ArithmeticException();
        }
        elements = Math.multiplyExact(elements, dim);
      }
      bytes = Math.multiplyExact(elements / dtype.blockElements, dtype.blockBytes);
    } catch (ArithmeticException e) {
      throw in.broken(
          String.format("tensor %s has the impossible shape %s", name, java.util.Arrays.toString(dims)));
    }
    if (dims[0] % dtype.blockElements != 0) {
      throw in.broken(
          String.format(
              "tensor %s has rows of %d values, which is no whole number of %s blocks of %d",
              name, dims[0], dtype, dtype.blockElements));
    }
    if (offset < 0 || offset > file.size() || dataStart + offset + bytes > file.size()) {
      throw in.broken(
          String.format(
              "it is truncated: tensor %s takes %d bytes at offset %s of the data, which starts at byte %d, but the"
                  + " file has %d bytes",
              name, bytes, Long.toUnsignedString(offset), dataStart, file.size()));
    }
    return new long[] {dataStart + offset, dataStart + offset + bytes};
  }

  /** Everything before the tensors, by key. */
  public Map<String, Object> metadata() {
    return metadata;
  }

  /** The text under that key, or null. */
  public String string(String key) {
    return metadata.get(key) instanceof String text ? text : null;
  }

  /** The number under that key, or {@code otherwise}. */
  public long number(String key, long otherwise) {
    return metadata.get(key) instanceof Long number ? number : otherwise;
  }

  /** The list under that key, or null. */
  @SuppressWarnings("unchecked")
  public <T> List<T> list(String key, Class<T> of) {
    if (!(metadata.get(key) instanceof List<?> list)) {
      return null;
    }
    for (Object element : list) {
      if (!of.isInstance(element)) {
        throw InferenceErrors.modelInvalid(
            file.path().toString(), "the metadata " + key + " holds an element of another type", "Download it again.");
      }
    }
    return (List<T>) list;
  }

  Map<String, Entry> entries() {
    return entries;
  }

  RandomReader file() {
    return file;
  }

  @Override
  public void close() {
    file.close();
  }
}
