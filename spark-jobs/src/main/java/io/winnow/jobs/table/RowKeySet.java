// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * A growing set of row keys at 16 bytes of hash a key (about 32 bytes of heap), so that a driver of 1 GiB holds tens of
 * millions of them. Keys are told apart by 128 bits of SHA-256: two different keys meet with probability n² / 2^129.
 * Not thread-safe.
 */
final class RowKeySet {
  private final MessageDigest sha256;
  private long[] slots = new long[2 * 64];
  private int size;

  RowKeySet() {
    try {
      sha256 = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  int size() {
    return size;
  }

  boolean contains(RowKey key) {
    long[] hash = hash(key);
    return slots[find(slots, hash[0], hash[1])] != 0;
  }

  /** Adds the key; false if it was there. */
  boolean add(RowKey key) {
    return add(hash(key));
  }

  /** Adds a key by its {@link #hash}; false if it was there. */
  boolean add(long[] hash) {
    long high = hash[0];
    long low = hash[1];
    int at = find(slots, high, low);
    if (slots[at] != 0) {
      return false;
    }
    slots[at] = high;
    slots[at + 1] = low;
    size++;
    if (4L * size > slots.length) {
      grow();
    }
    return true;
  }

  void addAll(RowKeySet other) {
    for (int i = 0; i < other.slots.length; i += 2) {
      if (other.slots[i] != 0) {
        add(new long[] {other.slots[i], other.slots[i + 1]});
      }
    }
  }

  private void grow() {
    long[] larger = new long[Math.multiplyExact(slots.length, 2)];
    for (int i = 0; i < slots.length; i += 2) {
      if (slots[i] != 0) {
        int at = find(larger, slots[i], slots[i + 1]);
        larger[at] = slots[i];
        larger[at + 1] = slots[i + 1];
      }
    }
    slots = larger;
  }

  private static int find(long[] slots, long high, long low) {
    int mask = slots.length - 1;
    int at = (int) (low << 1) & mask;
    while (slots[at] != 0 && (slots[at] != high || slots[at + 1] != low)) {
      at = (at + 2) & mask;
    }
    return at;
  }

  /** 128 bits of the key's SHA-256, but that the first word always has its lowest bit set: zero marks a free slot. */
  long[] hash(RowKey key) {
    byte[] prompt = key.promptId().getBytes(StandardCharsets.UTF_8);
    // The length in front keeps ("ab", "c") and ("a", "bc") apart.
    sha256.update(ByteBuffer.allocate(4).putInt(0, prompt.length));
    sha256.update(prompt);
    sha256.update(key.traceId().getBytes(StandardCharsets.UTF_8));
    ByteBuffer hash = ByteBuffer.wrap(sha256.digest());
    return new long[] {hash.getLong(0) | 1, hash.getLong(8)};
  }
}
