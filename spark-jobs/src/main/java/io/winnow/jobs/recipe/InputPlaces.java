// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.recipe;

import java.util.LinkedHashSet;
import java.util.Set;

/** The places that an option's text may name; whether there is anything at them is for others to look. */
final class InputPlaces {
  private static final int LONGEST = 1_000;

  private InputPlaces() {}

  /** The text itself, and what stands in it as {@code NAME=PATH:COLUMN}. */
  static Set<String> in(String text) {
    Set<String> places = new LinkedHashSet<>();
    // A server is no file: nobody asks it before its step does.
    boolean server = text.contains("http://") || text.contains("https://");
    if (server || text.isBlank() || text.length() > LONGEST || text.indexOf('\n') >= 0) {
      return places;
    }
    places.add(text);
    String path = text.substring(text.indexOf('=') + 1);
    if (!path.isBlank()) {
      places.add(path);
    }
    // Paths and columns may both have colons.
    for (int colon = path.lastIndexOf(':'); colon > 0; colon = path.lastIndexOf(':', colon - 1)) {
      places.add(path.substring(0, colon));
    }
    return places;
  }
}
