// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.util.Locale;

/**
 * The memory of one JVM, in bytes.
 *
 * @param limit of the machine, or of the container where that is less
 * @param heap the most that this JVM's heap may grow to
 * @param reserve kept for the JVM itself: classes, compiled code, threads, Arrow batches
 * @param stated what whoever runs this JVM grants it outside its heap (Spark's memoryOverhead), 0 where nobody says
 */
public record HostMemory(long limit, long heap, long reserve, long stated) {

  /** Whether the grant, and not the machine or its container, is what bounds an engine. */
  public boolean boundByGrant() {
    return stated > 0 && stated < limit - heap;
  }

  /** The part of it that one of so many engines may take. */
  public HostMemory share(int engines) {
    return new HostMemory(limit / engines, heap / engines, reserve / engines, stated / engines);
  }

  /** A size for people, for example 1.5 GiB. */
  public static String size(long bytes) {
    return bytes < 1L << 30
        ? String.format(Locale.ROOT, "%.1f MiB", bytes / (double) (1L << 20))
        : String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1L << 30));
  }

  /** How {@link #available()} comes about, for people. */
  public String explained() {
    String from =
        boundByGrant()
            ? size(stated) + " of spark.executor.memoryOverhead"
            : size(limit) + " of this host or container less " + size(heap) + " of heap";
    return from + (boundByGrant() ? " less " : " and ") + size(reserve) + " for the JVM itself";
  }

  /** What is left for an engine outside the heap; never negative. */
  public long available() {
    return Math.max(0, (boundByGrant() ? stated : limit - heap) - reserve);
  }
}
