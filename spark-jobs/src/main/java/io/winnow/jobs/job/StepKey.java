// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;

/** The key of a step's output: alike exactly if all that decides the output is. */
public final class StepKey {
  private StepKey() {}

  /**
   * Names all that decides an output.
   *
   * @param step name of the step
   * @param version of what it computes
   * @param settings texts of all settings that decide what comes out, by name
   * @param state of the source
   */
  public static String of(String step, String version, Map<String, String> settings, String state) {
    return sha256(joined(step + '\n' + version, settings, state));
  }

  /**
   * A text that differs where any of these does.
   *
   * @param head one line or more, the first not empty
   * @param tail never begins like a setting
   */
  static String joined(String head, Map<String, String> settings, String tail) {
    boolean lines =
        settings.entrySet().stream().anyMatch(each -> (each.getKey() + each.getValue()).indexOf('\n') >= 0);
    // A value of several lines would read like several settings. Keys of all others stay what they have been.
    StringBuilder all = new StringBuilder(lines ? "\n" : "").append(head).append('\n');
    if (lines) {
      all.append(settings.size()).append('\n');
    }
    settings.forEach(
        (name, value) -> {
          if (lines) {
            all.append(name.length()).append(' ').append(value.length()).append(' ');
          }
          all.append(name).append('=').append(value).append('\n');
        });
    return all.append(tail).toString();
  }

  static String sha256(String text) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-256.", e);
    }
  }
}
