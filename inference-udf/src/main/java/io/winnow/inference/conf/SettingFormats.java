// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Values of settings as text. Parsers throw IllegalArgumentException with what they expect as the message. */
final class SettingFormats {
  private static final ObjectMapper JSON = new ObjectMapper();
  /** Numbers as they are written, and no name twice. */
  private static final ObjectReader EXACT =
      JSON.reader()
          .with(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS, DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .with(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .with(JsonNodeFactory.withExactBigDecimals(true));
  private static final Pattern DECIMAL = Pattern.compile("[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?");
  private static final Pattern DURATION = Pattern.compile("([0-9]{1,12}(?:\\.[0-9]{1,9})?) *([a-z]*)");

  private SettingFormats() {}

  static Integer parseInt(String text) {
    try {
      return Integer.valueOf(text.strip());
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("a whole number between -2147483648 and 2147483647", e);
    }
  }

  static Long parseLong(String text) {
    try {
      return Long.valueOf(text.strip());
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("a whole number of at most 64 bits", e);
    }
  }

  /** Decimal notation only: Java's own parser would also take NaN, hexadecimal and a trailing f or d. */
  static Double parseDouble(String text) {
    String stripped = text.strip();
    double value = DECIMAL.matcher(stripped).matches() ? Double.parseDouble(stripped) : Double.NaN;
    if (!Double.isFinite(value)) {
      throw new IllegalArgumentException("a decimal number such as 0.6");
    }
    return value == 0 ? 0.0 : value; // one zero: -0.0 would have a text of its own
  }

  static Boolean parseBoolean(String text) {
    return switch (text.strip().toLowerCase(Locale.ROOT)) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException("true or false");
    };
  }

  /** Bare numbers are seconds; ms, s, m or min, h, d are understood. */
  static Duration parseDuration(String text) {
    Matcher matcher = DURATION.matcher(text.strip().toLowerCase(Locale.ROOT));
    String expected = "a time such as 60 (seconds), 500ms, 10m or 2h";
    if (!matcher.matches()) {
      throw new IllegalArgumentException(expected);
    }
    long unitNanos =
        switch (matcher.group(2)) {
          case "ms" -> 1_000_000L;
          case "", "s" -> 1_000_000_000L;
          case "m", "min" -> 60_000_000_000L;
          case "h" -> 3_600_000_000_000L;
          case "d" -> 86_400_000_000_000L;
          default -> throw new IllegalArgumentException(expected);
        };
    BigDecimal nanos = new BigDecimal(matcher.group(1)).multiply(BigDecimal.valueOf(unitNanos));
    if (nanos.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0) {
      throw new IllegalArgumentException("a time of at most 292 years");
    }
    return Duration.ofNanos(nanos.longValue());
  }

  /** Seconds in plain decimal notation. */
  static String formatDuration(Duration duration) {
    BigDecimal seconds = BigDecimal.valueOf(duration.toNanos(), 9).stripTrailingZeros();
    return seconds.signum() == 0 ? "0" : seconds.toPlainString();
  }

  /** A JSON object on one line, as it stands in the text or in the file that it names. */
  static String parseJson(String text) {
    String json = text;
    if (!text.stripLeading().startsWith("{")) {
      try {
        json = Files.readString(Path.of(text), StandardCharsets.UTF_8);
      } catch (NoSuchFileException e) {
        throw new IllegalArgumentException(
            "a JSON object, or a file of this host that holds one: there is no such file", e);
      } catch (IOException | RuntimeException e) {
        throw new IllegalArgumentException(
            "a JSON object, or a file of this host that holds one; it cannot be read: " + oneLine(e.getMessage()), e);
      }
    }
    try {
      JsonNode tree = EXACT.readTree(json);
      if (tree != null && tree.isObject()) {
        return tree.toString();
      }
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("a JSON object: " + oneLine(e.getOriginalMessage()), e);
    }
    throw new IllegalArgumentException("a JSON object");
  }

  private static String oneLine(String text) {
    return text == null ? "" : text.replaceAll("\\s+", " ");
  }

  /** A JSON array of strings. */
  static String formatList(List<String> values) {
    try {
      return JSON.writeValueAsString(values);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Strings always have a JSON form: " + values, e);
    }
  }

  /** The strings of a JSON array of strings, or null when the text is not one. */
  static List<String> parseJsonList(String text) {
    if (!text.stripLeading().startsWith("[")) {
      return null;
    }
    try {
      var tree = JSON.readTree(text);
      if (!tree.isArray()) {
        return null;
      }
      for (var item : tree) {
        if (!item.isTextual()) {
          return null;
        }
      }
      return List.of(JSON.treeToValue(tree, String[].class));
    } catch (JsonProcessingException e) {
      return null; // text that merely starts with a bracket, such as a stop string
    }
  }
}
