// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where the processes of a user on one host keep what takes long to compute: fingerprints of models, and packed
 * weights. The environment variable {@value #VARIABLE} names the folder, or is {@code off}; without it the system
 * property {@code winnow.cacheDir} does; without both it is {@code java.io.tmpdir/winnow-cache-USER}.
 */
public final class CacheFolder {
  public static final String VARIABLE = "WINNOW_CACHE";

  private CacheFolder() {}

  /**
   * The folder, made where it is missing; null when it is switched off.
   *
   * @throws IOException when it cannot be made or written, or when somebody else owns it or may write to it
   */
  public static Path open() throws IOException {
    return open(System.getenv(VARIABLE), System.getProperty("winnow.cacheDir"));
  }

  static Path open(String variable, String property) throws IOException {
    String wish = variable == null || variable.isBlank() ? property : variable.strip();
    if (wish == null || wish.isBlank()) {
      return PrivateFolder.underTmp("winnow-cache");
    }
    if (wish.equals("off")) {
      return null;
    }
    Path folder = Path.of(wish).toAbsolutePath();
    if (Files.isDirectory(folder)) {
      // A link that the user set is the user's wish.
      return PrivateFolder.checked(folder.toRealPath());
    }
    if (folder.getParent() != null) {
      Files.createDirectories(folder.getParent());
    }
    return PrivateFolder.checked(folder);
  }
}
