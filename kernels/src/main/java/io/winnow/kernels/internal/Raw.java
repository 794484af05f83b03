// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import java.lang.reflect.Field;
import sun.misc.Unsafe;

/** Raw memory: the only file that touches Unsafe. No bounds are checked here. */
public final class Raw {
  private static final Unsafe UNSAFE;
  private static final long FLOATS = Unsafe.ARRAY_FLOAT_BASE_OFFSET;
  private static final long INTS = Unsafe.ARRAY_INT_BASE_OFFSET;

  static {
    try {
      Field field = Unsafe.class.getDeclaredField("theUnsafe");
      field.setAccessible(true);
      UNSAFE = (Unsafe) field.get(null);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private Raw() {}

  public static long allocate(long bytes) {
    return UNSAFE.allocateMemory(bytes);
  }

  public static void free(long address) {
    UNSAFE.freeMemory(address);
  }

  public static void zero(long address, long bytes) {
    UNSAFE.setMemory(address, bytes, (byte) 0);
  }

  public static void copy(long from, long to, long bytes) {
    UNSAFE.copyMemory(from, to, bytes);
  }

  public static void read(long address, float[] out, int offset, int count) {
    UNSAFE.copyMemory(null, address, out, FLOATS + offset * 4L, count * 4L);
  }

  public static void write(long address, float[] in, int offset, int count) {
    UNSAFE.copyMemory(in, FLOATS + offset * 4L, null, address, count * 4L);
  }

  public static void read(long address, int[] out, int offset, int count) {
    UNSAFE.copyMemory(null, address, out, INTS + offset * 4L, count * 4L);
  }

  public static void write(long address, int[] in, int offset, int count) {
    UNSAFE.copyMemory(in, INTS + offset * 4L, null, address, count * 4L);
  }

  /** Copies the bits of ints into floats: a bulk {@link Float#intBitsToFloat} that costs a memory copy. */
  static void bitsToFloats(int[] in, float[] out, int outOffset, int count) {
    UNSAFE.copyMemory(in, INTS, out, FLOATS + outOffset * 4L, count * 4L);
  }

  static float floatAt(long address) {
    return UNSAFE.getFloat(address);
  }

  static int intAt(long address) {
    return UNSAFE.getInt(address);
  }

  static short shortAt(long address) {
    return UNSAFE.getShort(address);
  }

  static void putShort(long address, short value) {
    UNSAFE.putShort(address, value);
  }

  static void write(long address, byte[] in, int offset, int count) {
    UNSAFE.copyMemory(in, Unsafe.ARRAY_BYTE_BASE_OFFSET + offset, null, address, count);
  }

  static void read(long address, byte[] out, int offset, int count) {
    UNSAFE.copyMemory(null, address, out, Unsafe.ARRAY_BYTE_BASE_OFFSET + offset, count);
  }

  static void read(long address, short[] out, int offset, int count) {
    UNSAFE.copyMemory(null, address, out, Unsafe.ARRAY_SHORT_BASE_OFFSET + offset * 2L, count * 2L);
  }

  static void putByte(long address, byte value) {
    UNSAFE.putByte(address, value);
  }

  static long longAt(long address) {
    return UNSAFE.getLong(address);
  }

  static void putInt(long address, int value) {
    UNSAFE.putInt(address, value);
  }

  static void putLong(long address, long value) {
    UNSAFE.putLong(address, value);
  }

  static void putFloat(long address, float value) {
    UNSAFE.putFloat(address, value);
  }
}
