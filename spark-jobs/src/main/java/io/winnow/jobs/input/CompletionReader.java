// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.winnow.inference.Message;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.Row;

/** Reads prompt and completions of a row of {@link CompletionSource}, or the reason why they cannot be scored. */
public final class CompletionReader implements Serializable {
  private static final long serialVersionUID = 1L;

  /** In which form the prompt is wanted. */
  public enum Form { NONE, TEXT, CONVERSATION }

  /**
   * What a row asks.
   *
   * @param prompt the conversation; empty where the prompt is wanted as a text or not at all
   * @param text the prompt's text, where it is wanted as one
   * @param completions at least one; exactly one unless the source has lists. None of them is null
   * @param errorClass stable name of what is wrong with the row, or null
   * @param errorMessage what is wrong, where, and what to do, or null
   */
  public record Asked(
      List<Message> prompt, String text, List<String> completions, String errorClass, String errorMessage) {}

  private final PromptBuilder builder;
  private final Form form;
  private final String column;
  private final boolean lists;

  CompletionReader(InputOptions options, List<String> columns, Form form, String column, boolean lists) {
    this.builder = new PromptBuilder(options, columns);
    this.form = form;
    this.column = column;
    this.lists = lists;
  }

  /** A row, with the columns {@code src} and {@code holder}. */
  public Asked read(Row row) {
    Row src = row.getAs("src");
    String place = src.getAs("place");
    if (src.getAs("error_class") != null) {
      return new Asked(List.of(), null, List.of(), src.getAs("error_class"), src.getAs("error_message"));
    }
    List<Message> turns = List.of();
    String text = null;
    if (form != Form.NONE) {
      PromptBuilder.Built built =
          builder.build(
              new PromptBuilder.Source(
                  place, null, null, src.getAs("prompt"), src.getAs("messages"), null, src.getAs("row"), null));
      if (built.error() != null) {
        return failed(built.error());
      }
      text = form == Form.TEXT ? built.question() : null;
      turns =
          form == Form.TEXT
              ? List.of()
              : built.turns().stream()
                  .map(turn -> new Message(turn.role(), turn.content(), Prompts.extra(turn.extra())))
                  .toList();
    }
    try {
      JsonLine.Value value = JsonLine.parse(row.getAs("holder"), Set.of(column)).get(column);
      List<String> completions = value == null ? List.of() : completions(value);
      if (completions == null) {
        return failed(InputErrors.completionInvalid(place, column, kind(value)));
      }
      if (completions.isEmpty() || completions.stream().anyMatch(String::isEmpty)) {
        return failed(InputErrors.completionEmpty(place, column));
      }
      return new Asked(turns, text, completions, null, null);
    } catch (JsonLine.NotAnObject | JsonProcessingException e) {
      return failed(InputErrors.completionInvalid(place, column, "broken JSON"));
    }
  }

  private static Asked failed(InputErrors.RowError error) {
    return new Asked(List.of(), null, List.of(), error.errorClass(), error.message());
  }

  /** Texts of a value, null where it is of another kind. Numbers and truth values read as they are written. */
  private List<String> completions(JsonLine.Value value) throws JsonProcessingException {
    if (value.kind() == JsonLine.Kind.OBJECT || value.kind() == JsonLine.Kind.ARRAY && !lists) {
      return null;
    }
    if (value.kind() != JsonLine.Kind.ARRAY) {
      return List.of(Utf8.withoutLoneSurrogates(value.text()));
    }
    List<String> out = new ArrayList<>();
    for (JsonNode each : JsonLine.JSON.readTree(value.text())) {
      if (each.isContainerNode() || each.isNull()) {
        return null;
      }
      out.add(Utf8.withoutLoneSurrogates(each.asText()));
    }
    return out;
  }

  private String kind(JsonLine.Value value) {
    Map<JsonLine.Kind, String> kinds =
        Map.of(
            JsonLine.Kind.OBJECT, "an object",
            JsonLine.Kind.ARRAY, lists ? "an array with something else than texts" : "an array");
    return kinds.getOrDefault(value.kind(), "something else");
  }
}
