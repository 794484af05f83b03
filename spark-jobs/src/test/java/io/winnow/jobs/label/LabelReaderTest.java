// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.label;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.AnswerFormat;
import io.winnow.jobs.label.LabelType.Field;
import io.winnow.jobs.label.LabelType.ListOf;
import io.winnow.jobs.label.LabelType.Plain;
import io.winnow.jobs.label.LabelType.Struct;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LabelReaderTest {
  private static final String SCHEMA =
      "{\"type\": \"object\", \"properties\": {"
          + "\"topic\": {\"enum\": [\"algebra\", \"geometry\"]},"
          + "\"level\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 5},"
          + "\"sure\": {\"type\": [\"number\", \"null\"], \"exclusiveMaximum\": 1},"
          + "\"steps\": {\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/step\"}, \"maxItems\": 2},"
          + "\"odd\": {\"anyOf\": [{\"type\": \"string\", \"minLength\": 2}, {\"type\": \"boolean\"}]}},"
          + "\"required\": [\"topic\", \"level\"], \"additionalProperties\": false,"
          + "\"$defs\": {\"step\": {\"type\": \"object\", \"properties\": {\"text\": {\"type\": \"string\","
          + " \"pattern\": \"^[a-z ]+$\"}}}}}";

  private static Object read(AnswerFormat format, String text) throws LabelException {
    return LabelReader.of(format).read(text);
  }

  private static String refusal(AnswerFormat format, String text) {
    return assertThrows(LabelException.class, () -> read(format, text)).getMessage();
  }

  @Test
  void aSchemaBecomesAStructWithTypedFields() throws LabelException {
    LabelReader reader = LabelReader.of(AnswerFormat.jsonSchema(SCHEMA));
    assertEquals(
        new Struct(
            List.of(
                new Field("topic", Plain.TEXT), new Field("level", Plain.INTEGER), new Field("sure", Plain.NUMBER),
                new Field("steps", new ListOf(new Struct(List.of(new Field("text", Plain.TEXT))))),
                new Field("odd", Plain.JSON))),
        reader.type());
    // As a server may write it: any order, any blanks, 3.0 for a whole number.
    assertEquals(
        Arrays.asList("algebra", 3L, 0.5, List.of(List.of("carry over")), "true"),
        reader.read("\n{ \"level\": 3.0,\n \"topic\":\"algebra\", \"sure\":0.5, \"odd\": true,"
            + "\"steps\":[{\"text\":\"carry over\"}] }\n"));
    assertEquals(
        Arrays.asList("geometry", 5L, null, null, "\"no\""),
        reader.read("{\"topic\":\"geometry\",\"level\":5,\"sure\":null,\"odd\":\"no\"}"));
  }

  /** By the patterns that answers are held to: groups with any names, an end that is the end, and no step too many. */
  @Test
  void patternsAreReadAsAnswersAreHeldToThem() throws LabelException {
    AnswerFormat year =
        AnswerFormat.jsonSchema("{\"type\": \"string\", \"pattern\": \"^(?P<first_year>[0-9]{4})$\"}");
    assertEquals("1984", read(year, "\"1984\""));
    assertTrue(refusal(year, "\"1984\\n\"").contains("does not match"));
    String words = "ab ".repeat(20_000);
    assertEquals(words, read(AnswerFormat.regex("([A-Za-z]+[ .,])+"), words));
    AnswerFormat nested = AnswerFormat.jsonSchema("{\"type\": \"string\", \"pattern\": \"^(a+)+$\"}");
    assertTrue(refusal(nested, "\"" + "a".repeat(5000) + "b\"").contains("does not match"));
  }

  @Test
  void theEmptyTextMayBeAPatternOfAProperty() throws LabelException {
    AnswerFormat mail =
        AnswerFormat.jsonSchema(
            "{\"anyOf\": [{\"type\": \"string\", \"pattern\": \"^$\"}, {\"type\": \"string\", \"format\": \"email\"}]}");
    assertEquals("", read(mail, "\"\""));
    assertEquals("a@b.org", read(mail, "\"a@b.org\""));
    assertTrue(refusal(mail, "\"a\"").contains("does not match ^$"));
  }

  @Test
  void mapsAreTheirTexts() throws LabelException {
    AnswerFormat map =
        AnswerFormat.jsonSchema(
            "{\"type\": \"object\", \"propertyNames\": {\"maxLength\": 3}, \"maxProperties\": 2,"
                + " \"additionalProperties\": {\"type\": \"integer\", \"minimum\": 0}}");
    assertEquals(Plain.JSON, LabelReader.of(map).type());
    assertEquals("{\"a\":1,\"b\":2}", read(map, "{\"a\": 1, \"b\": 2}"));
    assertTrue(refusal(map, "{\"a\": -1}").contains("at #/a -1 is too low"));
    assertTrue(refusal(map, "{\"abcd\": 1}").contains("at #/abcd the text has 4 characters"));
    assertTrue(refusal(map, "{\"a\": 1, \"b\": 2, \"c\": 3}").contains("there are 3 properties"));
    assertTrue(refusal(map, "{\"a\": 1, \"a\": 2}").contains("Duplicate"));
  }

  @Test
  void numbersOfTwoTypesAreAColumnOfDoubles() throws LabelException {
    AnswerFormat both = AnswerFormat.jsonSchema("{\"type\": [\"integer\", \"number\"], \"minimum\": 0}");
    assertEquals(1e50, read(both, "1e50"));
    assertTrue(refusal(both, "-5").contains("too low"));
  }

  @Test
  void formatsOfTextsAreReadInEitherCase() throws LabelException {
    AnswerFormat format =
        AnswerFormat.jsonSchema(
            "{\"type\": \"object\", \"properties\": {\"day\": {\"type\": \"string\", \"format\": \"date\"},"
                + " \"id\": {\"type\": \"string\", \"format\": \"uuid\"}}}");
    String id = "F81D4FAE-7dec-11d0-a765-00a0c91e6bf6";
    assertEquals(
        Arrays.asList("2024-02-29", id), read(format, "{\"day\": \"2024-02-29\", \"id\": \"" + id + "\"}"));
    assertTrue(refusal(format, "{\"day\": \"2023-02-29\"}").contains("at #/day '2023-02-29' is no date"));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
      "Sure! {\"topic\": \"algebra\", \"level\": 1} | is not JSON",
      "```json {\"topic\": \"algebra\", \"level\": 1} ``` | is not JSON",
      "{\"topic\": \"algebra\", \"level\": 1 | is not JSON",
      "{\"topic\": \"algebra\", \"level\": 1} {} | is not JSON",
      "{\"topic\": \"algebra\", \"level\": 1, \"level\": 2} | is not JSON: Duplicate",
      "[] | at # '[]' is no object",
      "{\"topic\": \"algebra\"} | at # 'level' is missing",
      "{\"topic\": \"calculus\", \"level\": 1} | at #/topic '\"calculus\"' is none of",
      "{\"topic\": \"algebra\", \"level\": \"1\"} | at #/level '\"1\"' is no integer",
      "{\"topic\": \"algebra\", \"level\": 1.5} | at #/level '1.5' is no integer",
      "{\"topic\": \"algebra\", \"level\": 6} | at #/level 6 is too high",
      "{\"topic\": \"algebra\", \"level\": 1, \"sure\": 1.0} | at #/sure 1.0 is too high",
      "{\"topic\": \"algebra\", \"level\": 1, \"why\": \"\"} | a property 'why' more",
      "{\"topic\": \"algebra\", \"level\": 1, \"odd\": \"x\"} | at #/odd the text has 1 characters",
      "{\"topic\": \"algebra\", \"level\": 1, \"steps\": [{},{},{}]} | at #/steps there are 3 items",
      "{\"topic\": \"algebra\", \"level\": 1, \"steps\": [{\"text\": \"A\"}]} | at #/steps/0/text 'A' does not match",
  })
  void whatTheSchemaDoesNotDescribeIsRefusedWithItsPlace(String text, String why) {
    String refusal = refusal(AnswerFormat.jsonSchema(SCHEMA), text);
    assertTrue(refusal.contains(why), refusal);
  }

  @Test
  void aChoiceIsOneOfItsTextsAndBlanksAroundItDoNotCount() throws LabelException {
    AnswerFormat format = AnswerFormat.choice(List.of("yes", "no ", "no"));
    assertEquals("no ", read(format, "no "));
    assertEquals("yes", read(format, "\n yes"));
    assertEquals("'Yes' is none of the choices 'yes, no , no'", refusal(format, "Yes"));
  }

  @Test
  void thinkingMayComeBeforeTheAnswer() throws LabelException {
    LabelReader reader = LabelReader.of(AnswerFormat.choice(List.of("yes", "no")));
    assertEquals("no", reader.read("<think>yes</think>\n\nno", 18, false));
    assertEquals("no", reader.read("yes</think>\n\nno", 11, true));
    LabelReader whole = LabelReader.of(AnswerFormat.regex("<think>(?P<why>.*)</think>(?<what_is>yes|no)"));
    assertEquals(List.of("so", "no"), whole.read("<think>so</think>no", 17, false));
    assertThrows(LabelException.class, () -> reader.read("no, or yes", 0, false));
    assertEquals("yes", reader.read("yes", null, true), "a server that leaves the thinking out");
  }

  /** A format that the thinking fits as well. */
  @Test
  void labelsAreNotTakenFromTheThinking() throws LabelException {
    LabelReader letter = LabelReader.of(AnswerFormat.regex("(?P<label>[A-E])[\\s\\S]*"));
    assertEquals(List.of("C"), letter.read("Alright, so</think>\n\nC because", 19, true));
    assertEquals(List.of("C"), letter.read("<think>Alright, so</think>\n\nC because", 26, false));
    // As where a server's template opened it.
    assertEquals(List.of("C"), letter.read("Alright, so</think>\n\nC because", 19, false));
    LabelReader found = LabelReader.of(AnswerFormat.regex("[\\s\\S]*Answer: (?P<label>[A-E])[\\s\\S]*"));
    for (boolean opened : new boolean[] {false, true}) {
      assertThrows(
          LabelException.class, () -> found.read("<think>Answer: A?</think>I cannot decide", 25, opened));
    }
    assertThrows(LabelException.class, () -> found.read("<think>Answer: A?", null, false));
    LabelReader level =
        LabelReader.of(AnswerFormat.jsonSchema("{\"type\": \"integer\", \"maximum\": 5}"));
    LabelException e =
        assertThrows(LabelException.class, () -> level.read("<think>so</think>\n\n9", 17, false));
    assertTrue(e.getMessage().contains("at # 9 is too high"), e.getMessage());
    assertThrows(LabelException.class, () -> level.read("100e2147483647"));
    LabelReader any = LabelReader.of(AnswerFormat.regex("[\\s\\S]{1,50}"));
    assertEquals("so", any.read("I think</think>\n\nso", 15, true));
    LabelReader quoting = LabelReader.of(AnswerFormat.jsonSchema("{\"type\": \"string\"}"));
    assertEquals("</think>\"", quoting.read("\"</think>\\\"\"", 9, false));
    LabelReader spaced = LabelReader.of(AnswerFormat.choice(List.of(" yes", "no ", "no")));
    assertEquals(" yes", spaced.read("a</think>\n yes", 9, true));
    assertEquals("no ", spaced.read("a</think>\n\nno ", 9, true));
    LabelReader line = LabelReader.of(AnswerFormat.regex("Answer: [A-E]\n"));
    assertEquals("Answer: B\n", line.read("a</think>\nAnswer: B\n", 9, true));
  }

  @Test
  void groupsWithNamesBecomeFields() throws LabelException {
    AnswerFormat plain = AnswerFormat.regex("\\d{4}-\\d\\d");
    assertEquals(Plain.TEXT, LabelReader.of(plain).type());
    assertEquals("2024-05", read(plain, "2024-05"));
    assertTrue(refusal(plain, "in 2024-05").contains("does not match the pattern"));
    AnswerFormat named = AnswerFormat.regex("(?P<score_of>[0-9]+)(?: of (?<most>\\d+))?|[(?<x>]");
    assertEquals(
        new Struct(List.of(new Field("score_of", Plain.TEXT), new Field("most", Plain.TEXT))),
        LabelReader.of(named).type());
    assertEquals(List.of("3", "5"), read(named, "3 of 5"));
    assertEquals(Arrays.asList("3", null), read(named, "3"));
    String hostile = "(.*a){12}x";
    assertTrue(refusal(AnswerFormat.regex(hostile), "a".repeat(64)).contains("does not match"));
    AnswerFormat deep = AnswerFormat.regex("(?P<all>(ab|c)*)");
    assertTrue(refusal(deep, "ab".repeat(400_000)).contains("too many steps to find the pattern's groups"));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
      "{\"const\": 1e30} | 1e30 | NUMBER | 1e30",
      "{\"enum\": [1, 1e30]} | 1e30 | NUMBER | 1e30",
      "{\"enum\": [9223372036854775808, 2]} | 2 | NUMBER | 2",
      "{\"const\": 1e400} | 1e400 | JSON | 1E+400",
      "{\"const\": 1e17} | 1e17 | INTEGER | 100000000000000000",
  })
  void numbersThatNoColumnOfIntegersHoldsBecomeOthers(String schema, String text, Plain type, String value)
      throws LabelException {
    LabelReader reader = LabelReader.of(AnswerFormat.jsonSchema(schema));
    Object read = reader.read(text);
    assertEquals(type, reader.type());
    assertEquals(
        type == Plain.NUMBER ? (Object) Double.valueOf(value) : type == Plain.INTEGER ? Long.valueOf(value) : value,
        read);
  }

  @Test
  void whatNoTableCanHoldIsRefusedBeforeWork() {
    for (String schema : List.of(
        "{\"type\": \"object\", \"properties\": {\"a b\": {\"type\": \"string\"}}}",
        "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"string\"}, \"A\": {\"type\": \"string\"}}}")) {
      assertThrows(IllegalArgumentException.class, () -> LabelReader.of(AnswerFormat.jsonSchema(schema)), schema);
    }
  }
}
