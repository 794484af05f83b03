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
    String path = text.substring(text.indexOf('=') + 1);
    int colon = path.lastIndexOf(':');
    for (String place : new String[] {text, path, colon > 0 ? path.substring(0, colon) : path}) {
      if (place.indexOf('/') >= 0 || place.indexOf('.') >= 0) {
        places.add(place);
      }
    }
    return places;
  }
}
