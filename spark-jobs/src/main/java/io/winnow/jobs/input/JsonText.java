// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.Collection;

/** Changes of the text of a JSON object that leave all else as it was written. */
public final class JsonText {
  private JsonText() {}

  /**
   * The object without some of its members.
   *
   * @param object in braces, valid
   * @param names of members that are left out, wherever they stand
   */
  public static String without(String object, Collection<String> names) {
    StringBuilder out = new StringBuilder("{");
    try (JsonParser parser = JsonLine.JSON.createParser(object)) {
      parser.nextToken();
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        boolean kept = !names.contains(parser.currentName());
        int from = (int) parser.currentTokenLocation().getCharOffset();
        parser.nextToken();
        parser.skipChildren();
        parser.finishToken();
        int to = (int) parser.currentLocation().getCharOffset();
        if (kept) {
          out.append(out.length() > 1 ? ", " : "").append(object, from, to);
        }
      }
      return out.append('}').toString();
    } catch (IOException e) {
      throw new IllegalStateException("A line that was JSON before is none now.", e);
    }
  }
}
