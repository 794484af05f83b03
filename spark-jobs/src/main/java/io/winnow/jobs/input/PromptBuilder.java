// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import io.winnow.jobs.input.Conversation.Turn;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Makes a prompt of a row, or the reason why it is none. Free of Spark; one a task. */
final class PromptBuilder implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final int HASH_BYTES = 16;
  private static final TypeReference<TreeMap<String, Object>> ROW = new TypeReference<>() {};

  private final InputOptions options;
  private final List<String> columns;
  private transient PromptTemplate template;
  private transient Pattern goldRegex;

  /** @param columns all columns of the source: a template sees null for those that a row lacks */
  PromptBuilder(InputOptions options, List<String> columns) {
    this.options = options;
    this.columns = columns;
  }

  /**
   * A row as its source gives it.
   *
   * @param place the row in words, for messages
   * @param errorClass what the source found wrong with it, or null
   * @param errorMessage its message
   * @param prompt text of the prompt column
   * @param messages JSON of the messages column
   * @param gold text of the gold column
   * @param row JSON object of the whole row where a template needs it
   * @param raw hash of the bytes as they stand in the file, where they could not be read
   */
  record Source(
      String place,
      String errorClass,
      String errorMessage,
      String prompt,
      String messages,
      String gold,
      String row,
      String raw) {}

  /**
   * @param contentHash 32 hex digits over what the row asks, the system prompt and the gold left out
   * @param turns empty when there is an error
   */
  record Built(
      String question,
      List<Turn> turns,
      String gold,
      String goldNote,
      String contentHash,
      InputErrors.RowError error) {}

  Built build(Source source) {
    if (source.errorClass() != null) {
      String content = source.raw() != null ? source.raw() : String.valueOf(source.prompt());
      InputErrors.RowError error = new InputErrors.RowError(source.errorClass(), source.errorMessage());
      return new Built(null, List.of(), source.gold(), null, hash("raw", content), error);
    }
    if (options.messages() != null) {
      return conversation(source);
    }
    String text = source.prompt();
    if (options.template() != null) {
      try {
        text = template().render(row(source.row()));
      } catch (PromptTemplate.TemplateFailure e) {
        InputErrors.RowError error = InputErrors.templateError(source.place(), String.valueOf(e.getMessage()));
        return built(source, null, List.of(), hash("row", source.row()), error);
      }
    }
    text = Utf8.withoutLoneSurrogates(text);
    String hash = hash("text", text == null ? "" : text);
    if (text == null || text.isBlank()) {
      return built(source, text, List.of(), hash, InputErrors.promptEmpty(source.place()));
    }
    return built(source, text, withSystem(List.of(new Turn("user", text, null))), hash, null);
  }

  private Built conversation(Source source) {
    String json = source.messages();
    if (json == null || json.isBlank()) {
      return built(source, null, List.of(), hash("messages", "[]"), InputErrors.promptEmpty(source.place()));
    }
    List<Turn> turns;
    try {
      turns = Conversation.parse(json);
    } catch (Conversation.Invalid e) {
      InputErrors.RowError error =
          InputErrors.messagesInvalid(source.place(), options.messages(), e.getMessage());
      return built(source, null, List.of(), hash("raw", json), error);
    }
    String hash = hash("messages", Conversation.canonical(turns));
    boolean empty = turns.stream().allMatch(t -> t.extra() == null && (t.content() == null || t.content().isBlank()));
    if (empty) {
      return built(source, null, List.of(), hash, InputErrors.promptEmpty(source.place()));
    }
    return built(source, null, withSystem(turns), hash, null);
  }

  /** A row's own system message wins over the one of the settings. */
  private List<Turn> withSystem(List<Turn> turns) {
    if (options.systemPrompt() == null || turns.stream().anyMatch(turn -> turn.role().equals("system"))) {
      return turns;
    }
    List<Turn> all = new ArrayList<>(turns.size() + 1);
    all.add(new Turn("system", options.systemPrompt(), null));
    all.addAll(turns);
    return all;
  }

  private Built built(Source source, String question, List<Turn> turns, String hash, InputErrors.RowError error) {
    String gold = Utf8.withoutLoneSurrogates(source.gold());
    if (gold == null || options.goldRegex() == null) {
      return new Built(question, turns, gold, null, hash, error);
    }
    String note = "the gold does not match --gold-regex";
    String found = null;
    try {
      Matcher matcher = goldRegex().matcher(gold);
      if (matcher.find()) {
        found = matcher.group(matcher.groupCount() > 0 ? 1 : 0);
      }
    } catch (StackOverflowError e) {
      note = "--gold-regex needs too much stack for this gold";
    }
    return new Built(question, turns, found, found == null ? note : null, hash, error);
  }

  private Map<String, Object> row(String json) throws PromptTemplate.TemplateFailure {
    try {
      Map<String, Object> row = JsonLine.JSON.readValue(json, ROW);
      // An absent column is empty text: Jinja would print a null as "null" or refuse it.
      columns.forEach(column -> row.putIfAbsent(column, ""));
      return row;
    } catch (JsonProcessingException e) {
      throw new PromptTemplate.TemplateFailure(e.getOriginalMessage());
    }
  }

  private PromptTemplate template() {
    if (template == null) {
      template = new PromptTemplate(options.template());
    }
    return template;
  }

  private Pattern goldRegex() {
    if (goldRegex == null) {
      goldRegex = Pattern.compile(options.goldRegex());
    }
    return goldRegex;
  }

  /** First 128 bits of the SHA-256 of kind, a zero byte and the text, in hex. */
  static String hash(String kind, String text) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(kind.getBytes(StandardCharsets.UTF_8));
      digest.update((byte) 0);
      return HexFormat.of().formatHex(digest.digest(text.getBytes(StandardCharsets.UTF_8)), 0, HASH_BYTES);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-256.", e);
    }
  }
}
