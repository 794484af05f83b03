// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import io.winnow.inference.ScriptParams;
import java.nio.file.Path;
import java.util.regex.Pattern;

/** Where {@code --model} says that a model lies. */
public final class ModelAddress {
  /** Two letters at least, so that no drive of Windows is one. */
  private static final Pattern REMOTE = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]+:/.*");
  private static final Pattern PASSWORD = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]+://[^/@]*:[^/]*@.*");

  private ModelAddress() {}

  /** Whether it is an address on a file system that Hadoop opens, such as {@code s3a://bucket/model}; no path. */
  public static boolean isRemote(String model) {
    return !ScriptParams.isScripted(model) && REMOTE.matcher(model).matches();
  }

  /**
   * What executors are told: an address as it is, a path made absolute, because they have a working folder of their
   * own.
   */
  public static String absolute(String model) {
    if (isRemote(model)) {
      String address = model.replaceAll("(?<=[^:/])/+$", "");
      // Without any path Hadoop would take the user's own folder.
      return address.matches("[^/]+://[^/]+") ? address + "/" : address;
    }
    return ScriptParams.isScripted(model) ? model : Path.of(model).toAbsolutePath().normalize().toString();
  }

  /**
   * Refuses addresses that hold a secret: what is given as {@code --model} goes to the table and to logs.
   *
   * @throws UsageException that does not repeat it
   */
  public static void check(String model) {
    if (PASSWORD.matcher(model).matches()) {
      throw new UsageException(
          "Cannot use --model: its address holds a password, and addresses are kept in tables and logs. Leave it out,"
              + " and give the credentials by --conf spark.hadoop.*, as docs/OBJECT_STORES.md shows.");
    }
  }
}
