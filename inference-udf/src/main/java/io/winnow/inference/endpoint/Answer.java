// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import com.fasterxml.jackson.databind.JsonNode;
import io.winnow.inference.FinishReason;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * What has come of one request: the choices by their index, and what the server counted. Takes whole answers and the
 * pieces of streamed ones alike; a choice that comes twice in whole answers counts once.
 */
final class Answer {
  /** The tags of the R1 models, between which thinking is put back that a server has taken out. */
  static final String OPEN = "<think>\n";
  static final String CLOSE = "\n</think>\n\n";

  private final Map<Integer, Choice> choices = new TreeMap<>();
  private JsonNode error;
  private int promptTokens;
  private int cachedTokens;
  private int completionTokens;
  private boolean counted;
  private boolean torn;
  private int pieces;

  /** One sample. */
  static final class Choice {
    private final StringBuilder thinking = new StringBuilder();
    private final StringBuilder content = new StringBuilder();
    private final NumberList logprobs = new NumberList();
    private final NumberList ids = new NumberList();
    private boolean everyTokenHasAnId = true;
    private String finish;

    /** The sample's text, with its thinking in front. */
    String text() {
      String said = content.toString();
      if (thinking.isEmpty()) {
        return said;
      }
      String thought = thinking.toString().strip();
      if (said.isEmpty() && !"stop".equals(finish)) {
        return OPEN + thought;
      }
      return OPEN + thought + CLOSE + said.stripLeading();
    }

    /** Why it ended, null if it did not. */
    String finish() {
      return finish;
    }

    /** Log-probabilities of its tokens; null where there are none. */
    float[] logprobs() {
      return logprobs.size == 0 ? null : logprobs.floats();
    }

    /** Its token ids; null where the server does not give them. */
    int[] tokenIds() {
      return ids.size == 0 || !everyTokenHasAnId ? null : ids.ints();
    }

    /** Its length in characters, to share out a count. */
    int length() {
      return thinking.length() + content.length();
    }

    /** What the server calls an end, in our words; null where the sample did not really end. */
    FinishReason reason() {
      return switch (finish == null ? "" : finish.toLowerCase(Locale.ROOT)) {
        case "", "abort", "cancelled", "canceled", "error", "insufficient_system_resource", "content_filter" -> null;
        case "length", "max_tokens", "max_output_tokens", "model_length" -> FinishReason.LENGTH;
        default -> FinishReason.STOP;
      };
    }

    boolean filtered() {
      return "content_filter".equals(finish);
    }
  }

  /** Takes a whole answer, or a piece of a streamed one. */
  void take(JsonNode body, boolean piece) {
    if (body.hasNonNull("error") || "error".equals(body.path("object").asText())) {
      error = body;
    }
    JsonNode usage = body.hasNonNull("usage") ? body.get("usage") : body.path("x_groq").path("usage");
    if (usage.isObject()) {
      count(usage);
    }
    int place = 0;
    for (JsonNode choice : body.path("choices")) {
      int index = choice.path("index").asInt(place++);
      Choice known = choices.get(index);
      if (!piece && known != null) {
        continue;
      }
      if (known == null) {
        known = new Choice();
        choices.put(index, known);
      }
      take(known, choice);
    }
  }

  /** Of numbers that cannot be, the nearest that can: what is paid is reckoned from them. */
  private void count(JsonNode usage) {
    counted = true;
    promptTokens = Math.max(0, usage.path("prompt_tokens").asInt(promptTokens));
    completionTokens = Math.max(0, usage.path("completion_tokens").asInt(completionTokens));
    int cached = usage.path("prompt_tokens_details").path("cached_tokens").asInt(0);
    cachedTokens = Math.max(cachedTokens, Math.max(cached, usage.path("prompt_cache_hit_tokens").asInt(0)));
  }

  /** A piece could not be read: whatever has not ended yet will lack it, and so never ends. */
  void tear() {
    torn = true;
  }

  private void take(Choice choice, JsonNode json) {
    JsonNode message = json.has("delta") ? json.get("delta") : json.path("message");
    int length = choice.length();
    String thought = text(message, "reasoning_content");
    choice.thinking.append(thought.isEmpty() ? text(message, "reasoning") : thought);
    choice.content.append(message.isObject() ? text(message, "content") : text(json, "text"));
    pieces += choice.length() > length ? 1 : 0;
    String finish = json.path("finish_reason").asText("");
    if (!finish.isEmpty() && !finish.equals("null") && !torn) {
      choice.finish = finish;
    }
    for (JsonNode id : json.path("token_ids")) {
      choice.ids.add(id.asInt());
    }
    boolean idsGiven = json.path("token_ids").isArray();
    JsonNode logprobs = json.path("logprobs");
    for (JsonNode token : logprobs.path("content")) {
      choice.logprobs.add((float) token.path("logprob").asDouble(Double.NaN));
      if (!idsGiven && token.hasNonNull("id")) {
        choice.ids.add(token.get("id").asInt());
      } else if (!idsGiven) {
        choice.everyTokenHasAnId = false;
      }
    }
    for (JsonNode token : logprobs.path("token_logprobs")) {
      choice.logprobs.add((float) token.asDouble(Double.NaN));
    }
  }

  /** Contents are text, or lists of parts with text. */
  private static String text(JsonNode object, String name) {
    JsonNode value = object.path(name);
    if (value.isTextual()) {
      return value.asText();
    }
    StringBuilder out = new StringBuilder();
    for (JsonNode part : value) {
      out.append(part.path("text").asText(""));
    }
    return out.toString();
  }

  /**
   * The stream has said that it is over: what has no reason to end has ended, unless an error came before, for servers
   * close a stream in order behind that too.
   */
  void over() {
    if (error != null || torn) {
      return;
    }
    choices.values().forEach(choice -> choice.finish = choice.finish == null ? "stop" : choice.finish);
  }

  Map<Integer, Choice> choices() {
    return choices;
  }

  /** What the server says went wrong; null for nothing. */
  JsonNode error() {
    return error;
  }

  /** Pieces with text in them. */
  int pieces() {
    return pieces;
  }

  boolean counted() {
    return counted;
  }

  int promptTokens() {
    return promptTokens;
  }

  int cachedTokens() {
    return Math.min(promptTokens, cachedTokens);
  }

  int completionTokens() {
    return completionTokens;
  }

  /** Ids, or floats by their bits. */
  private static final class NumberList {
    private int[] bits = new int[16];
    private int size;

    void add(float value) {
      add(Float.floatToRawIntBits(value));
    }

    void add(int value) {
      if (size == bits.length) {
        bits = Arrays.copyOf(bits, 2 * size);
      }
      bits[size++] = value;
    }

    int[] ints() {
      return Arrays.copyOf(bits, size);
    }

    float[] floats() {
      float[] out = new float[size];
      for (int i = 0; i < size; i++) {
        out[i] = Float.intBitsToFloat(bits[i]);
      }
      return out;
    }
  }

  /**
   * How many tokens each choice has: by their ids or log-probabilities, else what was counted for all, shared out. One
   * that was cut has as many as it may; the others have their part by their letters.
   *
   * @param most tokens of a choice at most
   */
  Map<Integer, Integer> lengths(int most) {
    boolean known = choices.values().stream().allMatch(c -> c.ids.size > 0 || c.logprobs.size > 0);
    Map<Integer, Integer> out = new TreeMap<>();
    int left = completionTokens;
    long letters = 0;
    for (Map.Entry<Integer, Choice> entry : choices.entrySet()) {
      Choice choice = entry.getValue();
      if (known && choices.size() > 1) {
        out.put(entry.getKey(), Math.max(choice.ids.size, choice.logprobs.size));
      } else if (choices.size() == 1) {
        out.put(entry.getKey(), completionTokens);
      } else if (choice.reason() == FinishReason.LENGTH) {
        out.put(entry.getKey(), Math.min(most, left));
        left -= Math.min(most, left);
      } else {
        letters += choice.length();
      }
    }
    for (Map.Entry<Integer, Choice> entry : choices.entrySet()) {
      if (!out.containsKey(entry.getKey())) {
        int length = entry.getValue().length();
        int share = letters == 0 ? 0 : (int) Math.min(most, Math.round((double) left * length / letters));
        out.put(entry.getKey(), share);
        left -= share;
        letters -= length;
      }
    }
    return out;
  }
}
