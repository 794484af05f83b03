// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What is wrong with a table's rows, beside those that it should have.
 *
 * @param lost keys that are missing
 * @param doubled rows whose key is there before
 * @param different rows of the same key with other content, and rows that should not be there
 */
record TableDifference(int lost, int doubled, int different, String example) {
  private static final Pattern KEY =
      Pattern.compile("^\\{\"prompt_id\":(\"(?:[^\"\\\\]|\\\\.)*\",\"trace_id\":\"[^\"]*\")");

  /** Both as {@link Tables#comparable} gives them. */
  static TableDifference of(List<String> expected, List<String> found) {
    Map<String, String> wanted = new TreeMap<>();
    expected.forEach(row -> wanted.put(key(row), row));
    if (wanted.size() != expected.size()) {
      throw new AssertionError("the undisturbed table holds a key twice");
    }
    Map<String, String> seen = new TreeMap<>();
    int doubled = 0;
    int different = 0;
    String example = "";
    for (String row : found) {
      String before = seen.putIfAbsent(key(row), row);
      if (before != null) {
        doubled++;
        example = "twice: " + key(row);
      }
      if (!row.equals(wanted.get(key(row)))) {
        different++;
        example = "found " + row + "\n    for " + wanted.get(key(row));
      }
    }
    int lost = 0;
    for (String key : wanted.keySet()) {
      if (!seen.containsKey(key)) {
        lost++;
        example = "missing: " + key;
      }
    }
    return new TableDifference(lost, doubled, different, example);
  }

  private static String key(String row) {
    Matcher key = KEY.matcher(row);
    if (!key.find()) {
      throw new AssertionError("a row does not begin with its key: " + row);
    }
    return key.group(1);
  }

  boolean none() {
    return lost + doubled + different == 0;
  }
}
