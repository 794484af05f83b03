// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.label;

import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Names of fields that tables can hold. */
final class Columns {
  private Columns() {}

  /** @throws IllegalArgumentException for one that they cannot, or two that differ by case alone */
  static void check(List<String> names) {
    Set<String> seen = new HashSet<>();
    for (String name : names) {
      if (name.isBlank() || name.chars().anyMatch(c -> " ,;{}()\n\t=".indexOf(c) >= 0)) {
        throw new IllegalArgumentException(
            "the name '" + name + "' has a blank or one of ,;{}()= and can be no column");
      }
      if (!seen.add(name.toLowerCase(Locale.ROOT))) {
        throw new IllegalArgumentException("the name '" + name + "' is there twice, for columns have no case");
      }
    }
  }
}
