// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Reward cases: JSON lines with {@code reward}, {@code params}, {@code completions} (texts, or lists of messages),
 * {@code solutions} and {@code completion_lengths} (in tokens), to which {@code rewards} is added. All else in a line
 * stays as it is written. Not safe for several threads.
 */
public final class RewardCases {
  private static final String REWARDS = "rewards";
  private static final String ERROR = "error";
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  /** Cases of one kind follow one another. */
  private final Map<String, Reward> made = new HashMap<>();

  /**
   * A line that was filled in.
   *
   * @param line JSON: the line with its rewards, null in the place of those that are missing; or the line with null as
   *     {@code rewards} and the reason as {@code error}; or, where it is no JSON object, one that holds it as
   *     {@code line}
   * @param error why it has no rewards; null if it has
   */
  public record Filled(String line, String error) {}

  /** A value's place in a line; from −1 where there is none. */
  private record Span(int from, int to) {
    static final Span NONE = new Span(-1, -1);
  }

  /** Why a case has no rewards. */
  private static final class BadCase extends Exception {
    private static final long serialVersionUID = 1L;

    BadCase(String message) {
      super(message, null, false, false);
    }
  }

  /** Fills in one line; never throws. */
  public Filled fill(String line) {
    Map<String, Span> spans = new HashMap<>();
    int end;
    JsonNode node;
    try {
      end = scan(line, spans);
      node = JSON.readTree(line);
    } catch (BadCase | JsonProcessingException e) {
      boolean isJson = e instanceof BadCase;
      String why = isJson ? e.getMessage() : "it is not JSON: " + ((JsonProcessingException) e).getOriginalMessage();
      return new Filled(JSON.createObjectNode().put("line", line).put(ERROR, why).toString(), why);
    }
    boolean bare = node.isEmpty();
    try {
      String rewards = json(rewards(node));
      return new Filled(put(line, end, bare, spans, Map.of(REWARDS, rewards)), null);
    } catch (BadCase | IllegalArgumentException e) {
      Map<String, String> values = new TreeMap<>(Map.of(REWARDS, "null", ERROR, text(e.getMessage())));
      return new Filled(put(line, end, bare, spans, values), e.getMessage());
    }
  }

  /** Finds the values that may be replaced, and the end of the object. */
  private static int scan(String line, Map<String, Span> spans) throws BadCase, JsonProcessingException {
    try (JsonParser parser = JSON.createParser(line)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new BadCase("it is JSON, but not an object in braces");
      }
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String name = parser.currentName();
        parser.nextToken();
        int from = (int) parser.currentTokenLocation().getCharOffset();
        parser.skipChildren();
        parser.finishToken();
        if (name.equals(REWARDS) || name.equals(ERROR)) {
          spans.put(name, new Span(from, (int) parser.currentLocation().getCharOffset()));
        }
      }
      return (int) parser.currentTokenLocation().getCharOffset();
    } catch (JsonProcessingException e) {
      throw e;
    } catch (IOException e) {
      throw new IllegalStateException("A string cannot fail to be read.", e);
    }
  }

  private static String put(String line, int end, boolean bare, Map<String, Span> spans, Map<String, String> values) {
    StringBuilder out = new StringBuilder(line);
    // From behind, so that places before stay where they are.
    StringBuilder added = new StringBuilder();
    for (String name : new String[] {REWARDS, ERROR}) {
      if (values.containsKey(name) && spans.getOrDefault(name, Span.NONE).from < 0) {
        String comma = bare && added.isEmpty() ? "" : ", ";
        added.append(comma).append('"').append(name).append("\": ").append(values.get(name));
      }
    }
    out.insert(end, added);
    spans.entrySet().stream()
        .filter(e -> values.containsKey(e.getKey()))
        .sorted((a, b) -> b.getValue().from - a.getValue().from)
        .forEach(e -> out.replace(e.getValue().from, e.getValue().to, values.get(e.getKey())));
    return out.toString();
  }

  private static String json(List<Double> rewards) {
    StringBuilder out = new StringBuilder("[");
    for (Double reward : rewards) {
      // Doubles as Java writes them are JSON and give the same double when read.
      out.append(out.length() > 1 ? ", " : "").append(reward == null ? "null" : reward.toString());
    }
    return out.append(']').toString();
  }

  private static String text(String value) {
    return JSON.getNodeFactory().textNode(value).toString();
  }

  private List<Double> rewards(JsonNode node) throws BadCase {
    Reward reward = reward(node);
    List<Sample> samples = samples(node, reward);
    return reward.of(samples);
  }

  private Reward reward(JsonNode node) throws BadCase {
    if (!node.path("reward").isTextual()) {
      throw new BadCase(
          "it names no reward: give one as \"reward\", one of " + String.join(", ", Rewards.names()) + ".");
    }
    JsonNode params = node.path("params");
    if (!params.isObject() && !params.isNull() && !params.isMissingNode()) {
      throw new BadCase("its params are no object, but " + kind(params));
    }
    Map<String, String> given = new TreeMap<>();
    for (var fields = params.fields(); fields.hasNext(); ) {
      Map.Entry<String, JsonNode> field = fields.next();
      if (field.getValue().isContainerNode()) {
        throw new BadCase("its parameter " + field.getKey() + " is " + kind(field.getValue()));
      }
      if (!field.getValue().isNull()) {
        given.put(field.getKey(), field.getValue().asText());
      }
    }
    String name = node.get("reward").textValue();
    String key = name + given;
    Reward known = made.get(key);
    if (known == null) {
      known = Rewards.byName(name, given);
      made.put(key, known);
    }
    return known;
  }

  private static List<Sample> samples(JsonNode node, Reward reward) throws BadCase {
    JsonNode completions = list(node, "completions", reward.needs().contains(Reward.Field.COMPLETION));
    JsonNode solutions = list(node, "solutions", reward.needs().contains(Reward.Field.GOLD));
    JsonNode lengths = list(node, "completion_lengths", reward.needs().contains(Reward.Field.TOKENS));
    int size = -1;
    for (JsonNode each : new JsonNode[] {completions, solutions, lengths}) {
      if (each != null && size >= 0 && each.size() != size) {
        throw new BadCase("its lists have " + size + " and " + each.size() + " items: they must be equally long");
      }
      size = each == null ? size : each.size();
    }
    List<Sample> samples = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      JsonNode length = lengths == null || lengths.get(i).isNull() ? null : lengths.get(i);
      if (length != null && !length.canConvertToExactIntegral()) {
        throw new BadCase("its completion_lengths hold " + kind(length) + ": they must be whole numbers");
      }
      samples.add(
          new Sample(
              completions == null ? null : completion(completions.get(i)),
              solutions == null ? null : value(solutions.get(i), "solutions"),
              length == null ? null : Long.valueOf(length.longValue()), null));
    }
    return samples;
  }

  /** What a reward does not read is not looked at. */
  private static JsonNode list(JsonNode node, String name, boolean needed) throws BadCase {
    JsonNode list = node.path(name);
    if (!needed) {
      return null;
    }
    if (!list.isArray()) {
      throw new BadCase("its " + name + " are no list, but " + kind(list) + ": this reward needs them");
    }
    return list;
  }

  private static String completion(JsonNode node) throws BadCase {
    return node.isArray() ? Messages.completion(node) : value(node, "completions");
  }

  private static String value(JsonNode node, String where) throws BadCase {
    if (node.isContainerNode()) {
      throw new BadCase("its " + where + " hold " + kind(node) + ": they must be texts");
    }
    return node.isNull() ? null : node.asText();
  }

  private static String kind(JsonNode node) {
    return switch (node.getNodeType()) {
      case OBJECT -> "an object";
      case ARRAY -> "a list";
      case NULL -> "null";
      case MISSING -> "missing";
      case STRING -> "a text";
      case NUMBER -> "a number that is not whole";
      default -> "something else";
    };
  }
}
