// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import java.util.Arrays;
import java.util.function.IntConsumer;

/**
 * The pages of a KV cache, each with a count of those that hold it. A page that is kept for its content and that nobody
 * holds is idle: it counts as free, and the one that is idle for the longest time is taken when nothing else is left. Of
 * pages that were never used the system has not given the memory yet, so they stay as they are while many are idle. Not
 * thread-safe.
 */
final class BlockPool {
  private static final int NONE = -1;
  /** So many pages may be idle at least, and this part of all, before one of them is taken for an unused one. */
  private static final int FEW_IDLE = 64;
  private static final int IDLE_PART = 8;

  private final int[] references;
  private final int[] free;
  private int freeCount;
  /** Pages that were never taken: the first of {@code free}. */
  private int unused;
  private final boolean[] kept;
  /** Idle pages as a doubly linked list, the oldest first; its ends are at the index behind the last page. */
  private final int[] next;
  private final int[] previous;
  private int idleCount;
  private IntConsumer whenReclaimed = page -> {};

  BlockPool(int pages) {
    references = new int[pages];
    free = new int[pages];
    for (int i = 0; i < pages; i++) {
      free[i] = pages - 1 - i;
    }
    freeCount = pages;
    unused = pages;
    kept = new boolean[pages];
    next = new int[pages + 1];
    previous = new int[pages + 1];
    Arrays.fill(next, NONE);
    next[pages] = pages;
    previous[pages] = pages;
  }

  /** Calls {@code reclaimed} whenever a kept page loses its content because the room is needed. */
  void whenReclaimed(IntConsumer reclaimed) {
    whenReclaimed = reclaimed;
  }

  int pages() {
    return references.length;
  }

  /** Pages that {@link #take} can give: those without content and the idle ones. */
  int freePages() {
    return freeCount + idleCount;
  }

  /** Takes a page with one reference; −1 when none is free. */
  int take() {
    if (freePages() == 0) {
      return NONE;
    }
    if (freeCount == 0 || freeCount == unused && idleCount > Math.max(FEW_IDLE, pages() / IDLE_PART)) {
      int oldest = next[pages()];
      unlink(oldest);
      kept[oldest] = false;
      free[freeCount++] = oldest;
      whenReclaimed.accept(oldest);
    }
    int page = free[--freeCount];
    unused = Math.min(unused, freeCount);
    references[page] = 1;
    return page;
  }

  /** Keeps the content of a page that somebody holds beyond its last release. */
  void keep(int page) {
    if (references[page] <= 0) {
      throw new IllegalStateException("page " + page + " is kept, but nobody holds it");
    }
    kept[page] = true;
  }

  void retain(int page) {
    if (references[page] == 0) {
      if (!kept[page]) {
        throw new IllegalStateException("page " + page + " is retained, but it has no content");
      }
      unlink(page);
    }
    references[page]++;
  }

  void release(int page) {
    if (references[page] <= 0) {
      throw new IllegalStateException("page " + page + " is released more often than it was taken");
    }
    if (--references[page] > 0) {
      return;
    }
    if (kept[page]) {
      int end = pages();
      int last = previous[end];
      next[last] = page;
      previous[page] = last;
      next[page] = end;
      previous[end] = page;
      idleCount++;
    } else {
      free[freeCount++] = page;
    }
  }

  /**
   * Releases the first {@code count} pages of a sequence, the last one first: so of idle pages those behind a prefix
   * are older than the prefix, and it goes after them.
   */
  void release(int[] pages, int count) {
    for (int i = count - 1; i >= 0; i--) {
      release(pages[i]);
    }
  }

  private void unlink(int page) {
    next[previous[page]] = next[page];
    previous[next[page]] = previous[page];
    next[page] = NONE;
    idleCount--;
  }

  int references(int page) {
    return references[page];
  }

  /** Whether the page's content outlives its last release. */
  boolean kept(int page) {
    return kept[page];
  }
}
