// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.AnswerFormat;
import io.winnow.inference.EndpointSpec;
import io.winnow.inference.InferenceException;
import io.winnow.inference.Message;
import io.winnow.inference.SamplingParams;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Requests as JSON. */
class RequestBodyTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final EndpointSpec SPEC = EndpointSpec.of("r1", List.of("http://127.0.0.1:1/v1"));
  private static final List<Message> TURNS =
      List.of(Message.of("system", "Be brief."), new Message("user", "2 + 2?", Map.of("name", "ann")));

  private static JsonNode body(EndpointSpec spec, List<Message> turns, SamplingParams params, String dialect, int n)
      throws IOException {
    return JSON.readTree(new RequestBody(spec, m -> "rendered " + m.size()).of(turns, params, dialect, 3, n));
  }

  private static JsonNode body(SamplingParams params, String dialect) throws IOException {
    return body(SPEC, TURNS, params, dialect, 1);
  }

  @Test
  void saysWhatOpenAiKnows() throws IOException {
    JsonNode body = body(SamplingParams.DEFAULT.withMaxTokens(77, true), "generic");
    assertEquals("r1", body.get("model").asText());
    assertEquals(
        "[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\",\"content\":\"2 + 2?\",\"name\":\"ann\"}]",
        body.get("messages").toString());
    assertEquals(77, body.get("max_tokens").asInt());
    assertEquals(0.6, body.get("temperature").asDouble());
    assertTrue(body.get("stream").asBoolean() && body.get("stream_options").get("include_usage").asBoolean());
    assertTrue(body.get("logprobs").asBoolean());
    for (String name : List.of("n", "top_k", "min_p", "repetition_penalty", "stop", "logit_bias", "return_token_ids")) {
      assertFalse(body.has(name), name);
    }
    assertEquals(4, body(SPEC, TURNS, SamplingParams.DEFAULT, "generic", 4).get("n").asInt());
    assertTrue(body(SamplingParams.DEFAULT, "openai").has("max_completion_tokens"));
  }

  @Test
  void saysWhatIsNeutralWhereServersHaveDefaultsOfTheirOwn() throws IOException {
    JsonNode vllm = body(SamplingParams.DEFAULT, "vllm");
    assertEquals(-1, vllm.get("top_k").asInt());
    assertEquals(0, vllm.get("min_p").asDouble());
    assertEquals(1, vllm.get("repetition_penalty").asDouble());
    JsonNode llama = body(SamplingParams.DEFAULT, "llamacpp");
    assertEquals(0, llama.get("top_k").asInt());
    assertEquals(1, llama.get("repeat_penalty").asDouble());
  }

  @Test
  void asksForFormatsInTheServersDialect() throws IOException {
    SamplingParams choice = SamplingParams.DEFAULT.withAnswer(AnswerFormat.choice(List.of("a.b", "c\"d")));
    assertEquals("[\"a.b\",\"c\\\"d\"]", body(choice, "vllm").at("/structured_outputs/choice").toString());
    assertEquals("(a\\.b|c\"d)", body(choice, "sglang").get("regex").asText());
    assertEquals("root ::= \"a.b\" | \"c\\\"d\"", body(choice, "llamacpp").get("grammar").asText());
    JsonNode wrapped = body(choice, "openai").at("/response_format/json_schema");
    assertEquals("[\"a.b\",\"c\\\"d\"]", wrapped.at("/schema/properties/answer/enum").toString());
    assertTrue(wrapped.get("strict").asBoolean());
    assertEquals("a.b", RequestBody.unwrapped("{\"answer\": \"a.b\"}", choice, "openai"));
    assertEquals("{\"answer\": \"a.b\"}", RequestBody.unwrapped("{\"answer\": \"a.b\"}", choice, "vllm"));
    SamplingParams regex = SamplingParams.DEFAULT.withAnswer(AnswerFormat.regex("[A-E]"));
    assertEquals("[A-E]", body(regex, "vllm").at("/structured_outputs/regex").asText());
    assertThrows(InferenceException.class, () -> body(regex, "generic"));
    SamplingParams schema = SamplingParams.DEFAULT.withAnswer(AnswerFormat.jsonSchema("{\"type\":\"object\"}"));
    for (String dialect : List.of("generic", "openai", "vllm", "sglang", "llamacpp")) {
      assertEquals(
          "{\"type\":\"object\"}", body(schema, dialect).at("/response_format/json_schema/schema").toString(), dialect);
    }
  }

  @Test
  void extraFieldsComeLastAndNullTakesAFieldOut() throws IOException {
    EndpointSpec spec = SPEC.withFields("auto", "{\"temperature\":null,\"top_p\":0.5,\"provider\":{\"only\":[\"x\"]}}");
    JsonNode body = body(spec, TURNS, SamplingParams.DEFAULT, "generic", 1);
    assertFalse(body.has("temperature"));
    assertEquals(0.5, body.get("top_p").asDouble());
    assertEquals("{\"only\":[\"x\"]}", body.get("provider").toString());
  }

  @Test
  void textsAreRenderedAndOwnTurnsContinued() throws IOException {
    EndpointSpec texts = SPEC.with(EndpointSpec.Api.COMPLETIONS, EndpointSpec.Wire.PLAIN, EndpointSpec.Limits.DEFAULT);
    JsonNode body = body(texts, TURNS, SamplingParams.DEFAULT.withMaxTokens(5, true), "generic", 1);
    assertEquals("rendered 2", body.get("prompt").asText());
    assertFalse(body.has("messages"));
    assertEquals(1, body.get("logprobs").asInt());
    List<Message> open = List.of(Message.of("user", "2 + 2?"), Message.of("assistant", "It is"));
    JsonNode vllm = body(SPEC, open, SamplingParams.DEFAULT, "vllm", 1);
    assertTrue(vllm.get("continue_final_message").asBoolean());
    assertFalse(vllm.get("add_generation_prompt").asBoolean());
  }

  @Test
  void samplesHaveSeedsOfTheirOwnThatAnyServerCanHold() {
    Set<Integer> seeds = new HashSet<>();
    for (int sample = 0; sample < 1000; sample++) {
      int seed = RequestBody.seed(7, sample);
      assertTrue(seed >= 0);
      seeds.add(seed);
    }
    assertEquals(1000, seeds.size());
    assertTrue(RequestBody.seed(7, 0) != RequestBody.seed(8, 0));
  }
}
