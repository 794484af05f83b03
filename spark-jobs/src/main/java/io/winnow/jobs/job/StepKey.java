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
    StringBuilder all = new StringBuilder(step).append('\n').append(version).append('\n');
    settings.forEach((name, value) -> all.append(name).append('=').append(value).append('\n'));
    all.append(state);
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(all.toString().getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-256.", e);
    }
  }
}
