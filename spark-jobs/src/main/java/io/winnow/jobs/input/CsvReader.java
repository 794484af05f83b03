// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Comma-separated records as in RFC 4180: fields in double quotes may hold separators, line ends and doubled quotes. An
 * empty field without quotes is null, and a line end within quotes reads as LF. A record that breaks the rules (text
 * after a closing quote, a quote that is never closed) costs only its first line: reading goes on with the next line,
 * so that one stray quote never swallows a file.
 */
final class CsvReader implements Closeable {
  /** A quoted field open for longer than this is taken for a stray quote. */
  static final int MAX_RECORD_LINES = 100_000;

  private final LineReader lines;
  private final byte separator;
  /** Lines read ahead by a record that turned out to be broken. */
  private final Deque<LineReader.Line> ahead = new ArrayDeque<>();

  CsvReader(LineReader lines, char separator) {
    this.lines = lines;
    this.separator = (byte) separator;
  }

  /**
   * @param line number of its first line, from 1
   * @param offset of its first byte
   * @param fields the fields, or null when it is broken
   * @param replacedBytes bytes that were not valid UTF-8
   * @param error why it is broken, or null
   * @param raw bytes of its first line
   */
  record CsvRecord(long line, long offset, List<String> fields, long replacedBytes, String error, byte[] raw) {}

  /** The next record that is not an empty line, or null at the end. */
  CsvRecord next() throws IOException {
    LineReader.Line first = nextLine();
    while (first != null && first.bytes().length == 0) {
      first = nextLine();
    }
    return first == null ? null : record(first);
  }

  private CsvRecord record(LineReader.Line first) throws IOException {
    List<LineReader.Line> further = new ArrayList<>();
    List<String> fields = new ArrayList<>();
    ByteArrayOutputStream field = new ByteArrayOutputStream();
    byte[] bytes = first.bytes();
    boolean quoted = false; // the field began with a quote
    boolean open = false; // and that quote is not closed yet
    boolean empty = true; // nothing of the field was seen yet
    long replaced = 0;
    String error = first.cut() ? "it is longer than " + LineReader.MAX_LINE_BYTES + " bytes" : null;
    int i = 0;
    while (error == null) {
      if (i == bytes.length) {
        if (!open) {
          break;
        }
        LineReader.Line more = further.size() == MAX_RECORD_LINES ? null : nextLine();
        if (more == null || more.cut()) {
          if (more != null) {
            further.add(more);
          }
          error = "a double quote opens and is never closed";
        } else {
          further.add(more);
          field.write('\n');
          bytes = more.bytes();
          i = 0;
        }
        continue;
      }
      byte b = bytes[i++];
      if (open) {
        if (b != '"') {
          field.write(b);
        } else if (i < bytes.length && bytes[i] == '"') {
          field.write('"');
          i++;
        } else {
          open = false;
        }
      } else if (b == separator) {
        replaced += addField(fields, field, quoted);
        quoted = false;
        empty = true;
      } else if (b == '"' && empty) {
        quoted = true;
        open = true;
        empty = false;
      } else if (quoted) {
        error = "text follows a closing double quote";
      } else {
        field.write(b);
        empty = false;
      }
    }
    if (error == null) {
      replaced += addField(fields, field, quoted);
      return new CsvRecord(first.number(), first.offset(), fields, replaced, null, first.bytes());
    }
    for (int k = further.size() - 1; k >= 0; k--) {
      ahead.addFirst(further.get(k));
    }
    return new CsvRecord(first.number(), first.offset(), null, 0, error, first.bytes());
  }

  private static long addField(List<String> fields, ByteArrayOutputStream field, boolean quoted) {
    Utf8.Decoded decoded = Utf8.decode(field.toByteArray(), 0, field.size());
    fields.add(decoded.text().isEmpty() && !quoted ? null : decoded.text());
    field.reset();
    return decoded.replacedBytes();
  }

  private LineReader.Line nextLine() throws IOException {
    return ahead.isEmpty() ? lines.next() : ahead.removeFirst();
  }

  @Override
  public void close() throws IOException {
    lines.close();
  }
}
