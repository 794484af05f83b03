// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.conf.ExportSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.export.SourceRow.Field;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Rows of every format as the documents of their trainers show them. */
class RowRendererTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String THOUGHT = "<think>\nfour\n</think>\n\n\\boxed{4}";

  /** A row by its texts; a column with the value null is there, and has none. */
  private record Texts(Map<Field, String> values) implements SourceRow {
    static Texts of(String... cells) {
      Map<Field, String> values = new EnumMap<>(Field.class);
      for (int i = 0; i < cells.length; i += 2) {
        values.put(Field.valueOf(cells[i]), cells[i + 1]);
      }
      return new Texts(values);
    }

    @Override
    public boolean has(Field field) {
      return values.containsKey(field);
    }

    @Override
    public String text(Field field) {
      return values.get(field);
    }

    @Override
    public JsonNode json(Field field) {
      try {
        return text(field) == null ? null : JSON.readTree(text(field));
      } catch (JsonProcessingException e) {
        return null;
      }
    }

    @Override
    public String unreadable() {
      return null;
    }
  }

  private static SettingValues values(String... options) {
    Map<String, String> map = new TreeMap<>();
    map.put("out", "x");
    for (int i = 0; i < options.length; i += 2) {
      map.put(options[i], options[i + 1]);
    }
    SettingValues values = SettingValues.ofMap(ExportSettings.OF_ROWS, map, key -> null);
    ExportSettings.validate(values, true);
    return values;
  }

  private static RowRenderer renderer(String... options) {
    SettingValues values = values(options);
    Splits splits =
        new Splits(ExportSettings.shares(values.get(ExportSettings.SPLIT)), values.get(ExportSettings.SPLIT_SALT));
    return new RowRenderer(ExportOptions.of(values), splits);
  }

  private static Texts trace(String... more) {
    List<String> cells =
        new ArrayList<>(
            List.of(
                "ID", "p1", "TRACE_ID", "t1", "SAMPLE_INDEX", "3", "PROMPT", "2+2?", "TEXT", THOUGHT, "THINK_END", "21",
                "GOLD", "4", "CORRECT", "true", "FINISH_REASON", "stop"));
    cells.addAll(Arrays.asList(more));
    return Texts.of(cells.toArray(String[]::new));
  }

  private static String line(RowRenderer renderer, SourceRow row) {
    Rendered rendered = renderer.render(row);
    assertNull(rendered.skip());
    return JsonText.line(rendered.node());
  }

  private static void gives(String expected, SourceRow row, String... options) {
    assertEquals(expected, line(renderer(options), row));
  }

  @Test
  void thinkingIsKeptStrippedOrGivenAFieldOfItsOwn() {
    String user = "{\"messages\":[{\"role\":\"user\",\"content\":\"2+2?\"},{\"role\":\"assistant\",\"content\":";
    gives(user + "\"<think>\\nfour\\n</think>\\n\\n\\\\boxed{4}\"}]}", trace(), "format", "sft");
    gives(user + "\"\\\\boxed{4}\"}]}", trace(), "format", "sft", "thinking", "strip");
    gives(user + "\"\\\\boxed{4}\",\"thinking\":\"four\"}]}", trace(), "format", "sft", "thinking", "field");
    gives(
        user + "\"\\\\boxed{4}\",\"reasoning_content\":\"four\"}]}", trace(), "format", "sft", "thinking", "field",
        "thinkingField", "reasoning_content");
  }

  @Test
  void thinkingThatThePromptOpenedIsOpenedAgain() {
    Thinking.Shown kept = Thinking.KEEP.show("four</think>4", true, 12);
    assertEquals("<think>\nfour</think>4", kept.content());
    assertEquals("<think>\nfour and", Thinking.KEEP.show("four and", true, null).content());
    assertEquals("four", Thinking.KEEP.show("four", true, 0).content());
    assertEquals("four", Thinking.FIELD.show("four</think>4", true, 12).thoughts());
    assertEquals("", Thinking.FIELD.show("<think></think>4", false, null).thoughts());
    assertNull(Thinking.FIELD.show("4", false, null).thoughts());
    // An end that is not in the text is not believed.
    assertEquals("4", Thinking.STRIP.show("<think>x</think>4", true, 99).content());
    // UTF-16 units, as the table counts them: the face is two.
    assertEquals("4", Thinking.STRIP.show("😀</think>4", true, 10).content());
  }

  @Test
  void thinkingThatNeverEndedHasNoAnswer() {
    Texts open = trace("TEXT", "<think>\nfour or", "THINK_END", null);
    assertEquals(Skip.THINKING_NEVER_ENDED, renderer("format", "sft", "thinking", "strip").render(open).skip());
    assertEquals(Skip.THINKING_NEVER_ENDED, renderer("format", "sft", "thinking", "field").render(open).skip());
    assertNull(renderer("format", "sft").render(open).skip());
    Texts empty = trace("TEXT", "<think>x</think> \n", "THINK_END", "17");
    assertEquals(Skip.NO_ANSWER, renderer("format", "sft", "thinking", "strip").render(empty).skip());
  }

  @Test
  void promptsAndCompletions() {
    String user = "[{\"role\":\"user\",\"content\":\"2+2?\"}]";
    String four = "[{\"role\":\"assistant\",\"content\":\"4\"}]";
    Texts row = trace("TEXT", "4", "THINK_END", "0", "LABEL", "false");
    gives("{\"prompt\":" + user + ",\"completion\":" + four + "}", row, "format", "prompt-completion");
    gives("{\"prompt\":\"2+2?\",\"completion\":\"4\"}", row, "format", "prompt-completion", "style", "text");
    gives("{\"prompt\":" + user + ",\"completion\":" + four + ",\"label\":false}", row, "format", "kto");
    gives("{\"input\":" + user + ",\"output\":" + four + "}", row, "format", "openrlhf");
    gives(
        "{\"conversations\":[{\"from\":\"system\",\"value\":\"Be brief.\"},{\"from\":\"human\",\"value\":\"2+2?\"},"
            + "{\"from\":\"gpt\",\"value\":\"4\"}]}",
        row, "format", "sharegpt", "systemPrompt", "Be brief.");
  }

  @Test
  void labelsOfTracesAreTheirVerdictsWhereNoneAreGiven() {
    Texts undecided = trace("CORRECT", null);
    assertEquals(Skip.UNDECIDED, renderer("format", "kto").render(undecided).skip());
    assertEquals(true, renderer("format", "kto").render(trace()).node().get("label").booleanValue());
  }

  @Test
  void pairs() {
    Texts row =
        Texts.of(
            "ID", "p", "PROMPT", "2+2?", "CHOSEN", "4", "REJECTED", "5", "CHOSEN_ID", "a", "REJECTED_ID", "b");
    String user = "{\"role\":\"user\",\"content\":\"2+2?\"}";
    String four = "{\"role\":\"assistant\",\"content\":\"4\"}";
    String five = "{\"role\":\"assistant\",\"content\":\"5\"}";
    gives(
        "{\"prompt\":[" + user + "],\"chosen\":[" + four + "],\"rejected\":[" + five + "]}", row, "format", "dpo");
    gives("{\"prompt\":\"2+2?\",\"chosen\":\"4\",\"rejected\":\"5\"}", row, "format", "dpo", "style", "text");
    String implicit = "{\"chosen\":[" + user + "," + four + "],\"rejected\":[" + user + "," + five + "]}";
    gives(implicit, row, "format", "dpo", "implicitPrompt", "true");
    gives(implicit, row, "format", "openrlhf-dpo");
    assertEquals("a", renderer("format", "dpo").render(row).second());
    assertEquals("b", renderer("format", "dpo").render(row).third());
  }

  @Test
  void promptsWithGold() {
    String user = "[{\"role\":\"user\",\"content\":\"2+2?\"}]";
    gives("{\"prompt\":" + user + ",\"solution\":\"4\"}", trace(), "format", "grpo");
    gives(
        "{\"input\":" + user + ",\"label\":\"4\",\"datasource\":\"gsm8k\"}", trace(), "format", "openrlhf-rl",
        "dataSource", "gsm8k");
    gives(
        "{\"data_source\":\"openai/gsm8k\",\"prompt\":" + user + ",\"ability\":\"math\",\"reward_model\":{\"style\":"
            + "\"rule\",\"ground_truth\":\"4\"},\"extra_info\":{\"split\":\"train\",\"index\":" + JsonText.NUMBER
            + ",\"prompt_id\":\"p1\"}}",
        trace(), "format", "verl", "dataSource", "openai/gsm8k");
    assertEquals(Skip.NO_GOLD, renderer("format", "grpo").render(trace("GOLD", null)).skip());
  }

  @Test
  void groupsOfRewards() {
    Texts row = trace("TEXT", "4", "THINK_END", "0", "REWARD", "1.0", "ADVANTAGE", "0.7071", "GROUP_SIZE", "4");
    gives(
        "{\"prompt\":\"2+2?\",\"completion\":\"4\",\"reward\":1.0,\"advantage\":0.7071,\"group_size\":4}", row,
        "format", "grpo-groups", "style", "text");
  }

  @Test
  void stepsHaveTheLabelOfTheOutcomeOrTheirOwn() {
    Texts row = trace("TEXT", "a\n\n\n\nb\n\nc", "THINK_END", "0", "CORRECT", "false");
    gives(
        "{\"prompt\":\"2+2?\",\"completions\":[\"a\",\"b\",\"c\"],\"labels\":[false,false,false]}", row,
        "format", "prm");
    Texts own = trace("STEPS", "[\"a\",\"b\"]", "STEP_LABELS", "[true,0]");
    String[] columns = {"format", "prm", "stepsColumn", "steps", "stepLabelsColumn", "labels"};
    gives("{\"prompt\":\"2+2?\",\"completions\":[\"a\",\"b\"],\"labels\":[true,false]}", own, columns);
    columns[1] = "openrlhf-prm";
    gives("{\"input\":\"2+2? a ки\\nb ки\",\"value\":[\"+\",\"-\"]}", own, columns);
    Texts fewer = trace("STEPS", "[\"a\",\"b\"]", "STEP_LABELS", "[true]");
    assertEquals(Skip.BAD_STEPS, renderer(columns).render(fewer).skip());
    Texts token = trace("STEPS", "[\"a ки\",\"b\"]", "STEP_LABELS", "[true,false]");
    assertEquals(Skip.BAD_STEPS, renderer(columns).render(token).skip());
    // A token in the prompt would be one without a label.
    Texts asked = trace("PROMPT", "руки?", "STEPS", "[\"a\",\"b\"]", "STEP_LABELS", "[true,false]");
    assertEquals(Skip.BAD_STEPS, renderer(columns).render(asked).skip());
  }

  @Test
  void allGenerationsOfAPromptStandInOneRowByTheirNumbers() {
    List<Texts> rows =
        List.of(
            trace("SAMPLE_INDEX", "10", "TEXT", "<think>a</think>4", "THINK_END", "16"),
            trace(
                "SAMPLE_INDEX", "9", "TEXT", "<think>b", "THINK_END", null, "CORRECT", "false", "FINISH_REASON",
                "length"),
            trace("SAMPLE_INDEX", "11", "ERROR", "{\"class\":\"engine_fault\"}"));
    Rendered group = renderer("format", "open-r1").renderGroup(rows);
    assertEquals(
        "{\"problem\":\"2+2?\",\"answer\":\"4\",\"generations\":[\"<think>b\",\"<think>a</think>4\"],"
            + "\"is_reasoning_complete\":[false,true],\"correctness\":[false,true],"
            + "\"finish_reasons\":[\"length\",\"stop\"],\"correctness_count\":1,"
            + "\"messages\":[{\"role\":\"user\",\"content\":\"2+2?\"},{\"role\":\"assistant\","
            + "\"content\":\"<think>a</think>4\"}]}",
        JsonText.line(group.node()));
  }

  /** Spark brings the rows of a prompt in any order, and twice. */
  @Test
  void aGroupIsTheSameInWhateverOrderItsRowsCame() {
    List<Texts> rows = new ArrayList<>();
    for (String text : List.of("4", "5", "6")) {
      rows.add(trace("TRACE_ID", null, "SAMPLE_INDEX", null, "TEXT", text, "THINK_END", "0"));
    }
    rows.add(trace("TRACE_ID", null, "SAMPLE_INDEX", null, "TEXT", "5", "THINK_END", "0", "CORRECT", "false"));
    RowRenderer openR1 = renderer("format", "open-r1");
    String forth = JsonText.line(openR1.renderGroup(rows).node());
    Collections.reverse(rows);
    assertEquals(forth, JsonText.line(openR1.renderGroup(rows).node()));
    Texts failed = trace("ERROR", "{\"class\":\"engine_fault\"}");
    Texts wrong = trace("CORRECT", "false");
    RowRenderer correct = renderer("format", "open-r1", "correctOnly", "true");
    assertEquals(
        correct.renderGroup(List.of(failed, wrong)).skip(), correct.renderGroup(List.of(wrong, failed)).skip());
  }

  @Test
  void conversationsKeepTheirSystemMessageAndABeginningOfTheAnswer() {
    String turns =
        "[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":\"U\"},"
            + "{\"role\":\"assistant\",\"content\":\"The answer\"}]";
    Texts row = trace("MESSAGES", turns, "TEXT", " is 4", "THINK_END", "0");
    gives(
        "{\"prompt\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":\"U\"}],\"completion\":"
            + "[{\"role\":\"assistant\",\"content\":\"The answer is 4\"}]}",
        row, "format", "prompt-completion", "systemPrompt", "another");
    String[] text = {"format", "prompt-completion", "style", "text"};
    assertEquals(Skip.NOT_ONE_MESSAGE, renderer(text).render(row).skip());
    Texts broken = trace("MESSAGES", "[{\"role\":\"user\"}]");
    assertEquals(Skip.BAD_MESSAGES, renderer("format", "sft").render(broken).skip());
  }

  @Test
  void rowsThatAreNotAskedForOrCannotBeUsedAreLeftOutWithTheirReason() {
    RowRenderer sft = renderer("format", "sft");
    assertEquals(Skip.FAILED, sft.render(trace("ERROR", "{\"class\":\"engine_fault\"}")).skip());
    assertEquals(Skip.NO_TEXT, sft.render(trace("TEXT", "")).skip());
    assertEquals(Skip.NO_PROMPT, sft.render(trace("PROMPT", null)).skip());
    assertEquals(
        Skip.INCORRECT, renderer("format", "sft", "correctOnly", "true").render(trace("CORRECT", null)).skip());
    assertEquals(
        Skip.CUT_OFF,
        renderer("format", "sft", "finishedOnly", "true").render(trace("FINISH_REASON", "length")).skip());
  }

  @Test
  void anEndOfTheThinkingThatIsNoPlaceEndsNoExport() {
    String[] steps = {"format", "prm"};
    for (String end : List.of("21.0", "99999999999", "")) {
      Texts row = trace("THINK_END", end);
      assertNull(renderer("format", "sft", "thinking", "strip").render(row).skip(), end);
      assertNull(renderer(steps).render(row).skip(), end);
    }
  }

  @Test
  void rowsWithoutAnIdAreKnownByTheirPrompt() {
    RowRenderer sft = renderer("format", "sft");
    String one = sft.render(trace("ID", null)).promptId();
    assertEquals(one, sft.render(trace("ID", null, "TEXT", "other")).promptId());
    assertEquals(32, one.length());
    // What this export puts in front is not the prompt: it must not move to another split.
    assertEquals(one, renderer("format", "sft", "systemPrompt", "S").render(trace("ID", null)).promptId());
  }

  @Test
  void samplesAreOrderedAsNumbers() {
    RowRenderer sft = renderer("format", "sft");
    assertEquals(true, sft.render(trace("SAMPLE_INDEX", "9")).second()
        .compareTo(sft.render(trace("SAMPLE_INDEX", "10")).second()) < 0);
  }

  @Test
  void splitsAreByAHashOfTheIdAndAboutOfTheSharesAsked() {
    Splits splits = new Splits(ExportSettings.shares("train=0.9,test=0.1"), "");
    int test = 0;
    for (int i = 0; i < 10_000; i++) {
      test += splits.of("prompt " + i);
    }
    // Four standard deviations of a binomial: sqrt(10000 · .1 · .9) = 30.
    assertEquals(1000, test, 120);
    // printf '\0p1' | sha256sum begins with 5a89: .35365 of all hashes are below.
    assertEquals(1, new Splits(ExportSettings.shares("train=0.353,test=0.647"), "").of("p1"));
    assertEquals(0, new Splits(ExportSettings.shares("train=0.354,test=0.646"), "").of("p1"));
  }

  @Test
  void settingsThatDoNotGoTogetherAreRefused() {
    assertThrows(UsageException.class, () -> values("format", "sft", "style", "text"));
    assertThrows(UsageException.class, () -> values("format", "sft", "abilities", "x"));
    assertThrows(UsageException.class, () -> values("format", "sft", "dataSource", "x"));
    assertThrows(UsageException.class, () -> values("format", "sharegpt", "thinking", "field"));
    assertThrows(UsageException.class, () -> values("format", "sft", "split", "train=0.9,test=0.2"));
    assertThrows(UsageException.class, () -> values("format", "sft", "shardSize", "5"));
    assertThrows(UsageException.class, () -> renderer("format", "prm", "systemPrompt", "S"));
    assertEquals(500_000_000, ExportSettings.bytes("500MB"));
    assertEquals(1L << 30, ExportSettings.bytes("1GiB"));
    assertEquals(1500, ExportSettings.bytes("1.5 KB"));
  }

  @Test
  void aListOfNoMessagesLeavesThePrompt() {
    assertEquals(line(renderer("format", "sft"), trace()), line(renderer("format", "sft"), trace("MESSAGES", "[]")));
    assertEquals(Skip.NO_PROMPT, renderer("format", "sft").render(trace("MESSAGES", " [ ] ", "PROMPT", null)).skip());
    assertEquals(Skip.BAD_MESSAGES, renderer("format", "sft").render(trace("MESSAGES", "{}")).skip());
  }

  @Test
  void whatIsRightIsReadAlikeEverywhere() {
    for (String right : List.of("true", "1", "1.0")) {
      assertNull(renderer("format", "sft", "correctOnly", "true").render(trace("CORRECT", right)).skip(), right);
    }
    for (String wrong : new String[] {"false", "0", "0.5", "", null}) {
      Rendered row = renderer("format", "sft", "correctOnly", "true").render(trace("CORRECT", wrong));
      assertEquals(Skip.INCORRECT, row.skip(), wrong);
    }
  }

  @Test
  void aShardHasASizeThatCanBeCounted() {
    for (String size : List.of("20000000000G", "999999999999GiB", "1000001GB")) {
      assertThrows(UsageException.class, () -> values("format", "sft", "shardSize", size), size);
    }
    assertEquals("1000000GB", values("format", "sft", "shardSize", "1000000GB").get(ExportSettings.SHARD_SIZE));
  }
}
