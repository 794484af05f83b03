// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.curate;

import java.io.Serializable;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * The n-grams of benchmarks. Immutable; any number of threads may search it.
 *
 * <p>Each distinct n-gram lies once in a table with open addressing, as its hash and a place in the words of a row that
 * has it; equal hashes with other letters take the next place. A chain of rows hangs on each. In front is a bitmap of
 * sixteen bits an n-gram, which a processor's cache holds and which most lookups end at.
 */
public final class NgramIndex implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final int FREE = -1;
  private static final int BITS_EACH = 16;

  /**
   * A row of a benchmark with its words.
   *
   * @param benchmark place of the benchmark, from 0
   * @param row of it, from 0
   * @param words of one of its texts, as {@link Wording#words} gives them
   */
  public record Source(int benchmark, long row, String words) implements Serializable {}

  private final Wording wording;
  private final int n;
  private final long hashBits;
  /** What n-grams are compared with: words of n-grams, or whole short texts. */
  private final String[] texts;
  private final boolean[] whole;
  private final int[] benchmarks;
  private final long[] rows;

  private final long[] seen;
  private final long[] hashes;
  /** By place in the table: the text and where in it the n-gram begins, and the first of its chain. */
  private final int[] textOf;
  private final int[] fromOf;
  private final int[] chainOf;
  /** By link: the text, whose row has the n-gram, and the next link. */
  private int[] linkText = new int[16];
  private int[] linkNext = new int[16];
  private int links;
  private int distinct;

  /**
   * Makes an index.
   *
   * @param n words of an n-gram
   * @param sources in any order
   */
  public NgramIndex(Wording wording, int n, List<Source> sources) {
    this(wording, n, sources, -1);
  }

  NgramIndex(Wording wording, int n, List<Source> sources, long hashBits) {
    this.wording = wording;
    this.n = n;
    this.hashBits = hashBits;
    List<Source> sorted =
        sources.stream()
            .sorted(
                Comparator.comparingInt(Source::benchmark).thenComparingLong(Source::row)
                    .thenComparing(Source::words))
            .toList();
    texts = new String[sorted.size()];
    whole = new boolean[texts.length];
    benchmarks = new int[texts.length];
    rows = new long[texts.length];
    long grams = 0;
    for (int i = 0; i < texts.length; i++) {
      Source source = sorted.get(i);
      String masked = wording.masked(source.words());
      int count = Wording.count(masked);
      whole[i] = count < n;
      texts[i] = count >= n ? masked : wording == Wording.STRICT ? source.words() : "";
      benchmarks[i] = source.benchmark();
      rows[i] = source.row();
      grams += Math.max(count - n + 1, 1);
    }
    if (grams > 1 << 28) {
      throw new IllegalArgumentException("Too many n-grams for an index: " + grams);
    }
    int places = Integer.highestOneBit((int) Math.max(8, grams * 2)) << 1;
    hashes = new long[places];
    textOf = new int[places];
    fromOf = new int[places];
    chainOf = new int[places];
    Arrays.fill(textOf, FREE);
    seen = new long[Math.max(1, Integer.highestOneBit((int) Math.max(8, grams)) / (Long.SIZE / BITS_EACH)) * 2];
    // The last first, so that the first of a row's chain is the lowest.
    for (int i = texts.length - 1; i >= 0; i--) {
      add(i);
    }
  }

  private void add(int text) {
    String words = texts[text];
    if (words.isEmpty()) {
      return;
    }
    Ngrams grams = reader();
    grams.read(words, whole[text]);
    for (int g = 0; g < grams.count(); g++) {
      int place = place(grams.hash(g), words, grams.from(g), grams.to(g));
      if (textOf[place] == FREE) {
        hashes[place] = grams.hash(g);
        textOf[place] = text;
        fromOf[place] = grams.from(g);
        chainOf[place] = FREE;
        int bit = bit(grams.hash(g));
        seen[bit >>> 6] |= 1L << bit;
        distinct++;
      }
      int first = chainOf[place];
      if (first == FREE || linkText[first] != text) {
        if (links == linkText.length) {
          linkText = Arrays.copyOf(linkText, links * 2);
          linkNext = Arrays.copyOf(linkNext, links * 2);
        }
        linkText[links] = text;
        linkNext[links] = first;
        chainOf[place] = links++;
      }
    }
  }

  private int bit(long hash) {
    return (int) (hash >>> 32) & (seen.length * Long.SIZE - 1);
  }

  /** Where an n-gram lies, or the free place where it would. */
  private int place(long hash, String words, int from, int to) {
    int mask = hashes.length - 1;
    int place = (int) hash & mask;
    while (textOf[place] != FREE && !(hashes[place] == hash && equal(place, words, from, to))) {
      place = place + 1 & mask;
    }
    return place;
  }

  private boolean equal(int place, String words, int from, int to) {
    String text = texts[textOf[place]];
    int end = fromOf[place] + to - from;
    return text.regionMatches(fromOf[place], words, from, to - from)
        && (end == text.length() || text.charAt(end) == ' ');
  }

  /** The first link of the rows that have an n-gram, −1 for none. */
  int find(long hash, String words, int from, int to) {
    int bit = bit(hash);
    if ((seen[bit >>> 6] & 1L << bit) == 0) {
      return FREE;
    }
    int place = place(hash, words, from, to);
    return textOf[place] == FREE ? FREE : chainOf[place];
  }

  /** The next link; −1 at the end. */
  int next(int link) {
    return linkNext[link];
  }

  /** The text of a link: texts ascend with benchmarks and rows. */
  int text(int link) {
    return linkText[link];
  }

  int benchmark(int text) {
    return benchmarks[text];
  }

  long row(int text) {
    return rows[text];
  }

  /** Reads n-grams as the index did. */
  Ngrams reader() {
    return new Ngrams(n, hashBits);
  }

  Wording wording() {
    return wording;
  }

  int n() {
    return n;
  }

  /** Distinct n-grams, whole short texts among them. */
  public int size() {
    return distinct;
  }
}
