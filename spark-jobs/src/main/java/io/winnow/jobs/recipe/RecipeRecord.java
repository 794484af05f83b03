// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.recipe;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.winnow.inference.conf.GradedSettings;
import io.winnow.inference.conf.SettingValues;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * What the steps of a recipe were last done with: a JSON file, an entry a step and output. It spares looking: without
 * it, or where it says nothing, a step runs and finds by its own rule that nothing is to do.
 */
public final class RecipeRecord {
  private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
  private static final String OUT = "out";
  private static final String VERDICTS = "/_winnow/verdicts";

  private final Path file;
  private final TreeMap<String, Done> steps;

  /**
   * A step that was done.
   *
   * @param version of Winnow
   * @param command what it ran
   * @param settings canonical texts of what affects its output
   * @param inputs states of the files and tables that its options name, by their paths
   * @param output state of what it made; null where it makes nothing at a place of its own
   * @param at when it was done, ISO 8601
   * @param seconds how long it took
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Done(
      String version, String command, Map<String, String> settings, Map<String, String> inputs, String output,
      String at, double seconds) {}

  private RecipeRecord(Path file, TreeMap<String, Done> steps) {
    this.file = file;
    this.steps = steps;
  }

  /**
   * Reads a record; one that is not there, or cannot be read, is empty.
   *
   * @param warning gets a line where the file is no record
   */
  public static RecipeRecord open(Path file, java.util.function.Consumer<String> warning) {
    try {
      return new RecipeRecord(file, JSON.readValue(Files.readString(file), new TypeReference<>() {}));
    } catch (NoSuchFileException e) {
      return new RecipeRecord(file, new TreeMap<>());
    } catch (IOException e) {
      warning.accept("cannot read " + file + ", so each step looks for itself what is to do: " + e.getMessage());
      return new RecipeRecord(file, new TreeMap<>());
    }
  }

  public Path file() {
    return file;
  }

  /** What is known of a step's output; null if it was never made. */
  public Done of(PlannedStep step) {
    return steps.get(key(step));
  }

  /** One recipe may be run with several outputs. */
  private static String key(PlannedStep step) {
    return step.options().containsKey(OUT) ? step.name() + " > " + step.options().get(OUT).get(0) : step.name();
  }

  /**
   * What a step would be done with now.
   *
   * @param states gives the state of a file or table, null where there is none
   */
  public static Done now(PlannedStep step, SettingValues values, String version, Function<String, String> states) {
    Map<String, String> inputs = new TreeMap<>();
    String output = null;
    for (String option : new TreeSet<>(step.options().keySet())) {
      for (String text : step.options().get(option)) {
        if (option.equals(OUT)) {
          output = states.apply(text);
          continue;
        }
        for (String place : places(step, option, text)) {
          String state = states.apply(place);
          if (state != null) {
            inputs.put(place, state);
          }
        }
      }
    }
    return new Done(version, step.command().name(), new TreeMap<>(values.affectingOutput()), inputs, output, null, 0);
  }

  /** What winnow verify has added lies beside the traces, whose own commits do not tell of it. */
  private static Set<String> places(PlannedStep step, String option, String text) {
    Set<String> places = InputPlaces.in(text);
    String verifier = GradedSettings.VERIFIER.name();
    if (option.equals(GradedSettings.TRACES.name()) && step.options().containsKey(verifier)
        && step.command().find(verifier) == GradedSettings.VERIFIER) {
      places.add(text + VERDICTS);
    }
    return places;
  }

  /** Why the step is to run, in words; null where it is up to date. */
  public String why(PlannedStep step, Done now) {
    Done before = of(step);
    if (before == null) {
      return "never ran";
    }
    if (!before.command().equals(now.command())) {
      return "was " + before.command() + " before";
    }
    String setting = difference(before.settings(), now.settings());
    if (setting != null) {
      return "changed setting: " + setting;
    }
    String input = difference(before.inputs(), now.inputs());
    if (input != null) {
      return "changed input: " + input.replaceFirst(" .*", "");
    }
    if (!Objects.equals(before.output(), now.output())) {
      return now.output() == null ? "its output is gone" : "its output was changed by others";
    }
    return before.version().equals(now.version()) ? null : "was done by version " + before.version();
  }

  private static String difference(Map<String, String> before, Map<String, String> now) {
    TreeSet<String> names = new TreeSet<>(before.keySet());
    names.addAll(now.keySet());
    for (String name : names) {
      if (!Objects.equals(before.get(name), now.get(name))) {
        return name + " (" + shown(before.get(name)) + " before, now " + shown(now.get(name)) + ")";
      }
    }
    return null;
  }

  private static String shown(String text) {
    return text == null ? "none" : text.length() > 40 ? text.substring(0, 40) + "…" : text;
  }

  /** Notes that a step was done; the file is replaced in one piece. */
  public void put(PlannedStep step, Done done) {
    steps.put(key(step), done);
    save();
  }

  /** Notes that a step begins: until it is done, nothing is known of its output. */
  public void forget(PlannedStep step) {
    if (steps.remove(key(step)) != null) {
      save();
    }
  }

  private void save() {
    try {
      Path folder = file.toAbsolutePath().getParent();
      Files.createDirectories(folder);
      Path whole = Files.createTempFile(folder, "." + file.getFileName(), null);
      Files.writeString(whole, JSON.writeValueAsString(steps) + "\n");
      Files.move(whole, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    } catch (IOException e) {
      throw new UncheckedIOException(
          "Cannot write " + file + ": " + e.getMessage() + ". Give another folder by --record.", e);
    }
  }
}
