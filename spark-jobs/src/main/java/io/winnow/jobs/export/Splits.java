// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import java.io.Serializable;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Assigns prompts to splits by a hash of their ids: no state, the same on every machine and in every export. */
public final class Splits implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final BigDecimal WHOLE = new BigDecimal(BigInteger.ONE.shiftLeft(64));

  private final ArrayList<String> names = new ArrayList<>();
  /** Behind each split but the last: the first hash that is not in it, unsigned. */
  private final ArrayList<Long> ends = new ArrayList<>();
  private final String salt;

  /**
   * Splits.
   *
   * @param shares of each, adding up to 1, in order
   * @param salt goes into the hash
   */
  public Splits(Map<String, BigDecimal> shares, String salt) {
    this.salt = salt;
    BigDecimal sum = BigDecimal.ZERO;
    for (Map.Entry<String, BigDecimal> share : shares.entrySet()) {
      names.add(share.getKey());
      sum = sum.add(share.getValue());
      ends.add(sum.multiply(WHOLE).toBigInteger().longValue());
    }
    ends.remove(ends.size() - 1);
  }

  /** Their names, in order. */
  public List<String> names() {
    return List.copyOf(names);
  }

  /** The place of a prompt's split among {@link #names}. */
  public int of(String promptId) {
    if (ends.isEmpty()) {
      return 0;
    }
    long hash = hash(promptId);
    int split = 0;
    while (split < ends.size() && Long.compareUnsigned(hash, ends.get(split)) >= 0) {
      split++;
    }
    return split;
  }

  private long hash(String promptId) {
    MessageDigest sha = sha256();
    sha.update(salt.getBytes(StandardCharsets.UTF_8));
    sha.update((byte) 0);
    return first(sha.digest(promptId.getBytes(StandardCharsets.UTF_8)));
  }

  /** The first eight bytes, as a number of 64 bits. */
  public static long first(byte[] digest) {
    long out = 0;
    for (int i = 0; i < Long.BYTES; i++) {
      out = out << 8 | digest[i] & 0xFF;
    }
    return out;
  }

  /** What splits, ids and rows of an export are hashed by. */
  public static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-256.", e);
    }
  }
}
