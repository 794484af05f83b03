// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/** Splits bytes into lines at LF; a CR before it and a byte order mark at the start are left out. */
final class LineReader implements Closeable {
  /** Longer lines are cut here: a file without line ends must not take all memory. */
  static final int MAX_LINE_BYTES = 64 << 20;

  private final InputStream in;
  private final int maxLineBytes;
  private final byte[] buffer = new byte[1 << 16];
  private int from;
  private int to;
  private long bytesRead;
  private long lines;

  LineReader(InputStream in) {
    this(in, MAX_LINE_BYTES);
  }

  LineReader(InputStream in, int maxLineBytes) {
    this.in = in;
    this.maxLineBytes = maxLineBytes;
  }

  /**
   * @param number from 1
   * @param offset of its first byte in the (decompressed) file
   * @param bytes without the line end
   * @param cut whether it is longer than the limit, and only its beginning is here
   */
  record Line(long number, long offset, byte[] bytes, boolean cut) {}

  /** The next line, or null at the end. */
  Line next() throws IOException {
    long offset = bytesRead;
    byte[] line = new byte[256];
    int length = 0;
    boolean any = false;
    boolean cut = false;
    while (true) {
      if (from == to) {
        from = 0;
        to = in.read(buffer);
        if (to <= 0) {
          to = 0;
          break;
        }
      }
      any = true;
      int end = from;
      while (end < to && buffer[end] != '\n') {
        end++;
      }
      int take = Math.min(end - from, maxLineBytes - length);
      cut |= take < end - from;
      if (length + take > line.length) {
        line = Arrays.copyOf(line, Math.min(maxLineBytes, Math.max(length + take, line.length * 2)));
      }
      System.arraycopy(buffer, from, line, length, take);
      length += take;
      boolean ended = end < to;
      bytesRead += end - from + (ended ? 1 : 0);
      from = ended ? end + 1 : end;
      if (ended) {
        break;
      }
    }
    if (!any) {
      return null;
    }
    lines++;
    int start = lines == 1 && startsWithMark(line, length) ? 3 : 0;
    int stop = length > start && line[length - 1] == '\r' ? length - 1 : length;
    return new Line(lines, offset, Arrays.copyOfRange(line, start, stop), cut);
  }

  static boolean startsWithMark(byte[] bytes, int length) {
    return length >= 3 && bytes[0] == (byte) 0xEF && bytes[1] == (byte) 0xBB && bytes[2] == (byte) 0xBF;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
