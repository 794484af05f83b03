// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import static io.winnow.jobs.export.ColumnType.Scalar.BOOL;
import static io.winnow.jobs.export.ColumnType.Scalar.FLOAT64;
import static io.winnow.jobs.export.ColumnType.Scalar.INT64;
import static io.winnow.jobs.export.ColumnType.Scalar.STRING;

import io.winnow.jobs.export.ColumnType.Field;
import io.winnow.jobs.export.ColumnType.ListOf;
import io.winnow.jobs.export.ColumnType.Struct;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The conventions of trainers: which columns they read, and of what a row is made. */
public enum ExportFormat {
  SFT("supervised fine-tuning: conversations that end with the model's turn", Unit.TRACE, "sft", "trl"),
  PROMPT_COMPLETION("supervised fine-tuning: a prompt and its completion", Unit.TRACE, "sft", "trl"),
  DPO("preferences: of two completions of a prompt one is better", Unit.PAIR, "dpo", "preference", "trl"),
  KTO("unpaired preferences: a completion is wanted or not", Unit.TRACE, "kto", "preference", "trl"),
  GRPO("reinforcement learning: prompts with the right answer", Unit.PROMPT, "grpo", "rlvr", "trl"),
  GRPO_GROUPS("reinforcement learning: completions with reward and advantage", Unit.TRACE, "grpo", "offline-rl"),
  PRM("process reward models: steps with their labels", Unit.TRACE, "prm", "stepwise", "trl"),
  OPEN_R1("a prompt with all its generations, as Open-R1 publishes them", Unit.GROUP, "open-r1", "sft"),
  VERL("reinforcement learning with verl: prompts with the right answer", Unit.PROMPT, "verl", "rlvr"),
  OPENRLHF("supervised fine-tuning with OpenRLHF", Unit.TRACE, "openrlhf", "sft"),
  OPENRLHF_RL("reinforcement learning with OpenRLHF: prompts with the right answer", Unit.PROMPT, "openrlhf", "rlvr"),
  OPENRLHF_DPO("preferences for OpenRLHF", Unit.PAIR, "openrlhf", "dpo", "preference"),
  OPENRLHF_PRM("process reward models with OpenRLHF", Unit.TRACE, "openrlhf", "prm"),
  SHAREGPT("supervised fine-tuning: conversations as ShareGPT has them", Unit.TRACE, "sharegpt", "sft");

  /** Of what a row is made. */
  public enum Unit { TRACE, PAIR, PROMPT, GROUP }

  private final String purpose;
  private final Unit unit;
  private final List<String> tags;

  ExportFormat(String purpose, Unit unit, String... tags) {
    this.purpose = purpose;
    this.unit = unit;
    this.tags = List.of(tags);
  }

  /** By its word on the command line. */
  public static ExportFormat of(String word) {
    return valueOf(word.toUpperCase(Locale.ROOT).replace('-', '_'));
  }

  /** Its word on the command line. */
  public String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  public String purpose() {
    return purpose;
  }

  public Unit unit() {
    return unit;
  }

  /** Tags of the card. */
  public List<String> tags() {
    return tags;
  }

  /** Whether it is read by trainers of reinforcement learning, for the card. */
  public boolean isReinforcement() {
    return this == GRPO || this == GRPO_GROUPS || this == VERL || this == OPENRLHF_RL;
  }

  /**
   * The columns that come with a row whatever {@code --columns} says, in order.
   *
   * @param o decides their types
   */
  public List<ExportColumn> columns(ExportOptions o) {
    ColumnType turns = ColumnType.messages();
    ColumnType shown = o.hasField() ? ColumnType.messages(o.thinkingField()) : turns;
    ColumnType prompt = o.text() ? STRING : turns;
    ColumnType completion = o.text() ? STRING : shown;
    ExportColumn theirPrompt = new ExportColumn("prompt", prompt, "The prompt's turns");
    return switch (this) {
      case SFT -> List.of(new ExportColumn("messages", shown, "The conversation; the last turn is the model's"));
      case PROMPT_COMPLETION -> List.of(theirPrompt, new ExportColumn("completion", completion, "The model's turn"));
      case DPO -> pair(o, theirPrompt, completion, shown);
      case KTO ->
          List.of(
              theirPrompt, new ExportColumn("completion", completion, "The model's turn"),
              new ExportColumn("label", BOOL, "Whether it is wanted"));
      case GRPO -> List.of(theirPrompt, new ExportColumn("solution", STRING, "The right answer"));
      case GRPO_GROUPS ->
          List.of(
              theirPrompt, new ExportColumn("completion", completion, "The model's turn"),
              new ExportColumn("reward", FLOAT64, "Its reward"),
              new ExportColumn("advantage", FLOAT64, "Its advantage within the prompt's group"),
              new ExportColumn("group_size", INT64, "Samples of the group"));
      case PRM ->
          List.of(
              new ExportColumn("prompt", STRING, "The prompt"),
              new ExportColumn("completions", new ListOf(STRING), "The steps"),
              new ExportColumn("labels", new ListOf(BOOL), "Whether each step is right"));
      case OPEN_R1 -> openR1();
      case VERL -> verl(turns);
      case OPENRLHF ->
          List.of(
              new ExportColumn("input", prompt, "The prompt (--input_key)"),
              new ExportColumn("output", completion, "The model's turn (--output_key)"));
      case OPENRLHF_RL ->
          List.of(
              new ExportColumn("input", prompt, "The prompt (--input_key)"),
              new ExportColumn("label", STRING, "The right answer (--label_key)"),
              new ExportColumn("datasource", STRING, "Name of the source"));
      case OPENRLHF_DPO ->
          List.of(
              new ExportColumn("chosen", shown, "The conversation with the better completion (--chosen_key)"),
              new ExportColumn("rejected", shown, "The conversation with the worse one (--rejected_key)"));
      case OPENRLHF_PRM ->
          List.of(
              new ExportColumn("input", STRING, "Prompt and steps, a step token behind each (--input_key)"),
              new ExportColumn("value", new ListOf(STRING), "+ or - for each step (--label_key)"));
      case SHAREGPT ->
          List.of(
              new ExportColumn(
                  "conversations",
                  new ListOf(new Struct(List.of(new Field("from", STRING), new Field("value", STRING)))),
                  "The conversation: system, human and gpt"));
    };
  }

  private static List<ExportColumn> pair(
      ExportOptions o, ExportColumn prompt, ColumnType completion, ColumnType conversation) {
    if (o.implicitPrompt()) {
      return List.of(
          new ExportColumn("chosen", conversation, "The conversation with the better completion"),
          new ExportColumn("rejected", conversation, "The conversation with the worse one"));
    }
    return List.of(
        prompt, new ExportColumn("chosen", completion, "The better completion"),
        new ExportColumn("rejected", completion, "The worse completion"));
  }

  private static List<ExportColumn> verl(ColumnType turns) {
    List<Field> model = List.of(new Field("style", STRING), new Field("ground_truth", STRING));
    List<Field> info =
        List.of(new Field("split", STRING), new Field("index", INT64), new Field("prompt_id", STRING));
    return List.of(
        new ExportColumn("data_source", STRING, "By which the reward function is chosen"),
        new ExportColumn("prompt", turns, "The prompt's turns"),
        new ExportColumn("ability", STRING, "The kind of task"),
        new ExportColumn("reward_model", new Struct(model), "How to reward: style rule, and the right answer"),
        new ExportColumn("extra_info", new Struct(info), "Split, number of the row in it from 0, and id of the"
            + " prompt"));
  }

  private static List<ExportColumn> openR1() {
    List<ExportColumn> columns = new ArrayList<>();
    columns.add(new ExportColumn("problem", STRING, "The prompt"));
    columns.add(new ExportColumn("answer", STRING, "The right answer"));
    columns.add(new ExportColumn("generations", new ListOf(STRING), "All completions, by sample index"));
    columns.add(new ExportColumn("is_reasoning_complete", new ListOf(BOOL), "Whether each ended its thinking by"
        + " itself"));
    columns.add(new ExportColumn("correctness", new ListOf(BOOL), "The verdict on each; null where there is none"));
    columns.add(new ExportColumn("finish_reasons", new ListOf(STRING), "Why each ended"));
    columns.add(new ExportColumn("correctness_count", INT64, "How many are correct"));
    columns.add(
        new ExportColumn(
            "messages", ColumnType.messages(), "The prompt with its first correct completion, else its first"));
    return List.copyOf(columns);
  }
}
