// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.inference.AnswerFormat;
import io.winnow.inference.EndpointSpec;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.Message;
import io.winnow.inference.SamplingParams;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Requests as JSON, in the dialect of the server. Stateless. */
final class RequestBody {
  private static final ObjectMapper JSON = new ObjectMapper();
  /** What a choice is wrapped in where a server knows JSON schemas alone. */
  private static final String WRAPPED = "answer";

  private final EndpointSpec spec;
  private final Function<List<Message>, String> renderer;
  private final JsonNode extra;

  RequestBody(EndpointSpec spec, Function<List<Message>, String> renderer) {
    this.spec = spec;
    this.renderer = renderer;
    try {
      this.extra = spec.extraBody() == null ? JSON.createObjectNode() : JSON.readTree(spec.extraBody());
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("Not JSON: " + spec.extraBody(), e);
    }
  }

  /**
   * A request.
   *
   * @param first the first of the samples that are asked for; it decides the seed
   * @param samples how many
   * @throws InferenceException answer_format_invalid, when the server knows no way to give such answers
   */
  byte[] of(List<Message> messages, SamplingParams params, String dialect, int first, int samples) {
    ObjectNode body = JSON.createObjectNode();
    body.put("model", spec.name());
    if (spec.api() == EndpointSpec.Api.CHAT) {
      body.set("messages", turns(messages));
      goOn(body, messages, dialect);
    } else {
      body.put("prompt", renderer.apply(messages));
    }
    boolean openAi = dialect.equals("openai") && spec.api() == EndpointSpec.Api.CHAT;
    body.put(openAi ? "max_completion_tokens" : "max_tokens", params.maxTokens());
    body.put("temperature", params.temperature());
    body.put("top_p", params.topP());
    body.put("seed", seed(params.seed(), first));
    if (samples > 1) {
      body.put("n", samples);
    }
    body.put("stream", spec.wire().stream());
    if (spec.wire().stream()) {
      body.putObject("stream_options").put("include_usage", true);
    }
    sampling(body, params, dialect);
    if (params.logprobs()) {
      if (spec.api() == EndpointSpec.Api.CHAT) {
        body.put("logprobs", true);
      } else {
        body.put("logprobs", 1);
      }
    }
    if (dialect.equals("vllm")) {
      body.put("return_token_ids", true);
    }
    if (!spec.templateArgs().isEmpty() && spec.api() == EndpointSpec.Api.CHAT) {
      ObjectNode args = body.putObject("chat_template_kwargs");
      spec.templateArgs().forEach((name, value) -> args.set(name, value(value)));
    }
    if (params.answer() != null) {
      format(body, params.answer(), dialect);
    }
    extra.properties().forEach(
        field -> {
          if (field.getValue().isNull()) {
            body.remove(field.getKey());
          } else {
            body.set(field.getKey(), field.getValue());
          }
        });
    try {
      return JSON.writeValueAsBytes(body);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A seed for a sample, the same for all prompts, that any server can hold: 31 bits. */
  static int seed(long seed, int sample) {
    return (int) (Addresses.mixed(Addresses.mixed(seed) + 0x9E3779B97F4A7C15L * (sample + 1)) >>> 33);
  }

  private static JsonNode value(String text) {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException e) {
      return JSON.getNodeFactory().textNode(text);
    }
  }

  private static ArrayNode turns(List<Message> messages) {
    ArrayNode turns = JSON.createArrayNode();
    for (Message message : messages) {
      ObjectNode turn = turns.addObject();
      turn.put("role", message.role());
      turn.put("content", message.content());
      message.extra().forEach((name, value) -> turn.set(name, JSON.valueToTree(value)));
    }
    return turns;
  }

  /** A conversation that ends with the model's own turn goes on from there. */
  private static void goOn(ObjectNode body, List<Message> messages, String dialect) {
    boolean open = !messages.isEmpty() && "assistant".equals(messages.get(messages.size() - 1).role());
    if (open && (dialect.equals("vllm") || dialect.equals("sglang"))) {
      body.put("continue_final_message", true);
      body.put("add_generation_prompt", false);
    }
  }

  /** Servers have defaults of their own, from the model's folder or built in, so what is neutral here is said there. */
  private void sampling(ObjectNode body, SamplingParams p, String dialect) {
    boolean own = dialect.equals("vllm") || dialect.equals("sglang") || dialect.equals("llamacpp");
    boolean llama = dialect.equals("llamacpp");
    if (own || p.topK() > 0) {
      body.put("top_k", p.topK() > 0 ? p.topK() : llama ? 0 : -1);
    }
    if (own || p.minP() > 0) {
      body.put("min_p", p.minP());
    }
    if (own || p.repetitionPenalty() != 1) {
      body.put(llama ? "repeat_penalty" : "repetition_penalty", p.repetitionPenalty());
    }
    if (p.presencePenalty() != 0) {
      body.put("presence_penalty", p.presencePenalty());
    }
    if (p.frequencyPenalty() != 0) {
      body.put("frequency_penalty", p.frequencyPenalty());
    }
    if (!p.stop().isEmpty()) {
      p.stop().forEach(body.withArray("stop")::add);
    }
    if (!p.stopTokenIds().isEmpty()) {
      p.stopTokenIds().forEach(body.withArray("stop_token_ids")::add);
    }
    if (p.minTokens() > 0) {
      body.put("min_tokens", p.minTokens());
    }
    if (p.ignoreEos()) {
      body.put("ignore_eos", true);
    }
    if (!p.logitBias().isEmpty()) {
      ObjectNode biases = body.putObject("logit_bias");
      p.logitBias().forEach((id, bias) -> biases.put(String.valueOf(id), Math.max(-100, bias)));
    }
  }

  private void format(ObjectNode body, AnswerFormat format, String dialect) {
    String first = format.texts().get(0);
    switch (format.kind()) {
      case JSON_SCHEMA -> {
        if (dialect.equals("llamacpp") && spec.api() == EndpointSpec.Api.COMPLETIONS) {
          body.set("json_schema", closed(value(first)));
        } else {
          schema(body, closed(value(first)), dialect);
        }
      }
      case REGEX -> {
        switch (dialect) {
          case "vllm" -> body.putObject("structured_outputs").put("regex", first);
          case "sglang" -> body.put("regex", first);
          default -> throw unknown(format, dialect);
        }
      }
      case CHOICE -> {
        switch (dialect) {
          case "vllm" -> format.texts().forEach(body.putObject("structured_outputs").withArray("choice")::add);
          case "sglang" -> body.put("regex", format.texts().stream().map(RequestBody::quoted)
              .collect(Collectors.joining("|", "(", ")")));
          case "llamacpp" -> body.put("grammar", "root ::= " + format.texts().stream().map(RequestBody::literal)
              .collect(Collectors.joining(" | ")));
          default -> schema(body, wrapped(format.texts()), dialect);
        }
      }
    }
  }

  private static void schema(ObjectNode body, JsonNode schema, String dialect) {
    ObjectNode described = body.putObject("response_format").put("type", "json_schema").putObject("json_schema");
    described.put("name", WRAPPED).set("schema", schema);
    if (dialect.equals("openai")) {
      described.put("strict", true);
    }
  }

  /** The schema with all objects closed, as they are where answers are read; servers take it otherwise. */
  private static JsonNode closed(JsonNode schema) {
    if (schema instanceof ObjectNode node) {
      if (node.path("properties").isObject() && !node.has("additionalProperties")) {
        node.put("additionalProperties", false);
      }
      for (String inner : List.of("properties", "$defs", "definitions", "anyOf", "oneOf", "allOf")) {
        node.path(inner).forEach(RequestBody::closed);
      }
      closed(node.path("items"));
      closed(node.path("additionalProperties"));
    }
    return schema;
  }

  private static ObjectNode wrapped(List<String> texts) {
    ObjectNode schema = JSON.createObjectNode().put("type", "object");
    ObjectNode property = schema.putObject("properties").putObject(WRAPPED).put("type", "string");
    texts.forEach(property.withArray("enum")::add);
    schema.putArray("required").add(WRAPPED);
    return schema.put("additionalProperties", false);
  }

  /** The text of a choice, taken out of what {@link #format} has wrapped it in. */
  static String unwrapped(String text, SamplingParams params, String dialect) {
    boolean wraps = dialect.equals("generic") || dialect.equals("openai");
    if (!wraps || params.answer() == null || params.answer().kind() != AnswerFormat.Kind.CHOICE) {
      return text;
    }
    JsonNode answer = value(text).path(WRAPPED);
    return answer.isTextual() ? answer.asText() : text;
  }

  private static String quoted(String text) {
    return text.replaceAll("([\\\\.\\[\\]{}()*+?^$|/-])", "\\\\$1");
  }

  private static String literal(String text) {
    return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n").replace("\r", "\\r") + "\"";
  }

  private static InferenceException unknown(AnswerFormat format, String dialect) {
    return InferenceErrors.answerFormatInvalid(
        format,
        "a server of the dialect " + dialect + " knows no such format; say --endpoint-dialect vllm or sglang if it is"
            + " one, or give its field by --extra-body");
  }
}
