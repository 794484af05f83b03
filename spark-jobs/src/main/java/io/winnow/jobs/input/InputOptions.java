// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.SettingValues;
import java.io.Serializable;
import java.util.Collection;
import java.util.List;

/**
 * The settings that say how a row is read; a column is null when it is not used.
 *
 * @param path the source as the user wrote it
 * @param prompt column of the prompt's text
 * @param messages column of a conversation
 * @param gold column of the right answer
 * @param goldRegex takes the answer out of it, or null
 * @param id column of the id
 * @param keep columns to carry along
 * @param systemPrompt or null
 * @param template Jinja text, or null
 * @param limit rows at most, 0 for all
 */
record InputOptions(
    String path,
    String prompt,
    String messages,
    String gold,
    String goldRegex,
    String id,
    List<String> keep,
    String systemPrompt,
    String template,
    long limit)
    implements Serializable {

  private static final String ALL_COLUMNS = "*";

  static InputOptions of(SettingValues values) {
    String messages = values.find(GenerateSettings.MESSAGES_COLUMN).orElse(null);
    return new InputOptions(
        values.get(GenerateSettings.PROMPTS),
        messages == null ? values.get(GenerateSettings.PROMPT_COLUMN) : null,
        messages,
        values.get(GenerateSettings.GOLD_COLUMN),
        values.find(GenerateSettings.GOLD_REGEX).orElse(null),
        values.find(GenerateSettings.ID_COLUMN).orElse(null),
        values.get(GenerateSettings.KEEP_COLUMNS),
        values.find(GenerateSettings.SYSTEM_PROMPT).orElse(null),
        values.find(GenerateSettings.PROMPT_TEMPLATE).orElse(null),
        values.find(GenerateSettings.LIMIT).orElse(0L));
  }

  boolean keepsAll() {
    return keep.contains(ALL_COLUMNS);
  }

  /** Whether the whole row is needed, not only the columns named here. */
  boolean needsRow() {
    return template != null || !keep.isEmpty();
  }

  /** Whether every column that these options name, defaults included, is among the columns. */
  boolean allIn(Collection<String> columns) {
    return (prompt == null || columns.contains(prompt))
        && (messages == null || columns.contains(messages))
        && columns.contains(gold)
        && (id == null || columns.contains(id))
        && (keepsAll() || columns.containsAll(keep));
  }

  /**
   * Leaves out default columns that are not there, and puts names in place of {@code *}: all columns but those that the
   * traces hold anyway (id, prompt or conversation, and the gold unless a regular expression takes a part of it).
   *
   * @throws io.winnow.inference.conf.UsageException for a column that was asked for and is not there
   */
  InputOptions resolvedFor(SettingValues values, Collection<String> columns) {
    String goldThere = gold;
    if (!columns.contains(gold)) {
      if (values.isGiven(GenerateSettings.GOLD_COLUMN)) {
        throw InputErrors.unknownColumn("--gold-column", gold, path, columns);
      }
      if (!values.get(GenerateSettings.VERIFY).isEmpty()) {
        throw InputErrors.noGold(gold, path, columns);
      }
      goldThere = null;
    }
    String promptThere = prompt;
    if (prompt != null && template != null) {
      promptThere = null; // the template makes the prompt
    } else if (prompt != null && !columns.contains(prompt)) {
      throw InputErrors.unknownColumn("--prompt-column", prompt, path, columns);
    }
    if (messages != null && !columns.contains(messages)) {
      throw InputErrors.unknownColumn("--messages-column", messages, path, columns);
    }
    if (id != null && !columns.contains(id)) {
      throw InputErrors.unknownColumn("--id-column", id, path, columns);
    }
    List<String> kept = keep;
    if (keepsAll()) {
      String held = goldRegex == null ? goldThere : null;
      kept =
          columns.stream()
              .filter(c -> !c.equals(id) && !c.equals(promptThereOrNull()) && !c.equals(messages) && !c.equals(held))
              .toList();
    } else {
      for (String column : keep) {
        if (!columns.contains(column)) {
          throw InputErrors.unknownColumn("--keep-columns", column, path, columns);
        }
      }
      kept = keep.stream().distinct().toList();
    }
    return new InputOptions(
        path, promptThere, messages, goldThere, goldRegex, id, kept, systemPrompt, template, limit);
  }

  private String promptThereOrNull() {
    return template == null ? prompt : null;
  }
}
