// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.curate;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Finds what texts share with the rows of an index. For one thread. */
public final class OverlapSearch {
  private final NgramIndex index;
  private final Ngrams grams;

  /** A stretch of n-grams in a row, and the longest one before it. */
  private static final class Stretch {
    int first;
    int last;
    int bestFirst;
    int bestLast = -1;

    Stretch(int gram) {
      first = gram;
      last = gram;
    }

    void add(int gram) {
      if (gram == last + 1) {
        last = gram;
      } else if (gram > last) {
        end();
        first = gram;
        last = gram;
      }
    }

    void end() {
      if (last - first > bestLast - bestFirst || bestLast < 0) {
        bestFirst = first;
        bestLast = last;
      }
    }
  }

  /** What a row shares, with the words that it takes, to compare texts of one column. */
  private record Found(Overlap overlap, int words) {}

  public OverlapSearch(NgramIndex index) {
    this.index = index;
    this.grams = index.reader();
  }

  /**
   * What texts that belong together share with the index.
   *
   * @param texts as they are; null ones share nothing
   * @return an overlap for each row of a benchmark, by benchmark and row; that of the longest span of all texts, the
   *     first
   *     such one
   */
  public List<Overlap> find(List<String> texts) {
    Map<RowOf, Found> found = new TreeMap<>();
    for (String text : texts) {
      if (text != null) {
        search(text, found);
      }
    }
    return found.values().stream().map(Found::overlap).toList();
  }

  private record RowOf(int benchmark, long row) implements Comparable<RowOf> {
    @Override
    public int compareTo(RowOf other) {
      int order = Integer.compare(benchmark, other.benchmark);
      return order != 0 ? order : Long.compare(row, other.row);
    }
  }

  private void search(String text, Map<RowOf, Found> found) {
    String words = index.wording().words(text);
    String masked = index.wording().masked(words);
    grams.read(masked, false);
    boolean whole = grams.wordCount() < index.n();
    if (whole) {
      if (index.wording() != Wording.STRICT || words.isEmpty()) {
        return;
      }
      masked = words;
      grams.read(words, true);
    }
    Map<RowOf, Stretch> stretches = null;
    for (int g = 0; g < grams.count(); g++) {
      int link = index.find(grams.hash(g), masked, grams.from(g), grams.to(g));
      if (link < 0) {
        continue;
      }
      if (stretches == null) {
        stretches = new TreeMap<>();
      }
      for (; link >= 0; link = index.next(link)) {
        int source = index.text(link);
        RowOf row = new RowOf(index.benchmark(source), index.row(source));
        Stretch stretch = stretches.get(row);
        if (stretch == null) {
          stretches.put(row, new Stretch(g));
        } else {
          stretch.add(g);
        }
      }
    }
    if (stretches != null) {
      String all = masked;
      stretches.forEach((row, stretch) -> keep(row, stretch, all, whole, found));
    }
  }

  private void keep(RowOf row, Stretch stretch, String words, boolean whole, Map<RowOf, Found> found) {
    stretch.end();
    int length = whole ? grams.wordCount() : stretch.bestLast - stretch.bestFirst + index.n();
    Found before = found.get(row);
    if (before == null || length > before.words()) {
      String span = words.substring(grams.from(stretch.bestFirst), grams.to(stretch.bestLast));
      found.put(row, new Found(new Overlap(row.benchmark(), row.row(), span, whole), length));
    }
  }
}
