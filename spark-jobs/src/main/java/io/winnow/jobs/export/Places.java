// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import java.util.regex.Pattern;

/** Names for others of what lies somewhere here: a card must not tell of folders, hosts or keys in addresses. */
public final class Places {
  private static final Pattern ADDRESS = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*:/.*");
  private static final Pattern OWNER_AND_NAME = Pattern.compile("[\\w.-]*\\w[\\w.-]*/[\\w.-]+");

  private Places() {}

  /**
   * What a model is called: the name before the address of an endpoint, OWNER/NAME as it is, and of any
   * other path its last part.
   */
  public static String name(String place) {
    int at = place.indexOf('@');
    if (at > 0 && ADDRESS.matcher(place.substring(at + 1)).matches()) {
      return name(place.substring(0, at));
    }
    if (OWNER_AND_NAME.matcher(place).matches()) {
      return place;
    }
    return last(place);
  }

  /** What a table or file is called: the last part of its path. */
  public static String last(String place) {
    String path = place.replace('\\', '/').replaceAll("[?#].*", "").replaceAll("/+$", "");
    String last = path.substring(path.lastIndexOf('/') + 1);
    return last.isEmpty() ? "data" : last;
  }
}
