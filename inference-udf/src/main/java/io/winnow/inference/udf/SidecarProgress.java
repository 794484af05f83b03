// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** On the driver: how the servers beside executors are, as the executors told last. Process-wide, as the driver is. */
public final class SidecarProgress {
  private static final int MOST_CHARS = 100;
  private static final Map<String, String> PHASES = new TreeMap<>();
  private static final Map<String, String> LINES = new TreeMap<>();
  private static final Set<String> GONE = new HashSet<>();

  private SidecarProgress() {}

  static synchronized void clear() {
    PHASES.clear();
    LINES.clear();
    GONE.clear();
  }

  /** An executor has ended, and its server with it; nothing that it has sent before is heard any more. */
  static synchronized void gone(String executor) {
    GONE.add(executor);
    PHASES.remove(executor);
    LINES.remove(executor);
  }

  static synchronized void heard(String executor, String phase, String line) {
    if (GONE.contains(executor)) {
      return;
    }
    PHASES.put(executor, phase);
    LINES.put(executor, line);
  }

  /** How many are ready, and the word of one that is not; null where there are none. */
  public static synchronized String line() {
    if (PHASES.isEmpty()) {
      return null;
    }
    long ready = PHASES.values().stream().filter("READY"::equals).count();
    String text = "servers ready: " + ready + " of " + PHASES.size();
    for (Map.Entry<String, String> entry : PHASES.entrySet()) {
      if (!entry.getValue().equals("READY")) {
        String line = LINES.get(entry.getKey()).split("\n", 2)[0];
        return text + "; executor " + entry.getKey() + " "
            + (line.length() > MOST_CHARS ? line.substring(0, MOST_CHARS) + "…" : line);
      }
    }
    return text;
  }
}
