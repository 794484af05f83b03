// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.AnswerFormat;
import io.winnow.inference.TextFormat;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.OffsetTime;
import java.util.EnumMap;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Formats of texts beside java.time and the examples of their RFCs, by the automaton and by java.util.regex. */
class TextFormatTest {
  private static final Map<TextFormat, Automaton> AUTOMATA = new EnumMap<>(TextFormat.class);

  static {
    for (String name : TextFormat.names()) {
      String schema = "{\"type\": \"string\", \"format\": \"" + name + "\"}";
      AUTOMATA.put(TextFormat.of(name), AnswerGrammars.automaton(AnswerFormat.jsonSchema(schema)));
    }
  }

  private static boolean matches(TextFormat format, String text) {
    boolean drawn = AUTOMATA.get(format).matches(('"' + text + '"').getBytes(StandardCharsets.UTF_8));
    assertEquals(drawn, Pattern.matches(format.pattern(), text), format + " " + text);
    return drawn;
  }

  private static boolean isDate(int year, int month, int day) {
    try {
      LocalDate.of(year, month, day);
      return true;
    } catch (DateTimeException e) {
      return false;
    }
  }

  @Test
  void datesAreThoseOfTheCalendar() {
    for (int year : new int[] {0, 4, 100, 400, 1582, 1900, 1996, 2000, 2023, 2024, 2026, 2100, 2400, 9999}) {
      for (int month = 0; month <= 13; month++) {
        for (int day = 0; day <= 32; day++) {
          String text = String.format("%04d-%02d-%02d", year, month, day);
          assertEquals(isDate(year, month, day), matches(TextFormat.DATE, text), text);
        }
      }
    }
    for (int year = 0; year < 10_000; year++) {
      String text = String.format("%04d-02-29", year);
      assertEquals(isDate(year, 2, 29), matches(TextFormat.DATE, text), text);
    }
  }

  @Test
  void timesAreReadByJavaTime() {
    Random random = Seed.random("TextFormatTest");
    for (int i = 0; i < 2000; i++) {
      String hours = String.format("%+03d:%02d", random.nextInt(30) - 15, random.nextInt(62));
      String offset = random.nextBoolean() ? "Z" : hours;
      String part = random.nextBoolean() ? "" : "." + "0123456789".substring(0, random.nextInt(11));
      String clock = String.format("%02d:%02d:%02d", random.nextInt(26), random.nextInt(62), random.nextInt(62));
      String time = clock + part + offset;
      String date = "2024-02-" + (28 + random.nextInt(4));
      // Offsets of java.time end at 18 hours, those here come to 14.
      assertEquals(reads(() -> OffsetTime.parse(time)) && !part.equals("."), matches(TextFormat.TIME, time), time);
      String both = date + "T" + time;
      assertEquals(
          reads(() -> OffsetDateTime.parse(both)) && !part.equals("."), matches(TextFormat.DATE_TIME, both), both);
    }
  }

  private static boolean reads(Runnable parse) {
    try {
      parse.run();
      return true;
    } catch (DateTimeException e) {
      return false;
    }
  }

  @ParameterizedTest
  @CsvSource(quoteCharacter = '`', value = {
      "DATE_TIME, 1985-04-12T23:20:50.52Z, true", "DATE_TIME, 1996-12-19T16:39:57-08:00, true",
      "DATE_TIME, 1937-01-01T12:00:27.87+00:20, true", "DATE_TIME, 1985-04-12 23:20:50Z, false",
      "DATE_TIME, 1985-04-12T23:20:50, false", "TIME, 12:00:00, false", "TIME, 12:00Z, false", "DATE, 24-01-01, false",
      "UUID, f81d4fae-7dec-11d0-a765-00a0c91e6bf6, true", "UUID, f81d4fae7dec11d0a76500a0c91e6bf6, false",
      "UUID, f81d4fae-7dec-11d0-a765-00a0c91e6bfg, false", "EMAIL, simple@example.com, true",
      "EMAIL, first.last+tag@sub-domain.example.org, true", "EMAIL, o'brien_{x}@a.io, true", "EMAIL, a@b, false",
      "EMAIL, .a@b.c, false", "EMAIL, a..b@c.d, false", "EMAIL, a@-b.c, false", "EMAIL, a b@c.d, false",
      "EMAIL, a@b.c@d.e, false", "IPV4, 127.0.0.1, true", "IPV4, 255.249.199.0, true", "IPV4, 256.0.0.1, false",
      "IPV4, 01.2.3.4, false", "IPV4, 1.2.3, false",
  })
  void examples(TextFormat format, String text, boolean fits) {
    assertEquals(fits, matches(format, text));
  }

  @Test
  void randomIdentifiers() {
    for (int i = 0; i < 100; i++) {
      assertTrue(matches(TextFormat.UUID, UUID.randomUUID().toString()));
    }
    assertNull(TextFormat.of("regex"));
  }
}
