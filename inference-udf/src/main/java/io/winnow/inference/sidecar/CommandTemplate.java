// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.sidecar;

import io.winnow.inference.SidecarSpec;
import io.winnow.inference.conf.UsageException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A command with placeholders, made into words without a shell: blanks part words, {@code '…'} and {@code "…"} hold
 * them together, and a backslash takes the next character as it is (not within single quotes). Nothing else is special, so
 * there are no variables, globs, pipes or {@code ;}. Placeholders are filled in afterwards and never parted again:
 *
 * <pre>
 * {model}      what the server opens            {port}, {host}  where it must listen
 * {name}       the model's name in requests     {cores}         processors of the executor
 * {gpus}       addresses, with commas           {gpu_count}     how many, at least 1
 * {key_file}   a file with the API key alone    {key_yaml}      one with the line "api-key: KEY"
 * {args}       as a word of its own: the further words; without it they go to the end
 * </pre>
 *
 * @param text the command
 * @param health path that answers 200 when the server is ready
 */
public record CommandTemplate(String text, String health) {
  static final String MODEL = "model";
  static final String NAME = "name";
  static final String HOST = "host";
  static final String PORT = "port";
  static final String GPUS = "gpus";
  static final String GPU_COUNT = "gpu_count";
  static final String CORES = "cores";
  static final String KEY_FILE = "key_file";
  static final String KEY_YAML = "key_yaml";
  private static final String ARGS = "{args}";
  private static final List<String> PLACEHOLDERS =
      List.of(MODEL, NAME, HOST, PORT, GPUS, GPU_COUNT, CORES, KEY_FILE, KEY_YAML);

  private static final Pattern PLACEHOLDER = Pattern.compile("\\{([a-z][a-z_]*)}");

  /**
   * The ready ones. Servers that mix the model folder's own sampling defaults into requests are told not to, and an
   * access log is left out where that can be said: it would have a line for each request.
   */
  private static final Map<String, CommandTemplate> READY = new TreeMap<>(Map.of(
      "vllm", new CommandTemplate(
          "vllm serve {model} --served-model-name {name} --host {host} --port {port}"
              + " --tensor-parallel-size {gpu_count} --generation-config vllm --uvicorn-log-level warning {args}",
          "/health"),
      "sglang", new CommandTemplate(
          "python3 -m sglang.launch_server --config {key_yaml} --model-path {model} --served-model-name {name}"
              + " --host {host} --port {port} --tp-size {gpu_count} --sampling-defaults openai"
              + " --log-level-http warning {args}",
          "/health"),
      "tensorrt-llm", new CommandTemplate(
          "trtllm-serve serve {model} --host {host} --port {port} --tp_size {gpu_count} {args}", "/health"),
      "llama.cpp", new CommandTemplate(
          "llama-server --model {model} --alias {name} --host {host} --port {port} --threads {cores}"
              + " --n-gpu-layers 999 {args}",
          "/health")));

  /** Names of the ready templates. */
  public static List<String> names() {
    return List.copyOf(READY.keySet());
  }

  /**
   * A ready template, or one of a user's own; health of such is asked at {@code /v1/models}, which all servers have.
   *
   * @throws UsageException for a single word that is no ready template's name: most likely a slip
   */
  public static CommandTemplate of(String command) {
    CommandTemplate ready = READY.get(command.strip());
    if (ready != null) {
      return ready;
    }
    if (!command.strip().contains(" ")) {
      throw refused(
          command, "it is none of " + String.join(", ", names()) + ", and a command needs at least {port}",
          "Name one of them, or give a command such as 'my-server --model {model} --port {port}'.");
    }
    return new CommandTemplate(command, "/v1/models");
  }

  /**
   * The template of a server's command, looked through.
   *
   * @throws UsageException when the command or its further words are none
   */
  public static CommandTemplate of(SidecarSpec spec) {
    CommandTemplate template = of(spec.command());
    template.check();
    split("--sidecar-args", spec.args());
    return template;
  }

  /**
   * Looks whether it can be filled in.
   *
   * @throws UsageException when a quote is open, a placeholder unknown or {port} missing
   */
  void check() {
    List<String> words = split("--sidecar", text);
    if (words.isEmpty() || words.get(0).equals(ARGS)) {
      throw refused(text, "it names no program", "Begin with the program.");
    }
    boolean port = false;
    for (String word : words) {
      Matcher matcher = PLACEHOLDER.matcher(word);
      while (matcher.find() && !word.equals(ARGS)) {
        if (!PLACEHOLDERS.contains(matcher.group(1))) {
          throw refused(
              text, "there is no placeholder " + matcher.group(),
              "There are {" + String.join("}, {", PLACEHOLDERS) + "}, and {args} as a word of its own.");
        }
        port |= matcher.group(1).equals(PORT);
      }
    }
    if (!port) {
      throw refused(
          text, "it says nowhere {port}", "Winnow chooses a free port; put {port} where the server takes it.");
    }
  }

  /**
   * The words of the command.
   *
   * @param values of the placeholders
   * @param more further words
   */
  List<String> words(Function<String, String> values, List<String> more) {
    List<String> words = new ArrayList<>();
    boolean placed = false;
    for (String word : split("--sidecar", text)) {
      if (word.equals(ARGS)) {
        more.forEach(m -> words.add(filled(m, values)));
        placed = true;
      } else {
        words.add(filled(word, values));
      }
    }
    if (!placed) {
      more.forEach(m -> words.add(filled(m, values)));
    }
    return words;
  }

  /** Fills in placeholders; what only looks like one stays. */
  static String filled(String word, Function<String, String> values) {
    return PLACEHOLDER.matcher(word).replaceAll(
        found ->
            Matcher.quoteReplacement(
                PLACEHOLDERS.contains(found.group(1)) ? values.apply(found.group(1)) : found.group()));
  }

  /**
   * Parts a text into words.
   *
   * @param where the text comes from, for the message
   * @throws UsageException when a quote is not closed
   */
  public static List<String> split(String where, String text) {
    List<String> words = new ArrayList<>();
    StringBuilder word = null;
    char quote = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean escapes = c == '\\' && quote != '\'' && i + 1 < text.length();
      if (quote == 0 && Character.isWhitespace(c)) {
        if (word != null) {
          words.add(word.toString());
          word = null;
        }
        continue;
      }
      if (word == null) {
        word = new StringBuilder();
      }
      if (escapes) {
        word.append(text.charAt(++i));
      } else if (quote == 0 && (c == '\'' || c == '"')) {
        quote = c;
      } else if (quote != 0 && c == quote) {
        quote = 0;
      } else {
        word.append(c);
      }
    }
    if (quote != 0) {
      throw new UsageException(
          "Cannot use " + where + " '" + text + "': a " + quote + " is not closed. Close it, or write \\" + quote
              + " for the sign itself.");
    }
    if (word != null) {
      words.add(word.toString());
    }
    return words;
  }

  private static UsageException refused(String command, String why, String whatToDo) {
    return new UsageException("Cannot use --sidecar '" + command + "': " + why + ". " + whatToDo);
  }
}
