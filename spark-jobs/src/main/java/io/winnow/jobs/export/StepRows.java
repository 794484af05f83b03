// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.jobs.export.SourceRow.Field;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Completions cut into steps, each with a label, for process reward models. */
final class StepRows {
  private StepRows() {}

  static ObjectNode render(ExportOptions options, String prompt, SourceRow row, ObjectNode out)
      throws RowRenderer.Left {
    List<String> steps = options.ownSteps() ? own(row) : cut(options, row);
    List<Boolean> labels = options.ownLabels() ? labels(row) : Collections.nCopies(steps.size(), outcome(row));
    if (steps.isEmpty() || steps.size() != labels.size()) {
      throw new RowRenderer.Left(Skip.BAD_STEPS);
    }
    if (options.format() == ExportFormat.PRM) {
      out.put("prompt", prompt);
      steps.forEach(out.putArray("completions")::add);
      labels.forEach(out.putArray("labels")::add);
      return out;
    }
    String token = options.stepToken();
    if (prompt.contains(token)) {
      throw new RowRenderer.Left(Skip.BAD_STEPS); // trainers would take it for the end of a step, and lack its label
    }
    StringBuilder input = new StringBuilder(prompt);
    for (String step : steps) {
      if (step.contains(token)) {
        throw new RowRenderer.Left(Skip.BAD_STEPS);
      }
      input.append(input.length() == prompt.length() ? ' ' : '\n').append(step).append(' ').append(token);
    }
    out.put("input", input.toString());
    labels.forEach(label -> out.withArray("value").add(label ? "+" : "-"));
    return out;
  }

  private static List<String> own(SourceRow row) throws RowRenderer.Left {
    JsonNode array = row.json(Field.STEPS);
    if (array == null || !array.isArray()) {
      throw new RowRenderer.Left(Skip.BAD_STEPS);
    }
    List<String> steps = new ArrayList<>();
    for (JsonNode step : array) {
      if (!step.isTextual()) {
        throw new RowRenderer.Left(Skip.BAD_STEPS);
      }
      steps.add(step.textValue());
    }
    return steps;
  }

  private static List<String> cut(ExportOptions options, SourceRow row) throws RowRenderer.Left {
    String text = row.text(Field.TEXT);
    if (text == null || text.isEmpty()) {
      throw new RowRenderer.Left(Skip.NO_TEXT);
    }
    Thinking.Shown shown = RowRenderer.shown(options.thinking(), text, row, Field.THINK_END);
    if (shown.content() == null) {
      throw new RowRenderer.Left(Skip.THINKING_NEVER_ENDED);
    }
    List<String> steps = new ArrayList<>();
    String rest = shown.content();
    String separator = options.stepSeparator();
    for (int at = 0; at <= rest.length(); ) {
      int next = rest.indexOf(separator, at);
      String step = rest.substring(at, next < 0 ? rest.length() : next).strip();
      if (!step.isEmpty()) {
        steps.add(step);
      }
      at = next < 0 ? rest.length() + 1 : next + separator.length();
    }
    return steps;
  }

  private static List<Boolean> labels(SourceRow row) throws RowRenderer.Left {
    JsonNode array = row.json(Field.STEP_LABELS);
    List<Boolean> labels = new ArrayList<>();
    if (array == null || !array.isArray()) {
      throw new RowRenderer.Left(Skip.BAD_STEPS);
    }
    for (JsonNode label : array) {
      Boolean truth = RowRenderer.truth(label.asText());
      if (truth == null) {
        throw new RowRenderer.Left(Skip.BAD_STEPS);
      }
      labels.add(truth);
    }
    return labels;
  }

  private static boolean outcome(SourceRow row) throws RowRenderer.Left {
    Boolean correct = RowRenderer.truth(row.text(Field.CORRECT));
    if (correct == null) {
      throw new RowRenderer.Left(Skip.UNDECIDED);
    }
    return correct;
  }
}
