// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Writes GGUF files, sound or not, one call for each entry. */
public final class TinyGguf {
  private record Tensor(String name, long[] dims, int type, long offset) {}

  private final ByteArrayOutputStream keys = new ByteArrayOutputStream();
  private final ByteArrayOutputStream data = new ByteArrayOutputStream();
  private final List<Tensor> tensors = new ArrayList<>();
  private int keyCount;
  private int version = 3;

  public TinyGguf version(int version) {
    this.version = version;
    return this;
  }

  public TinyGguf put(String key, String value) {
    key(key, 8);
    keys.writeBytes(text(value));
    return this;
  }

  public TinyGguf put(String key, int value) {
    key(key, 4);
    keys.writeBytes(ints(value));
    return this;
  }

  public TinyGguf put(String key, boolean value) {
    key(key, 7);
    keys.write(value ? 1 : 0);
    return this;
  }

  public TinyGguf put(String key, float value) {
    key(key, 6);
    keys.writeBytes(ints(Float.floatToRawIntBits(value)));
    return this;
  }

  public TinyGguf putStrings(String key, List<String> values) {
    key(key, 9);
    keys.writeBytes(ints(8));
    keys.writeBytes(longs(values.size()));
    values.forEach(v -> keys.writeBytes(text(v)));
    return this;
  }

  public TinyGguf putInts(String key, int... values) {
    key(key, 9);
    keys.writeBytes(ints(5));
    keys.writeBytes(longs(values.length));
    keys.writeBytes(ints(values));
    return this;
  }

  public TinyGguf putFloats(String key, float... values) {
    key(key, 9);
    keys.writeBytes(ints(6));
    keys.writeBytes(longs(values.length));
    for (float value : values) {
      keys.writeBytes(ints(Float.floatToRawIntBits(value)));
    }
    return this;
  }

  /** {@code dims} innermost first, as in the file. */
  public TinyGguf tensor(String name, int type, byte[] bytes, long... dims) {
    tensors.add(new Tensor(name, dims, type, data.size()));
    data.writeBytes(bytes);
    while (data.size() % 32 != 0) {
      data.write(0);
    }
    return this;
  }

  /** A tensor that claims a place of its own choosing. */
  public TinyGguf tensorAt(String name, int type, long offset, long... dims) {
    tensors.add(new Tensor(name, dims, type, offset));
    return this;
  }

  public byte[] bytes() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
    out.writeBytes(ints(version));
    out.writeBytes(longs(tensors.size(), keyCount));
    out.writeBytes(keys.toByteArray());
    for (Tensor tensor : tensors) {
      out.writeBytes(text(tensor.name()));
      out.writeBytes(ints(tensor.dims().length));
      out.writeBytes(longs(tensor.dims()));
      out.writeBytes(ints(tensor.type()));
      out.writeBytes(longs(tensor.offset()));
    }
    while (out.size() % 32 != 0) {
      out.write(0);
    }
    out.writeBytes(data.toByteArray());
    return out.toByteArray();
  }

  public void write(Path file) throws IOException {
    Files.write(file, bytes());
  }

  private void key(String key, int type) {
    keyCount++;
    keys.writeBytes(text(key));
    keys.writeBytes(ints(type));
  }

  private static byte[] text(String value) {
    byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(8 + utf8.length).order(ByteOrder.LITTLE_ENDIAN).putLong(utf8.length).put(utf8).array();
  }

  static byte[] ints(int... values) {
    ByteBuffer out = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (int value : values) {
      out.putInt(value);
    }
    return out.array();
  }

  private static byte[] longs(long... values) {
    ByteBuffer out = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (long value : values) {
      out.putLong(value);
    }
    return out.array();
  }

  static byte[] floats(float... values) {
    ByteBuffer out = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      out.putFloat(value);
    }
    return out.array();
  }
}
