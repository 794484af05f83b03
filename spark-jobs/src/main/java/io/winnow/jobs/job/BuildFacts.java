// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/** Which code this is: what the build wrote into {@code build.properties}. */
public final class BuildFacts {
  private static final String FILE = "build.properties";

  private BuildFacts() {}

  /**
   * The version, with {@code +} and the commit that it was built from where the build knew it; {@code -dirty} at its
   * end says that the sources were not those of the commit.
   */
  public static String version() {
    Properties facts = new Properties();
    try (InputStream in = BuildFacts.class.getResourceAsStream(FILE)) {
      if (in == null) {
        return "unknown";
      }
      facts.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read " + FILE + " of this build", e);
    }
    String commit = facts.getProperty("commit", "");
    return facts.getProperty("version") + (commit.isEmpty() ? "" : "+" + commit);
  }
}
