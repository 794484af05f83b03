// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The place of a row in the order of an exported data set. Texts are compared by the bytes of their UTF-8, as Spark
 * sorts them; Java's own order is another beyond U+FFFF.
 *
 * @param digest of the row's line: rows of one key have an order too, and where it is the same, so are the lines
 */
record ShardKey(int split, String first, String second, String third, long digest)
    implements Comparable<ShardKey>, Serializable {
  private static final long serialVersionUID = 1L;

  /** In front of all rows of a split. */
  static ShardKey startOf(int split) {
    return new ShardKey(split, "", "", "", Long.MIN_VALUE);
  }

  @Override
  public int compareTo(ShardKey other) {
    int order = Integer.compare(split, other.split);
    order = order == 0 ? compare(first, other.first) : order;
    order = order == 0 ? compare(second, other.second) : order;
    order = order == 0 ? compare(third, other.third) : order;
    return order == 0 ? Long.compare(digest, other.digest) : order;
  }

  private static int compare(String a, String b) {
    return Arrays.compareUnsigned(a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));
  }
}
