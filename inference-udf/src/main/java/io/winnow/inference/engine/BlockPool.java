// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

/** The pages of a KV cache, each with a count of the sequences that hold it. Not thread-safe. */
final class BlockPool {
  private final int[] references;
  private final int[] free;
  private int freeCount;

  BlockPool(int pages) {
    references = new int[pages];
    free = new int[pages];
    for (int i = 0; i < pages; i++) {
      free[i] = pages - 1 - i;
    }
    freeCount = pages;
  }

  int pages() {
    return references.length;
  }

  int freePages() {
    return freeCount;
  }

  /** Takes a page with one reference; −1 when none is free. */
  int take() {
    if (freeCount == 0) {
      return -1;
    }
    int page = free[--freeCount];
    references[page] = 1;
    return page;
  }

  void retain(int page) {
    references[page]++;
  }

  void release(int page) {
    if (references[page] <= 0) {
      throw new IllegalStateException("page " + page + " is released more often than it was taken");
    }
    if (--references[page] == 0) {
      free[freeCount++] = page;
    }
  }

  int references(int page) {
    return references[page];
  }
}
