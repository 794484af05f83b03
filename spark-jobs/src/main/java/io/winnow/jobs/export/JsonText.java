// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.PrettyPrinter;
import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.io.CharacterEscapes;
import com.fasterxml.jackson.core.io.SerializedString;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.Iterator;
import java.util.Map;
import java.util.Objects;

/**
 * JSON on one line, and on one line for every reader: also U+0085, U+2028 and U+2029, at which some languages split
 * lines, are escaped. Halves of surrogate pairs become U+FFFD, because UTF-8 cannot hold them; numbers that are none
 * (NaN, the infinities) become null, because JSON cannot.
 */
public final class JsonText {
  /** Texts may be as long as memory allows. */
  static final ObjectMapper JSON =
      new ObjectMapper(
          JsonFactory.builder()
              .streamReadConstraints(
                  StreamReadConstraints.builder().maxStringLength(Integer.MAX_VALUE).maxNestingDepth(1000).build())
              .build());

  /**
   * Where the writer puts the row's number within its split. No JSON has this character outside of its texts, and
   * inside it is escaped.
   */
  public static final char NUMBER = '\u0001';

  private static final char REPLACEMENT = '\uFFFD';
  private static final CharacterEscapes ESCAPES = new LineEscapes();

  private JsonText() {}

  /** The line, without an end of line. */
  public static String line(JsonNode node) {
    StringWriter out = new StringWriter();
    try (JsonGenerator generator = JSON.getFactory().createGenerator(out)) {
      generator.setCharacterEscapes(ESCAPES);
      write(generator, node);
    } catch (IOException e) {
      throw new UncheckedIOException("A tree always has a text", e);
    }
    return out.toString();
  }

  /** Over several lines, with the same ends of lines on every system. */
  static PrettyPrinter indented() {
    DefaultIndenter lines = new DefaultIndenter("  ", "\n");
    DefaultPrettyPrinter printer = new DefaultPrettyPrinter();
    printer.indentObjectsWith(lines);
    printer.indentArraysWith(lines);
    return printer;
  }

  private static void write(JsonGenerator out, JsonNode node) throws IOException {
    if (node instanceof ObjectNode object) {
      out.writeStartObject();
      for (Iterator<Map.Entry<String, JsonNode>> all = object.fields(); all.hasNext(); ) {
        Map.Entry<String, JsonNode> field = all.next();
        out.writeFieldName(whole(field.getKey()));
        write(out, field.getValue());
      }
      out.writeEndObject();
    } else if (node instanceof ArrayNode array) {
      out.writeStartArray();
      for (JsonNode element : array) {
        write(out, element);
      }
      out.writeEndArray();
    } else if (node.isTextual()) {
      out.writeString(whole(node.textValue()));
    } else if ((node.isDouble() || node.isFloat()) && !Double.isFinite(node.doubleValue())) {
      out.writeNull();
    } else if (node.isPojo()) {
      out.writeRawValue(String.valueOf(NUMBER));
    } else {
      JSON.writeTree(out, node);
    }
  }

  /** A text that UTF-8 can hold. */
  static String whole(String text) {
    Objects.requireNonNull(text, "text");
    int n = text.length();
    for (int i = 0; i < n; i++) {
      char c = text.charAt(i);
      if (Character.isSurrogate(c)) {
        boolean pair = Character.isHighSurrogate(c) && i + 1 < n && Character.isLowSurrogate(text.charAt(i + 1));
        if (!pair) {
          return mended(text);
        }
        i++;
      }
    }
    return text;
  }

  private static String mended(String text) {
    StringBuilder out = new StringBuilder(text.length());
    text.codePoints()
        .forEach(
            c -> out.appendCodePoint(c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE ? REPLACEMENT : c));
    return out.toString();
  }

  private static final class LineEscapes extends CharacterEscapes {
    private static final long serialVersionUID = 1L;

    private final int[] ascii = standardAsciiEscapesForJSON();

    @Override
    public int[] getEscapeCodesForAscii() {
      return ascii;
    }

    @Override
    public SerializableString getEscapeSequence(int c) {
      return switch (c) {
        case 0x85 -> new SerializedString("\\u0085");
        case 0x2028 -> new SerializedString("\\u2028");
        case 0x2029 -> new SerializedString("\\u2029");
        default -> null;
      };
    }
  }
}
