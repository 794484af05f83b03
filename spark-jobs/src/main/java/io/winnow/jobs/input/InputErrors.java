// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import io.winnow.inference.conf.NearestName;
import io.winnow.inference.conf.UsageException;
import java.util.Collection;
import java.util.List;

/**
 * Every failure a user can meet with the input. Those of a row are classes and messages, those of the whole are thrown.
 */
public final class InputErrors {
  public static final String BROKEN_LINE = "broken_line";
  public static final String PROMPT_EMPTY = "prompt_empty";
  public static final String PROMPT_INVALID = "prompt_invalid";
  public static final String MESSAGES_INVALID = "messages_invalid";
  public static final String TEMPLATE_ERROR = "template_error";
  public static final String ID_MISSING = "id_missing";
  public static final String COMPLETION_EMPTY = "completion_empty";
  public static final String COMPLETION_INVALID = "completion_invalid";

  private InputErrors() {}

  /** A failure of one row. */
  record RowError(String errorClass, String message) {}

  static RowError brokenLine(String place, String why) {
    return new RowError(
        BROKEN_LINE, "Cannot read " + place + ": " + oneLine(why) + ". Mend or remove it; the other lines are read.");
  }

  static RowError promptEmpty(String place) {
    return new RowError(
        PROMPT_EMPTY, "Cannot generate for " + place
            + ": the prompt is empty. Fill its prompt column, or drop the row.");
  }

  static RowError promptInvalid(String place, String column, String kind) {
    return new RowError(
        PROMPT_INVALID,
        "Cannot generate for " + place + ": column '" + column + "' holds " + kind + " where text is expected. For"
            + " conversations use --messages-column.");
  }

  static RowError messagesInvalid(String place, String column, String why) {
    return new RowError(
        MESSAGES_INVALID,
        "Cannot generate for " + place + ": column '" + column + "' is no conversation: " + oneLine(why)
            + ". Expected an array of objects with the texts role and content.");
  }

  static RowError templateError(String place, String why) {
    return new RowError(
        TEMPLATE_ERROR,
        "Cannot generate for " + place + ": --prompt-template failed: " + oneLine(why)
            + ". Look at the template and at the columns of this row.");
  }

  static RowError idMissing(String place, String column) {
    return new RowError(
        ID_MISSING, "Cannot generate for " + place + ": column '" + column + "' (--id-column) has no value there.");
  }

  static RowError completionEmpty(String place, String column) {
    return new RowError(
        COMPLETION_EMPTY,
        "Cannot score " + place + ": column '" + column + "' (--completion-column) holds no text, or no list of them.");
  }

  static RowError completionInvalid(String place, String column, String kind) {
    return new RowError(
        COMPLETION_INVALID,
        "Cannot score " + place + ": column '" + column + "' (--completion-column) holds " + kind
            + " where the other rows have a text or a list of texts.");
  }

  static UsageException complexCompletion(String column, String type) {
    return new UsageException(
        "Cannot use --completion-column '" + column + "': its type is " + type + ", neither text nor a list of texts.");
  }

  static UsageException unknownColumn(String option, String column, String path, Collection<String> columns) {
    return new UsageException(
        "Cannot use " + option + " '" + column + "': " + path + " has no such column. Columns there: "
            + String.join(", ", columns) + "." + NearestName.hint(column, columns));
  }

  static UsageException empty(String path) {
    return new UsageException(
        "Cannot use --prompts '" + path + "': it is empty, without a row. Look whether what should have written it did"
            + " so.");
  }

  static UsageException noGold(String column, String path, Collection<String> columns) {
    return new UsageException(
        "Cannot verify: " + path + " has no column '" + column + "' with the right answers. Name it with --gold-column,"
            + " or leave --verify out. Columns there: " + String.join(", ", columns) + ".");
  }

  static UsageException notFound(String path, Collection<String> siblings) {
    return new UsageException(
        "Cannot read --prompts '" + path + "': there is no such file, folder or table."
        + NearestName.hint(path, siblings));
  }

  static UsageException noFiles(String path) {
    return new UsageException(
        "Cannot read --prompts '" + path
        + "': no data files are in it (names that begin with '_' or '.' do not count).");
  }

  static UsageException unreadable(String path, Throwable why) {
    return new UsageException("Cannot read --prompts '" + path + "': " + oneLine(String.valueOf(why.getMessage()))
        + ".", why);
  }

  static UsageException unknownFormat(String path, String why) {
    return new UsageException(
        "Cannot tell the format of --prompts '" + path + "': " + why + ". Name it with --format jsonl, csv, parquet,"
            + " delta or table.");
  }

  static UsageException complexPrompt(String column, String type) {
    return new UsageException(
        "Cannot use --prompt-column '" + column + "': its type is " + type + ", not text. For conversations use"
            + " --messages-column.");
  }

  static UsageException messagesType(String column, String type) {
    return new UsageException(
        "Cannot use --messages-column '" + column + "': its type is " + type + ", neither an array of struct<role,"
            + " content, ...> nor its JSON as a string.");
  }

  static UsageException csvHeader(String path, String why) {
    return new UsageException(
        "Cannot read --prompts '" + path + "': its first line is no header of column names: " + why + ".");
  }

  static UsageException conflictingIds(String column, long count, List<String> examples) {
    return new UsageException(
        "Cannot use --id-column '" + column + "': " + count + (count == 1 ? " id has" : " ids have")
            + " rows with different prompts or answers, for example " + String.join("; ", examples)
            + ". Make the ids unique, or leave --id-column out.");
  }

  /** Messages are single lines, whatever the text of a library looks like. */
  static String oneLine(String text) {
    String line = text.replaceAll("\\s*[\\r\\n]+\\s*", " ").strip();
    return line.endsWith(".") ? line.substring(0, line.length() - 1) : line;
  }
}
