// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Reads a GGUF header from front to back; every length is checked against what is left of the file. */
final class GgufCursor {
  private static final int BUFFER_BYTES = 1 << 16;

  private final RandomReader file;
  private final byte[] buffer = new byte[BUFFER_BYTES];
  private final ByteBuffer view = ByteBuffer.wrap(buffer).order(ByteOrder.LITTLE_ENDIAN);
  private long bufferStart;
  private int filled;
  private int at;

  GgufCursor(RandomReader file) {
    this.file = file;
  }

  long position() {
    return bufferStart + at;
  }

  long remaining() {
    return file.size() - position();
  }

  int u8() {
    need(1);
    return buffer[at++] & 0xff;
  }

  short i16() {
    need(2);
    at += 2;
    return view.getShort(at - 2);
  }

  int i32() {
    need(4);
    at += 4;
    return view.getInt(at - 4);
  }

  long i64() {
    need(8);
    at += 8;
    return view.getLong(at - 8);
  }

  /**
   * A count of things that take at least {@code bytesEach} bytes, so that no count can ask for more than the file
   * has.
   */
  int count(String what, int bytesEach) {
    long count = i64();
    if (count < 0 || count > Integer.MAX_VALUE - 8 || count * bytesEach > remaining()) {
      throw broken(
          String.format(
              "it is truncated or damaged: at byte %d it announces %s %s, but only %d bytes are left",
              position() - 8, Long.toUnsignedString(count), what, remaining()));
    }
    return (int) count;
  }

  String string() {
    int length = count("bytes of text", 1);
    if (length <= BUFFER_BYTES) {
      need(length);
      at += length;
      return new String(buffer, at - length, length, StandardCharsets.UTF_8);
    }
    byte[] bytes = new byte[length];
    file.read(position(), bytes, 0, length);
    bufferStart = position() + length;
    filled = 0;
    at = 0;
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private void need(int bytes) {
    if (filled - at >= bytes) {
      return;
    }
    if (remaining() < bytes) {
      throw broken(
          String.format("it is truncated: its header goes on beyond byte %d, where the file ends", file.size()));
    }
    bufferStart += at;
    at = 0;
    filled = (int) Math.min(BUFFER_BYTES, file.size() - bufferStart);
    file.read(bufferStart, buffer, 0, filled);
  }

  InferenceException broken(String why) {
    return InferenceErrors.modelInvalid(file.path().toString(), why, "Download it again.");
  }
}
