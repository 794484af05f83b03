// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.util.Collection;
import java.util.Locale;
import java.util.Optional;

/** Finds what a mistyped name may have meant. */
public final class NearestName {
  private NearestName() {}

  /**
   * The candidate with the fewest edits (insert, delete, replace, swap of neighbours; case does not count), the first
   * of equals. Empty when even that one differs in more than a third of its characters (at least two edits are
   * allowed).
   */
  public static Optional<String> of(String name, Collection<String> candidates) {
    String wanted = name.toLowerCase(Locale.ROOT);
    String best = null;
    int bestEdits = Integer.MAX_VALUE;
    for (String candidate : candidates) {
      int edits = edits(wanted, candidate.toLowerCase(Locale.ROOT));
      if (edits < bestEdits) {
        bestEdits = edits;
        best = candidate;
      }
    }
    boolean near = best != null && bestEdits <= Math.max(2, best.length() / 3) && bestEdits < best.length();
    return near ? Optional.of(best) : Optional.empty();
  }

  /** {@code " Did you mean 'x'?"}, or the empty string where nothing is near. */
  public static String hint(String name, Collection<String> candidates) {
    return of(name, candidates).map(near -> " Did you mean '" + near + "'?").orElse("");
  }

  private static int edits(String a, String b) {
    int[][] distance = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        if (i == 0 || j == 0) {
          distance[i][j] = i + j;
          continue;
        }
        int replace = distance[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        int least = Math.min(replace, Math.min(distance[i - 1][j], distance[i][j - 1]) + 1);
        boolean swapped =
            i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1);
        distance[i][j] = swapped ? Math.min(least, distance[i - 2][j - 2] + 1) : least;
      }
    }
    return distance[a.length()][b.length()];
  }
}
