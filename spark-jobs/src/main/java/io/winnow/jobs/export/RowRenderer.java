// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.jobs.export.SourceRow.Field;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/** Makes of a row of the input the row that a trainer reads. One thread. */
public final class RowRenderer {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
  private static final String STOP = "stop";

  private final ExportOptions options;
  private final Splits splits;

  public RowRenderer(ExportOptions options, Splits splits) {
    this.options = options;
    this.splits = splits;
  }

  /** The place of a row's split among the names of the splits. */
  public int split(Rendered row) {
    return splits.of(row.promptId());
  }

  /** A row of one row; not for formats whose unit is the group. */
  public Rendered render(SourceRow row) {
    Skip skip = unusable(row);
    if (skip != null) {
      return Rendered.skipped(skip);
    }
    try {
      List<Turn> own = prompt(row);
      String id = id(row, own);
      List<Turn> prompt = withSystem(own);
      ObjectNode node =
          switch (options.format()) {
            case SFT -> NODES.objectNode().set("messages", with(prompt, turn(row, Field.TEXT, prompt)));
            case PROMPT_COMPLETION -> completion("prompt", "completion", prompt, row);
            case DPO, OPENRLHF_DPO -> pair(prompt, row);
            case KTO -> completion("prompt", "completion", prompt, row).put("label", label(row));
            case GRPO -> prompt("prompt", prompt).put("solution", gold(row));
            case GRPO_GROUPS -> withReward(completion("prompt", "completion", prompt, row), row);
            case PRM, OPENRLHF_PRM -> StepRows.render(options, oneText(prompt), row, NODES.objectNode());
            case VERL -> verl(prompt, row, id);
            case OPENRLHF -> completion("input", "output", prompt, row);
            case OPENRLHF_RL ->
                prompt("input", prompt).put("label", gold(row)).put("datasource", options.dataSource());
            case SHAREGPT -> shareGpt(with(prompt, turn(row, Field.TEXT, prompt)));
            case OPEN_R1 -> throw new IllegalStateException("A group of rows is rendered by GroupRenderer.");
          };
      return keyed(id, row, node);
    } catch (Left e) {
      return Rendered.skipped(e.skip);
    }
  }

  /** A row of all samples of a prompt, in any order. */
  public Rendered renderGroup(List<? extends SourceRow> rows) {
    try {
      List<SourceRow> usable = new ArrayList<>();
      for (SourceRow row : rows) {
        if (unusable(row) == null && row.text(Field.TEXT) != null) {
          usable.add(row);
        }
      }
      if (usable.isEmpty()) {
        throw new Left(
            rows.stream().map(this::unusable).filter(Objects::nonNull).min(Comparator.naturalOrder())
                .orElse(Skip.NO_TEXT));
      }
      usable.sort((a, b) -> order(a).compareTo(order(b)));
      List<Turn> own = prompt(usable.get(0));
      return new Rendered(null, id(usable.get(0), own), "", "", openR1(withSystem(own), usable));
    } catch (Left e) {
      return Rendered.skipped(e.skip);
    }
  }

  /** Rows that are alike in all that a group shows are alike in this. */
  private static String order(SourceRow row) {
    return String.join(
        "\0", sample(row), text(row, Field.TRACE_ID), text(row, Field.TEXT), text(row, Field.CORRECT),
        text(row, Field.FINISH_REASON), text(row, Field.THINK_END), text(row, Field.GOLD), text(row, Field.MESSAGES),
        text(row, Field.PROMPT));
  }

  private Skip unusable(SourceRow row) {
    if (row.unreadable() != null) {
      return Skip.UNREADABLE;
    }
    ExportFormat.Unit unit = options.format().unit();
    boolean ofTraces = unit == ExportFormat.Unit.TRACE || unit == ExportFormat.Unit.GROUP;
    if (ofTraces && (row.json(Field.ERROR) != null || "error".equals(row.text(Field.FINISH_REASON)))) {
      return Skip.FAILED;
    }
    if (options.correctOnly() && !Boolean.TRUE.equals(truth(row.text(Field.CORRECT)))) {
      return Skip.INCORRECT;
    }
    if (options.finishedOnly() && !STOP.equals(row.text(Field.FINISH_REASON))) {
      return Skip.CUT_OFF;
    }
    return null;
  }

  private Rendered keyed(String id, SourceRow row, ObjectNode node) {
    return switch (options.format().unit()) {
      case PROMPT, GROUP -> new Rendered(null, id, "", "", node);
      case PAIR -> new Rendered(null, id, text(row, Field.CHOSEN_ID), text(row, Field.REJECTED_ID), node);
      case TRACE -> new Rendered(null, id, sample(row), text(row, Field.TRACE_ID), node);
    };
  }

  /** The number of the sample, so that texts sort as numbers. */
  private static String sample(SourceRow row) {
    Long sample = number(row, Field.SAMPLE_INDEX);
    return sample == null ? "" : String.format(Locale.ROOT, "%010d", sample);
  }

  /** Of the row's own prompt: what an export puts in front of it moves it to no other split. */
  private static String id(SourceRow row, List<Turn> prompt) {
    String id = row.text(Field.ID);
    if (id != null) {
      return JsonText.whole(id);
    }
    byte[] text = JsonText.line(messages(prompt)).getBytes(StandardCharsets.UTF_8);
    return HexFormat.of().formatHex(Splits.sha256().digest(text), 0, 16);
  }

  private static List<Turn> prompt(SourceRow row) throws Left {
    List<Turn> turns = null;
    JsonNode messages = row.text(Field.MESSAGES) == null ? null : row.json(Field.MESSAGES);
    boolean none = messages != null && messages.isArray() && messages.isEmpty();
    if (row.text(Field.MESSAGES) != null && !none) {
      turns = Turn.all(messages);
      if (turns == null) {
        throw new Left(Skip.BAD_MESSAGES);
      }
    } else if (row.text(Field.PROMPT) != null && !row.text(Field.PROMPT).isEmpty()) {
      turns = List.of(new Turn(Turn.USER, row.text(Field.PROMPT)));
    }
    if (turns == null) {
      throw new Left(Skip.NO_PROMPT);
    }
    return turns;
  }

  private List<Turn> withSystem(List<Turn> turns) {
    String system = options.systemPrompt();
    if (system == null || turns.get(0).role().equals(Turn.SYSTEM)) {
      return turns;
    }
    List<Turn> all = new ArrayList<>();
    all.add(new Turn(Turn.SYSTEM, system));
    all.addAll(turns);
    return all;
  }

  /** A prompt that ends with a beginning of the model's turn goes into that turn. */
  private static boolean begun(List<Turn> prompt) {
    return prompt.size() > 1 && prompt.get(prompt.size() - 1).role().equals(Turn.ASSISTANT);
  }

  private static List<Turn> asked(List<Turn> prompt) {
    return begun(prompt) ? prompt.subList(0, prompt.size() - 1) : prompt;
  }

  private Thinking.Shown turn(SourceRow row, Field field, List<Turn> prompt) throws Left {
    String text = row.text(field);
    if (text == null || text.isEmpty()) {
      throw new Left(Skip.NO_TEXT);
    }
    Field ends =
        switch (field) {
          case CHOSEN -> Field.CHOSEN_THINK_END;
          case REJECTED -> Field.REJECTED_THINK_END;
          default -> Field.THINK_END;
        };
    Thinking.Shown shown =
        begun(prompt)
            ? options.thinking().show(prompt.get(prompt.size() - 1).content() + text, false, null)
            : shown(options.thinking(), text, row, ends);
    if (shown.content() == null) {
      throw new Left(Skip.THINKING_NEVER_ENDED);
    }
    if (shown.content().isEmpty()) {
      throw new Left(Skip.NO_ANSWER);
    }
    return shown;
  }

  /** A completion by the place where its thinking ends; one that is no number, or not in the text, is not believed. */
  static Thinking.Shown shown(Thinking thinking, String text, SourceRow row, Field ends) {
    Long end = number(row, ends);
    boolean never = row.has(ends) && row.text(ends) == null;
    boolean known = end != null && end >= 0 && end <= text.length();
    return thinking.show(text, never || known, known ? end.intValue() : null);
  }

  private ArrayNode with(List<Turn> prompt, Thinking.Shown shown) {
    ArrayNode all = messages(asked(prompt));
    all.add(message(shown));
    return all;
  }

  private ObjectNode message(Thinking.Shown shown) {
    ObjectNode message = NODES.objectNode().put("role", Turn.ASSISTANT).put("content", shown.content());
    if (shown.thoughts() != null) {
      message.put(options.thinkingField(), shown.thoughts());
    }
    return message;
  }

  private static ArrayNode messages(List<Turn> turns) {
    ArrayNode all = NODES.arrayNode();
    turns.forEach(turn -> all.addObject().put("role", turn.role()).put("content", turn.content()));
    return all;
  }

  private JsonNode shown(Thinking.Shown turn) {
    return options.text() ? NODES.textNode(turn.content()) : NODES.arrayNode().add(message(turn));
  }

  private ObjectNode prompt(String name, List<Turn> prompt) throws Left {
    List<Turn> turns = options.format().unit() == ExportFormat.Unit.PROMPT ? prompt : asked(prompt);
    JsonNode value = options.text() ? NODES.textNode(oneText(turns)) : messages(turns);
    return NODES.objectNode().set(name, value);
  }

  private static String oneText(List<Turn> prompt) throws Left {
    if (prompt.size() != 1 || !prompt.get(0).role().equals(Turn.USER)) {
      throw new Left(Skip.NOT_ONE_MESSAGE);
    }
    return prompt.get(0).content();
  }

  private ObjectNode completion(String promptName, String name, List<Turn> prompt, SourceRow row) throws Left {
    return prompt(promptName, prompt).set(name, shown(turn(row, Field.TEXT, prompt)));
  }

  private ObjectNode pair(List<Turn> prompt, SourceRow row) throws Left {
    Thinking.Shown chosen = turn(row, Field.CHOSEN, prompt);
    Thinking.Shown rejected = turn(row, Field.REJECTED, prompt);
    if (options.implicitPrompt() || options.format() == ExportFormat.OPENRLHF_DPO) {
      ObjectNode node = NODES.objectNode();
      node.set("chosen", with(prompt, chosen));
      node.set("rejected", with(prompt, rejected));
      return node;
    }
    ObjectNode node = prompt("prompt", prompt);
    node.set("chosen", shown(chosen));
    node.set("rejected", shown(rejected));
    return node;
  }

  private static boolean label(SourceRow row) throws Left {
    Boolean label = truth(row.text(row.has(Field.LABEL) ? Field.LABEL : Field.CORRECT));
    if (label == null) {
      throw new Left(Skip.UNDECIDED);
    }
    return label;
  }

  /** A truth value, also as 1 or 0; null where it is something else. */
  static Boolean truth(String text) {
    if (text == null) {
      return null;
    }
    return switch (text) {
      case "true", "1", "1.0", "+" -> Boolean.TRUE;
      case "false", "0", "0.0", "-", "-1" -> Boolean.FALSE;
      default -> null;
    };
  }

  private static String gold(SourceRow row) throws Left {
    String gold = row.text(Field.GOLD);
    if (gold == null || gold.isBlank()) {
      throw new Left(Skip.NO_GOLD);
    }
    return gold;
  }

  private static ObjectNode withReward(ObjectNode node, SourceRow row) throws Left {
    JsonNode reward = row.json(Field.REWARD);
    if (reward == null || !reward.isNumber()) {
      throw new Left(Skip.NO_REWARD);
    }
    JsonNode advantage = row.json(Field.ADVANTAGE);
    Long size = number(row, Field.GROUP_SIZE);
    node.put("reward", reward.doubleValue());
    node.put("advantage", advantage == null || !advantage.isNumber() ? null : (Double) advantage.doubleValue());
    return node.put("group_size", size);
  }

  private ObjectNode verl(List<Turn> prompt, SourceRow row, String id) throws Left {
    String gold = gold(row);
    ObjectNode node = NODES.objectNode();
    node.put("data_source", options.dataSource());
    node.set("prompt", messages(prompt));
    node.put("ability", options.ability());
    node.set("reward_model", NODES.objectNode().put("style", "rule").put("ground_truth", gold));
    ObjectNode info = NODES.objectNode().put("split", splits.names().get(splits.of(id)));
    info.set("index", NODES.pojoNode(JsonText.NUMBER));
    node.set("extra_info", info.put("prompt_id", id));
    return node;
  }

  private static ObjectNode shareGpt(ArrayNode messages) {
    ArrayNode turns = NODES.arrayNode();
    for (JsonNode message : messages) {
      String role = message.get("role").textValue();
      String from =
          switch (role) {
            case Turn.USER -> "human";
            case Turn.ASSISTANT -> "gpt";
            default -> role;
          };
      turns.addObject().put("from", from).put("value", message.get("content").textValue());
    }
    return NODES.objectNode().set("conversations", turns);
  }

  private ObjectNode openR1(List<Turn> prompt, List<SourceRow> rows) throws Left {
    ArrayNode generations = NODES.arrayNode();
    ArrayNode complete = NODES.arrayNode();
    ArrayNode correctness = NODES.arrayNode();
    ArrayNode finish = NODES.arrayNode();
    long correct = 0;
    Thinking.Shown best = null;
    boolean bestIsCorrect = false;
    for (SourceRow row : rows) {
      Thinking.Shown shown;
      try {
        shown = turn(row, Field.TEXT, prompt);
      } catch (Left e) {
        continue;
      }
      Boolean verdict = truth(row.text(Field.CORRECT));
      boolean right = Boolean.TRUE.equals(verdict);
      generations.add(shown.content());
      complete.add(shown.ended() && !"length".equals(row.text(Field.FINISH_REASON)));
      correctness.add(verdict);
      finish.add(row.text(Field.FINISH_REASON));
      correct += right ? 1 : 0;
      if (best == null || right && !bestIsCorrect) {
        best = shown;
        bestIsCorrect = right;
      }
    }
    if (best == null) {
      throw new Left(Skip.THINKING_NEVER_ENDED);
    }
    List<Turn> asked = asked(prompt);
    ObjectNode node = NODES.objectNode().put("problem", asked.get(asked.size() - 1).content());
    node.put("answer", rows.get(0).text(Field.GOLD));
    node.set("generations", generations);
    node.set("is_reasoning_complete", complete);
    node.set("correctness", correctness);
    node.set("finish_reasons", finish);
    node.put("correctness_count", correct);
    return node.set("messages", with(prompt, best));
  }

  private static String text(SourceRow row, Field field) {
    String text = row.text(field);
    return text == null ? "" : JsonText.whole(text);
  }

  private static Long number(SourceRow row, Field field) {
    String text = row.text(field);
    try {
      return text == null ? null : Long.valueOf(text);
    } catch (NumberFormatException e) {
      return null;
    }
  }

  /** The row is left out. */
  static final class Left extends Exception {
    private static final long serialVersionUID = 1L;

    private final Skip skip;

    Left(Skip skip) {
      super(skip.why(), null, false, false);
      this.skip = skip;
    }
  }
}
