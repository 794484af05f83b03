// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;

/** The card of a data set: README.md as the Hugging Face Hub and its viewer read it. */
public final class DataCard {
  private static final List<String> SIZES =
      List.of(
          "n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "1B<n<10B",
          "10B<n<100B", "100B<n<1T");
  private static final int SAMPLE_TEXT = 400;

  private DataCard() {}

  /** The whole of README.md. */
  public static String of(CardFacts facts) {
    StringBuilder out = new StringBuilder("---\n").append(head(facts)).append("---\n\n");
    out.append("# ").append(inline(facts.name())).append("\n\n");
    if (facts.description() != null) {
      out.append(JsonText.whole(facts.description()).strip()).append("\n\n");
    }
    out.append(
        String.format(
            Locale.ROOT, "%,d rows for %s. Made with Winnow %s.\n\n", facts.rows(), facts.format().purpose(),
            facts.version()));
    load(out, facts);
    columns(out, facts);
    sample(out, facts);
    splits(out, facts);
    made(out, facts);
    traces(out, facts);
    return out.toString();
  }

  private static String head(CardFacts facts) {
    Yaml yaml = new Yaml();
    if (facts.license() != null) {
      yaml.line(0, "license: " + Yaml.text(facts.license()));
    }
    yaml.list("language", facts.languages());
    yaml.line(0, "pretty_name: " + Yaml.text(facts.name()));
    String task = facts.format().isReinforcement() ? "reinforcement-learning" : "text-generation";
    yaml.list("task_categories", List.of(task));
    yaml.list("size_categories", List.of(size(facts.rows())));
    List<String> tags = new ArrayList<>(List.of("winnow", "reasoning"));
    tags.addAll(facts.format().tags());
    tags.addAll(facts.tags());
    yaml.list("tags", tags.stream().distinct().toList());
    yaml.line(0, "configs:").line(0, "- config_name: default").line(2, "data_files:");
    for (CardFacts.Split split : facts.splits()) {
      yaml.line(2, "- split: " + split.name());
      yaml.line(4, "path: data/" + split.name() + "-*");
    }
    yaml.line(0, "dataset_info:").line(2, "features:").features(2, facts.columns()).line(2, "splits:");
    long bytes = 0;
    long files = 0;
    for (CardFacts.Split split : facts.splits()) {
      yaml.line(2, "- name: " + split.name());
      yaml.line(4, "num_bytes: " + split.bytes());
      yaml.line(4, "num_examples: " + split.rows());
      bytes += split.bytes();
      files += split.fileBytes();
    }
    return yaml.line(2, "download_size: " + files).line(2, "dataset_size: " + bytes).toString();
  }

  /** The size category of the Hub. */
  static String size(long rows) {
    long bound = 1000;
    for (String size : SIZES) {
      if (rows < bound) {
        return size;
      }
      bound *= 10;
    }
    return "n>1T";
  }

  private static void load(StringBuilder out, CardFacts facts) {
    String where = facts.name().matches("[\\w.-]+/[\\w.-]+") ? facts.name() : "OWNER/NAME";
    out.append("```python\nfrom datasets import load_dataset\n\n");
    out.append("dataset = load_dataset(\"").append(where).append("\")  # or the path of this folder\n```\n\n");
  }

  private static void columns(StringBuilder out, CardFacts facts) {
    out.append("## Columns\n\n| column | type | what it is |\n|---|---|---|\n");
    for (ExportColumn column : facts.columns()) {
      row(out, code(column.name()), code(ColumnType.shown(column.type())), column.doc());
    }
    String thinking =
        switch (facts.thinking()) {
          case "strip" -> "The thinking was left out; what remains is the answer.";
          case "field" -> "The thinking stands in a field of the model's message, its answer in `content`.";
          default -> "The thinking stands in the model's text, between `<think>` and `</think>`.";
        };
    out.append('\n').append(facts.format().unit() == ExportFormat.Unit.PROMPT ? "" : thinking + "\n\n");
  }

  private static void sample(StringBuilder out, CardFacts facts) {
    if (facts.sample() == null) {
      return;
    }
    try {
      String json =
          JsonText.JSON.writer(JsonText.indented())
              .writeValueAsString(shortened(JsonText.JSON.readTree(facts.sample())));
      String fence = "```";
      while (json.contains(fence)) {
        fence += "`";
      }
      out.append("A row, long texts shortened:\n\n").append(fence).append("json\n").append(json).append('\n');
      out.append(fence).append("\n\n");
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A line that was written as JSON is none: " + facts.sample(), e);
    }
  }

  private static JsonNode shortened(JsonNode node) {
    if (node.isTextual() && node.textValue().length() > SAMPLE_TEXT) {
      int end = node.textValue().offsetByCodePoints(0, node.textValue().codePointCount(0, SAMPLE_TEXT));
      return JsonNodeFactory.instance.textNode(node.textValue().substring(0, end) + " …");
    }
    if (node instanceof ArrayNode array) {
      ArrayNode out = JsonNodeFactory.instance.arrayNode();
      array.forEach(element -> out.add(shortened(element)));
      return out;
    }
    if (node instanceof ObjectNode object) {
      ObjectNode out = JsonNodeFactory.instance.objectNode();
      object.fields().forEachRemaining(field -> out.set(field.getKey(), shortened(field.getValue())));
      return out;
    }
    return node;
  }

  private static void splits(StringBuilder out, CardFacts facts) {
    out.append("## Splits\n\n| split | rows | prompts | files | bytes of files |\n|---|---:|---:|---:|---:|\n");
    for (CardFacts.Split split : facts.splits()) {
      row(
          out, split.name(), number(split.rows()), number(split.prompts()), number(split.files().size()),
          number(split.fileBytes()));
    }
    out.append("\nAll rows of a prompt are in one split. `SHA256SUMS` has the checksums of all files, `manifest.json`"
        + " their rows.\n\n");
  }

  private static void made(StringBuilder out, CardFacts facts) {
    CardFacts.Source source = facts.source();
    out.append("## How it was made\n\n");
    out.append("From ").append(code(source.name()));
    out.append(source.deltaVersion() < 0 ? "" : ", version " + source.deltaVersion());
    out.append(", ").append(number(source.rows())).append(" rows, of which were left out:");
    if (facts.leftOut().isEmpty()) {
      out.append(" none.\n\n");
    } else {
      out.append("\n\n| rows | why |\n|---:|---|\n");
      facts.leftOut().forEach((skip, rows) -> row(out, number(rows), skip.why()));
      out.append('\n');
    }
    if (!facts.runs().isEmpty()) {
      out.append("The traces were generated by:\n\n| model | Winnow | settings | runs |\n|---|---|---|---|\n");
      for (CardFacts.Run run : facts.runs()) {
        StringJoiner settings = new StringJoiner(", ");
        run.settings().forEach((name, value) -> settings.add(name + " " + value));
        row(out, code(run.model()), run.version(), inline(settings.toString()), String.join(", ", run.ids()));
      }
      out.append('\n');
    }
  }

  private static void traces(StringBuilder out, CardFacts facts) {
    CardFacts.Traces traces = facts.traces();
    StringBuilder table = new StringBuilder();
    row(table, "traces behind the rows", number(traces.rows()));
    row(table, "prompts", number(facts.prompts()));
    if (traces.correct() + traces.incorrect() > 0) {
      long decided = traces.correct() + traces.incorrect();
      String share = String.format(Locale.ROOT, "%.1f %%", 100.0 * traces.correct() / decided);
      row(table, "correct", number(traces.correct()) + " (" + share + " of those decided)");
      row(table, "incorrect", number(traces.incorrect()));
      row(table, "undecided", number(traces.undecided()));
    }
    tally(table, "model", traces.models());
    tally(table, "finish reason", traces.finishReasons());
    tally(table, "verdicts of", traces.verifiers());
    out.append("## Statistics\n\n| | |\n|---|---|\n").append(table).append('\n');
    if (traces.completion().rows() + traces.prompt().rows() > 0) {
      out.append("| tokens | rows | sum | least | p10 | p50 | p90 | p99 | most |\n");
      out.append("|---|---:|---:|---:|---:|---:|---:|---:|---:|\n");
      tokens(out, "of prompts", traces.prompt());
      tokens(out, "of completions", traces.completion());
      out.append('\n');
    }
  }

  private static void tally(StringBuilder out, String what, Map<String, Long> counts) {
    counts.forEach((name, rows) -> row(out, what + " " + code(name), number(rows)));
  }

  private static void tokens(StringBuilder out, String what, CardFacts.Tokens t) {
    if (t.rows() > 0) {
      row(
          out, what, number(t.rows()), number(t.sum()), number(t.least()), number(t.p10()), number(t.p50()),
          number(t.p90()), number(t.p99()), number(t.most()));
    }
  }

  private static void row(StringBuilder out, String... cells) {
    out.append("| ").append(String.join(" | ", cells)).append(" |\n");
  }

  private static String number(long n) {
    return String.format(Locale.ROOT, "%,d", n);
  }

  /** A text in a line or a cell, in which nothing is markup. */
  static String inline(String text) {
    return JsonText.whole(text).replaceAll("\\s+", " ").strip().replaceAll("([\\\\`*_\\[\\]<>|#])", "\\\\$1");
  }

  private static String code(String text) {
    String line = JsonText.whole(text).replaceAll("\\s+", " ").strip().replace("`", "'").replace("|", "\\|");
    return "`" + (line.isEmpty() ? " " : line) + "`";
  }
}
