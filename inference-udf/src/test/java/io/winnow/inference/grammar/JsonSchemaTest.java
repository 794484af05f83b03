// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.winnow.inference.AnswerFormat;
import io.winnow.inference.InferenceException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** JSON schemas: what random draws from the masks spell, which values have a text, and what is refused. */
@Timeout(180)
class JsonSchemaTest {
  private static final ObjectReader STRICT =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS).build().reader();

  private static Automaton automaton(String schema) {
    return AnswerGrammars.automaton(AnswerFormat.jsonSchema(schema));
  }

  private static boolean allows(String schema, String text) {
    return automaton(schema.replace('\'', '"')).matches(text.replace('\'', '"').getBytes(StandardCharsets.UTF_8));
  }

  private static String refusal(String schema) {
    AnswerFormat format = AnswerFormat.jsonSchema(schema.replace('\'', '"'));
    InferenceException e = assertThrows(InferenceException.class, () -> AnswerGrammars.check(format), schema);
    assertFalse(e.getMessage().contains("\n"), e.getMessage());
    return e.getMessage();
  }

  /** Draws evenly from the masks until the answer is complete; when it gets long, only what leads to its end. */
  static List<Integer> draw(AnswerState answer, Pieces pieces, Random random) {
    List<Integer> out = new ArrayList<>();
    while (!answer.complete()) {
      int[] mask = answer.mask();
      int[] ids = IntStream.range(0, 32 * mask.length).filter(i -> (mask[i / 32] >>> i % 32 & 1) != 0).toArray();
      assertTrue(ids.length > 0, "a state without a token behind " + pieces.text(out));
      int id = ids[random.nextInt(ids.length)];
      if (out.size() > 60) {
        for (int wanted : new int[] {'}', ']', '"', pieces.end()}) {
          id = IntStream.of(ids).anyMatch(i -> i == wanted) ? wanted : id;
        }
      }
      if (id == pieces.end()) {
        return out;
      }
      assertTrue(answer.append(id));
      out.add(id);
      assertTrue(out.size() < 5000, "no end comes");
    }
    return out;
  }

  @Test
  void whatIsDrawnIsJsonOfTheSchemaAndEveryValueHasAText() throws Exception {
    Random random = Seed.random("JsonSchemaTest");
    RandomSchema schemas = new RandomSchema(random);
    Pieces pieces = Pieces.ofJson(random);
    AnswerGrammars grammars = new AnswerGrammars(pieces, pieces.tokens.size(), Set.of(pieces.end()));
    for (int i = 0; i < 250; i++) {
      JsonNode schema = schemas.schema(3);
      AnswerGrammars.Grammar grammar = grammars.of(AnswerFormat.jsonSchema(schema.toString()));
      Automaton automaton = automaton(schema.toString());
      for (int k = 0; k < 12; k++) {
        String text = pieces.text(draw(grammar.start(), pieces, random));
        JsonNode value = STRICT.readTree(text);
        assertTrue(RandomSchema.conforms(schema, value), schema + " gave " + text);
        JsonNode other = schemas.value(schema);
        assertTrue(RandomSchema.conforms(schema, other), schema + " has no " + other);
        assertTrue(
            automaton.matches(JsonValues.text(other).getBytes(StandardCharsets.UTF_8)),
            schema + " does not allow " + JsonValues.text(other));
      }
    }
  }

  @Test
  void valuesHaveOneText() {
    String schema = "{'type': 'object', 'properties': {'a': {'type': 'integer'}, 'b': {'type': 'array',"
        + " 'items': {'type': 'boolean'}}}, 'required': ['a', 'b']}";
    assertTrue(allows(schema, "{'a': 1, 'b': [true, false]}"));
    assertTrue(allows(schema, "{'a': -12, 'b': []}"));
    for (String other :
        List.of(
            "{'a':1, 'b': []}", "{'b': [], 'a': 1}", "{'a': 1,'b': []}", "{ 'a': 1, 'b': []}",
            "{'a': 1, 'b': [true,false]}",
            "{'a': 01, 'b': []}", "{'a': -0, 'b': []}", "{'a': 1.0, 'b': []}", "{'a': 1}", "{'a': 1, 'b': [], 'c': 1}",
            "{'a': 1, 'a': 1, 'b': []}", "{'a': 1, 'b': [true, ]}", "{'a': 1, 'b': []} ")) {
      assertFalse(allows(schema, other), other);
    }
    String text = "{'type': 'string'}";
    assertTrue(allows(text, "'a\\n\\\\é世😀/'"));
    for (String other : List.of("'\n'", "'\\u00e9'", "'\\/'", "'\\x'", "'a", "'a''", "'\u0001'")) {
      assertFalse(allows(text, other), other);
    }
  }

  @Test
  void optionalPropertiesMayBeLeftOutInEveryWay() {
    StringBuilder properties = new StringBuilder();
    for (int i = 0; i < 5; i++) {
      properties.append(i == 0 ? "" : ", ").append("'p").append(i).append("': {'type': 'null'}");
    }
    String schema = "{'type': 'object', 'properties': {" + properties + "}, 'required': ['p1', 'p3']}";
    for (int set = 0; set < 32; set++) {
      StringBuilder text = new StringBuilder("{");
      for (int i = 0; i < 5; i++) {
        if ((set >> i & 1) != 0) {
          text.append(text.length() > 1 ? ", " : "").append("'p").append(i).append("': null");
        }
      }
      assertEquals((set & 10) == 10, allows(schema, text.append("}").toString()), text.toString());
    }
    // Many of them share their ends: the size grows with their number and not with its square.
    StringBuilder many = new StringBuilder();
    IntStream.range(0, 200).forEach(i -> many.append(i == 0 ? "" : ", ").append("'p" + i + "': {'type': 'boolean'}"));
    assertTrue(automaton(("{'type': 'object', 'properties': {" + many + "}}").replace('\'', '"')).states() < 12_000);
  }

  @Test
  void wholeNumbersKeepTheirBounds() {
    Random random = Seed.random("JsonSchemaTest.wholeNumbersKeepTheirBounds");
    for (int i = 0; i < 400; i++) {
      long scale = (long) Math.pow(10, 1 + random.nextInt(17));
      long low = random.nextLong(-scale, scale);
      long high = low + random.nextLong(0, random.nextBoolean() ? 30 : scale);
      Automaton automaton = automaton("{\"type\": \"integer\", \"minimum\": " + low + ", \"maximum\": " + high + "}");
      Set<Long> values = new TreeSet<>(List.of(low, low - 1, low + 1, high, high + 1, high - 1, 0L, 9L, 10L, -1L));
      random.longs(30, low - 20, high + 20).forEach(values::add);
      for (long v : values) {
        assertEquals(v >= low && v <= high, automaton.matches(String.valueOf(v).getBytes(StandardCharsets.UTF_8)),
            v + " of " + low + " to " + high);
      }
      assertFalse(automaton.matches("-0".getBytes(StandardCharsets.UTF_8)));
    }
    assertTrue(allows("{'type': 'integer', 'exclusiveMinimum': 2.5, 'exclusiveMaximum': 4}", "3"));
    assertFalse(allows("{'type': 'integer', 'exclusiveMinimum': 2.5, 'exclusiveMaximum': 4}", "4"));
    assertFalse(allows("{'type': 'integer', 'minimum': 2.5}", "2"));
    assertTrue(allows("{'type': 'integer', 'maximum': 1e40}", "999999999999999999"));
    assertFalse(allows("{'type': 'integer'}", "1000000000000000000"));
  }

  @Test
  void patternsMatchAnywhereButForTheirAnchorsAndAreEscaped() {
    assertTrue(allows("{'type': 'string', 'pattern': 'b'}", "'abc'"));
    assertFalse(allows("{'type': 'string', 'pattern': '^b'}", "'abc'"));
    assertTrue(allows("{'type': 'string', 'pattern': '^b|c$'}", "'abc'"));
    assertTrue(allows("{'type': 'string', 'pattern': '^[0-9]{4}-[0-9]{2}$'}", "'2024-05'"));
    assertFalse(allows("{'type': 'string', 'pattern': '^[0-9]{4}-[0-9]{2}$'}", "'2024-5'"));
    assertTrue(allows("{'type': 'string', 'pattern': '^[^a]$'}", "'\\n'"));
    assertFalse(allows("{'type': 'string', 'pattern': '^[^a]$'}", "'\n'"));
    assertTrue(allows("{'type': 'string', 'pattern': '^\\\\w+\\\\\\\\$'}", "'ab\\\\'"));
    assertTrue(refusal("{'type': 'string', 'pattern': '(a)\\\\1'}").contains("back references"));
  }

  @Test
  void referencesAndAlternatives() {
    String schema = "{'$defs': {'tag': {'enum': ['a', 'b']}, 'tags': {'type': 'array',"
        + " 'items': {'$ref': '#/$defs/tag'}, 'maxItems': 2}}, 'anyOf': [{'$ref': '#/$defs/tags'}, {'$ref': '#/$defs/tag'}, {'const': 7}]}";
    for (String text : List.of("[]", "['a']", "['b', 'a']", "'b'", "7")) {
      assertTrue(allows(schema, text), text);
    }
    assertFalse(allows(schema, "['a', 'a', 'a']"));
    String apart = "{'oneOf': [{'type': 'object', 'properties': {'k': {'const': 1}}, 'required': ['k']},"
        + " {'type': 'object', 'properties': {'k': {'const': 2}}, 'required': ['k']}]}";
    assertTrue(allows(apart, "{'k': 2}"));
    assertTrue(refusal("{'oneOf': [{'type': 'integer'}, {'enum': ['x', 12]}]}").contains("both allow 12"));
  }

  @Test
  void mapsHaveAnyNamesAndValuesOfOneKind() {
    String map = "{'type': 'object', 'additionalProperties': {'type': 'integer'}}";
    for (String text : List.of("{}", "{'a': 1}", "{'a b': 1, '': -2}")) {
      assertTrue(allows(map, text), text);
    }
    for (String text : List.of("{'a': 'b'}", "{a: 1}", "{'a': 1,}", "{'a': 1 'b': 2}", "[]")) {
      assertFalse(allows(map, text), text);
    }
    String named =
        "{'type': 'object', 'propertyNames': {'pattern': '^[a-c]+$'}, 'minProperties': 1, 'maxProperties': 2,"
            + " 'additionalProperties': {'type': 'number', 'minimum': 0, 'maximum': 1}}";
    assertTrue(allows(named, "{'a': 0.5}") && allows(named, "{'cab': 1, 'b': 0}"));
    for (String text : List.of("{}", "{'d': 1}", "{'a': 2}", "{'a': 1, 'b': 1, 'c': 1}")) {
      assertFalse(allows(named, text), text);
    }
    for (String names :
        List.of(
            "{'type': 'integer'}", "{'type': ['string', 'null']}", "{'enum': ['a', 1]}", "{'const': 1}",
            "{'anyOf': [{'type': 'string'}]}", "{'$ref': '#/$defs/n'}", "true")) {
      assertTrue(
          refusal("{'$defs': {'n': {'enum': [1]}}, 'type': 'object', 'additionalProperties': {'type': 'null'},"
              + " 'propertyNames': " + names + "}").contains("at #/propertyNames names of properties are texts"),
          names);
    }
    assertTrue(
        allows(
            "{'$defs': {'n': {'enum': ['x']}}, 'type': 'object', 'propertyNames': {'$ref': '#/$defs/n'},"
                + " 'additionalProperties': {'type': 'null'}}",
            "{'x': null}"));
    assertTrue(
        allows(
            "{'type': 'object', 'propertyNames': {'enum': ['x', 'y']}, 'additionalProperties': {'type': 'null'}}",
            "{'y': null}"));
  }

  /** As pydantic writes a union that a field tells apart, and a field of a model with a default. */
  @Test
  void alternativesThatAPropertyTellsApart() {
    String of = "{'type': 'object', 'properties': {'kind': {'const': '%s', 'default': '%s'}, 'n': {'type': 'integer'}}}";
    String schema =
        "{'$defs': {'cat': " + of.replace("%s", "cat") + ", 'dog': " + of.replace("%s", "dog") + "},"
            + " 'type': 'object', 'properties': {'pet': {'discriminator': {'propertyName': 'kind', 'mapping':"
            + " {'cat': '#/$defs/cat', 'dog': '#/$defs/dog'}}, 'oneOf': [{'$ref': '#/$defs/cat'}, {'$ref': '#/$defs/dog'}]},"
            + " 'other': {'allOf': [{'$ref': '#/$defs/cat'}], 'default': {}, 'x-order': 2}}, 'required': ['pet', 'other']}";
    assertTrue(allows(schema, "{'pet': {'kind': 'dog', 'n': 3}, 'other': {}}"));
    assertTrue(allows(schema, "{'pet': {'kind': 'cat'}, 'other': {'kind': 'cat', 'n': 1}}"));
    assertFalse(allows(schema, "{'pet': {'n': 3}, 'other': {}}"), "the property says which it is");
    assertFalse(allows(schema, "{'pet': {'kind': 'cow'}, 'other': {}}"));
  }

  @Test
  @Timeout(20)
  void alternativesThatTakeLongToTellApartAreRefusedSoon() {
    StringBuilder all = new StringBuilder();
    for (int i = 0; i < 30; i++) {
      all.append(i == 0 ? "" : ", ").append("{'type': 'object', 'properties': {'t': {'type': 'string', 'maxLength': 300},")
          .append(" 'k': {'const': ").append(i).append("}}, 'required': ['t', 'k']}");
    }
    assertTrue(refusal("{'oneOf': [" + all + "]}").contains("put the property that differs first"));
  }

  @Test
  void whatIsNotUnderstoodIsRefusedByNameAndPlace() {
    Map<String, String> words = new LinkedHashMap<>();
    words.put("nonsense", "it is not JSON");
    words.put("[]", "at # there is no object");
    words.put("{}", "at # there is no type");
    words.put("true", "at # there is true or false");
    words.put("{'type': 'strin'}", "'strin' is not known");
    words.put("{'type': 'string', 'format': 'iri'}", "at # the format 'iri' is not supported: [date, ");
    words.put("{'type': 'string', 'format': 'date', 'maxLength': 10}", "'maxLength' beside 'format'");
    words.put("{'type': 'boolean', 'minimum': 1}", "at # 'minimum' is not supported for the type boolean");
    words.put("{'type': 'number', 'minimum': '1'}", "at # 'minimum' must be a number");
    words.put("{'type': 'number', 'minimum': 1, 'exclusiveMaximum': 1}", "no number that answers can hold lies between");
    words.put("{'type': 'number', 'exclusiveMinimum': 0, 'maximum': 1e-19}", "no number that answers can hold");
    words.put("{'type': 'number', 'minimum': 1e18}", "no number that answers can hold");
    words.put("{'type': 'integer', 'multipleOf': 5}", "'multipleOf'");
    words.put("{'type': 'integer', 'minLength': 5}", "'minLength' is not supported for the type integer");
    words.put("{'type': 'integer', 'minimum': 5, 'maximum': 4}", "no whole number");
    words.put("{'type': 'string', 'minLength': 5, 'maxLength': 4}", "'minLength' is more than 'maxLength'");
    words.put("{'type': 'string', 'pattern': 'a', 'maxLength': 4}", "'pattern' beside");
    words.put("{'type': 'string', 'maxLength': -1}", "'maxLength' must be");
    words.put("{'type': 'array'}", "an array without 'items'");
    words.put("{'type': 'array', 'items': {'type': 'null'}, 'uniqueItems': true}", "'uniqueItems'");
    words.put("{'type': 'array', 'prefixItems': []}", "'prefixItems'");
    words.put("{'type': 'object'}", "an object without 'properties'");
    words.put("{'type': 'object', 'properties': {}, 'additionalProperties': true}", "'additionalProperties'");
    words.put("{'type': 'object', 'properties': {}, 'patternProperties': {}}", "'patternProperties'");
    words.put("{'type': 'object', 'properties': {'a': {'type': 'null'}}, 'additionalProperties': {'type': 'null'}}",
        "'additionalProperties' other than false is not supported beside properties");
    words.put("{'type': 'object', 'properties': {}, 'maxProperties': 3}", "'maxProperties' is supported where");
    words.put("{'type': 'object', 'properties': {}, 'required': ['x']}", "'required' names 'x'");
    words.put("{'properties': {'a/b': {'type': 'array', 'items': {'format': 'x'}}}}",
        "at #/properties/a~1b/items 'format'");
    words.put("{'enum': ['a'], 'minLength': 1}", "'minLength' stands beside 'enum'");
    words.put("{'enum': ['a', 3], 'type': 'string'}", "the value 3 is not of the type");
    words.put("{'enum': []}", "a list of values");
    words.put("{'anyOf': [{'type': 'null'}, {'not': {}}]}", "at #/anyOf/1 'not'");
    words.put("{'allOf': [{'type': 'null'}, {'type': 'null'}]}", "at # 'allOf' of anything but one schema");
    words.put("{'anyOf': [{'type': 'null'}], 'discriminator': {}}", "'discriminator' has no 'propertyName'");
    words.put("{'anyOf': [{'type': 'object', 'properties': {}}], 'discriminator': {'propertyName': 'k'}}",
        "'required' names 'k'");
    words.put("{'type': 'object', 'properties': {'a': {'type': 'null'}}, 'required': 'a'}", "must be a list of names");
    words.put("{'name': 'n', 'strict': true, 'schema': {'type': 'null'}}", "give what stands under 'schema'");
    words.put("{'$ref': '#/$defs/x'}", "names a place that is not there");
    words.put("{'$ref': 'http://x/y'}", "only places of this schema");
    words.put("{'$defs': {'t': {'type': 'array', 'items': {'$ref': '#/$defs/t'}}}, '$ref': '#/$defs/t'}", "recursive");
    words.put("{'type': 'array', 'items': {'$ref': '#'}}", "recursive");
    words.put("{'type': 'string', 'type': 'null'}", "it is not JSON: Duplicate");
    words.put("{'type': 'string', 'maxLength': 90000}", "it needs more than");
    words.put("{'type':'array','items':".repeat(70) + "{'type':'null'}" + "}".repeat(70), "nested more than");
    words.forEach((schema, word) -> assertTrue(refusal(schema).contains(word), refusal(schema)));
    // Annotations say nothing of the value.
    assertTrue(allows("{'$schema': 'x', 'title': 't', 'description': 'd', 'default': 1, 'type': 'null'}", "null"));
  }
}
