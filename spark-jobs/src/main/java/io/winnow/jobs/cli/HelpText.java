// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.Setting;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** What {@code --help} prints: made of the declarations, at most 100 columns wide. */
final class HelpText {
  private static final int WIDTH = 100;
  private static final int OPTION_WIDTH = 30;
  private static final String EXIT_CODES =
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some rows failed (with --strict),\n"
          + "            4 stopped cleanly with more to do.\n";

  private HelpText() {}

  static String overview(List<Command> commands) {
    StringBuilder text = new StringBuilder("Winnow: prompts in, verified reasoning traces out, on Apache Spark.\n\n");
    text.append("Usage: winnow COMMAND [options]\n\nCommands:\n");
    for (Command command : commands) {
      entry(text, command.name(), command.summary(), 14);
    }
    text.append("\nwinnow COMMAND --help lists the options of a command; winnow --version prints the version.\n");
    return text.append(EXIT_CODES).toString();
  }

  static String of(Command command) {
    StringBuilder text = new StringBuilder();
    String operand = command.operand() == null ? "" : " " + command.operand().label();
    text.append("Usage: winnow ").append(command.name()).append(operand).append(" [options]\n");
    text.append(command.summary()).append("\n");
    Map<String, List<Setting<?>>> groups = new LinkedHashMap<>();
    for (Setting<?> setting : command.settings()) {
      groups.computeIfAbsent(setting.group(), group -> new ArrayList<>()).add(setting);
    }
    groups.forEach(
        (group, settings) -> {
          text.append('\n').append(group).append(":\n");
          settings.forEach(setting -> option(text, setting));
        });
    text.append("\nEvery option has a Spark configuration key, for example spark.winnow.topP for --top-p; an option\n");
    text.append("wins over it. Bare numbers of time are seconds.\n");
    if (!command.examples().isEmpty()) {
      text.append("\nExamples:\n");
      command.examples().forEach(example -> text.append("  ").append(example).append('\n'));
    }
    return text.append('\n').append(EXIT_CODES).toString();
  }

  private static <T> void option(StringBuilder text, Setting<T> setting) {
    String name = setting.option();
    if (setting.kind() != Setting.Kind.BOOLEAN) {
      name += " " + setting.label();
    } else if (Boolean.TRUE.equals(setting.defaultValue())) {
      name += "[=false]";
    }
    entry(text, name, setting.doc() + defaultOf(setting), OPTION_WIDTH);
  }

  private static <T> String defaultOf(Setting<T> setting) {
    T value = setting.defaultValue();
    boolean said =
        value == null || value.equals("") || value.equals(List.of()) || value.equals(Map.of())
            || Boolean.FALSE.equals(value);
    if (said) {
      return "";
    }
    // A list as it is written on the command line, and not as JSON.
    String text =
        setting.kind() == Setting.Kind.COMMA_LIST && value instanceof List<?> list
            ? list.stream().map(String::valueOf).collect(Collectors.joining(","))
            : setting.text(value);
    return " Default: " + text + ".";
  }

  private static void entry(StringBuilder text, String name, String doc, int width) {
    StringBuilder line = new StringBuilder("  ").append(name);
    String indent = " ".repeat(width + 2);
    if (name.length() >= width) {
      text.append(line).append('\n');
      line = new StringBuilder(indent);
    } else {
      line.append(" ".repeat(width - name.length()));
    }
    boolean first = true;
    for (String word : doc.split(" ")) {
      if (!first && line.length() + word.length() + 1 > WIDTH) {
        text.append(line).append('\n');
        line = new StringBuilder(indent);
        first = true;
      }
      line.append(first ? "" : " ").append(word);
      first = false;
    }
    text.append(line).append('\n');
  }
}
