// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import io.winnow.inference.AnswerFormat;
import java.util.ArrayList;
import java.util.List;

/** The settings that say what an answer must look like, taken together. */
final class AnswerSettings {
  private AnswerSettings() {}

  /** What answers must look like; null for anything. */
  static AnswerFormat format(SettingValues values) {
    List<String> choices = values.get(GenerateSettings.CHOICE);
    if (!choices.isEmpty()) {
      return AnswerFormat.choice(choices);
    }
    return values.find(GenerateSettings.REGEX).map(AnswerFormat::regex)
        .or(() -> values.find(GenerateSettings.JSON_SCHEMA).map(AnswerFormat::jsonSchema)).orElse(null);
  }

  /** @throws UsageException when there are several, or something else that says where an answer ends */
  static void check(SettingValues values) {
    List<Setting<?>> given = new ArrayList<>();
    if (!values.get(GenerateSettings.CHOICE).isEmpty()) {
      given.add(GenerateSettings.CHOICE);
    }
    for (Setting<String> one : List.of(GenerateSettings.REGEX, GenerateSettings.JSON_SCHEMA)) {
      if (values.find(one).isPresent()) {
        given.add(one);
      }
    }
    if (given.size() > 1) {
      throw new UsageException(
          "Cannot use " + given.get(0) + " and " + given.get(1)
              + " together: each of them says what the whole answer looks like. Leave one out.");
    }
    if (given.isEmpty()) {
      return;
    }
    List<Setting<?>> ends =
        List.of(
            GenerateSettings.STOP, GenerateSettings.STOP_TOKEN_IDS, GenerateSettings.MIN_TOKENS,
            GenerateSettings.IGNORE_EOS);
    for (Setting<?> end : ends) {
      if (!values.get(end).equals(end.neutralValue())) {
        throw new UsageException(
            "Cannot use " + end + " beside " + given.get(0)
                + ", which alone says where an answer ends. Leave one out.");
      }
    }
  }
}
