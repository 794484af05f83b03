// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/** The parameters of a verifier, read and checked once. */
final class VerifierParams {
  private final String verifier;
  private final Map<String, String> given;

  /**
   * Parameters as they were given.
   *
   * @param known the names that the verifier has
   * @throws IllegalArgumentException for any other name
   */
  VerifierParams(String verifier, Map<String, String> given, String... known) {
    this.verifier = verifier;
    this.given = Map.copyOf(given);
    List<String> names = Arrays.asList(known);
    for (String name : new TreeSet<>(given.keySet())) {
      if (!names.contains(name)) {
        throw new IllegalArgumentException(
            "Unknown parameter '" + name + "' of verifier " + verifier + ". Known parameters: "
                + String.join(", ", names) + ".");
      }
    }
  }

  /** All of them. */
  Map<String, String> all() {
    return given;
  }

  /** A text, null where it was not given. */
  String text(String name) {
    return given.get(name);
  }

  /** One of the constants, written in lower case. */
  <E extends Enum<E>> E choice(String name, E defaultValue) {
    String text = given.get(name);
    if (text == null) {
      return defaultValue;
    }
    E[] all = defaultValue.getDeclaringClass().getEnumConstants();
    for (E each : all) {
      if (each.name().toLowerCase(Locale.ROOT).equals(text)) {
        return each;
      }
    }
    throw refused(name, "one of " + String.join(", ", Arrays.stream(all).map(e -> e.name().toLowerCase(Locale.ROOT))
        .toList()));
  }

  /** True or false. */
  boolean flag(String name, boolean defaultValue) {
    String text = given.get(name);
    if (text != null && !text.equals("true") && !text.equals("false")) {
      throw refused(name, "true or false");
    }
    return text == null ? defaultValue : text.equals("true");
  }

  IllegalArgumentException refused(String name, String expected) {
    return new IllegalArgumentException(
        "Cannot use the value '" + given.get(name) + "' of parameter " + name + " of verifier " + verifier
            + ": it must be " + expected + ".");
  }
}
