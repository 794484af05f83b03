// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import io.winnow.inference.conf.ExportSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import java.io.Serializable;
import java.util.Locale;

/**
 * What decides how a row is rendered.
 *
 * @param text whether prompts and completions are plain texts
 * @param implicitPrompt whether chosen and rejected begin with the prompt
 * @param ownSteps whether the input has a column of steps
 * @param ownLabels whether the input has a column of the steps' labels
 */
public record ExportOptions(
    ExportFormat format, Thinking thinking, String thinkingField, String systemPrompt, boolean text,
    boolean implicitPrompt, boolean correctOnly, boolean finishedOnly, String dataSource, String ability,
    boolean ownSteps, boolean ownLabels, String stepSeparator, String stepToken)
    implements Serializable {
  /**
   * The options of a command.
   *
   * @throws UsageException where they do not go together
   */
  public static ExportOptions of(SettingValues values) {
    boolean text = values.get(ExportSettings.STYLE).equals("text");
    String system = values.find(ExportSettings.SYSTEM_PROMPT).orElse(null);
    ExportFormat format = ExportFormat.of(values.get(ExportSettings.FORMAT));
    boolean oneText = text || format == ExportFormat.PRM || format == ExportFormat.OPENRLHF_PRM;
    if (oneText && system != null) {
      throw new UsageException(
          "Cannot use --system-prompt here: prompts are plain texts, which have no system message. Leave it out, or use"
              + " --style chat where the format allows it.");
    }
    return new ExportOptions(
        format, Thinking.valueOf(values.get(ExportSettings.THINKING).toUpperCase(Locale.ROOT)),
        values.get(ExportSettings.THINKING_FIELD), system, text, values.get(ExportSettings.IMPLICIT_PROMPT),
        values.get(ExportSettings.CORRECT_ONLY), values.get(ExportSettings.FINISHED_ONLY),
        values.get(ExportSettings.DATA_SOURCE), values.get(ExportSettings.ABILITY),
        values.isGiven(ExportSettings.STEPS_COLUMN), values.isGiven(ExportSettings.STEP_LABELS_COLUMN),
        values.get(ExportSettings.STEP_SEPARATOR).replace("\\n", "\n").replace("\\t", "\t"),
        values.get(ExportSettings.STEP_TOKEN));
  }

  /** Whether messages have the thinking as a field. */
  boolean hasField() {
    return thinking == Thinking.FIELD;
  }
}
