// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PrefixTreeTest {
  private static final int PAGES = 6;

  private final BlockPool pool = new BlockPool(PAGES);
  private final PrefixTree tree = new PrefixTree(pool, true);

  private static int[] context(int length, int seed) {
    return Script.prompt(new Random(seed), length);
  }

  /** A context of two pages that begins with the first page of another. */
  private static int[] besides(int[] other, int seed) {
    int[] out = context(128, seed);
    System.arraycopy(other, 0, out, 0, 64);
    return out;
  }

  /** Computes all full pages of a context; those of its prefix come from the tree. */
  private int[] hold(int[] context) {
    PrefixTree.Node prefix = tree.find(context, context.length);
    int[] pages = new int[context.length / 64];
    tree.take(prefix, pages);
    for (int i = prefix.depth; i < pages.length; i++) {
      pages[i] = pool.take();
    }
    tree.extend(prefix, context, context.length, pages);
    return pages;
  }

  private int cached(int[] context) {
    return tree.find(context, context.length).depth;
  }

  @Test
  void whatBeginsAlikeHasTheSamePages() {
    int[] a = context(190, 1);
    int[] b = besides(a, 2);
    int[] ofA = hold(a);
    int[] ofB = hold(b);
    assertEquals(2, ofA.length);
    assertEquals(ofA[0], ofB[0]);
    assertEquals(2, pool.references(ofA[0]));
    assertEquals(64, tree.hitTokens());
    assertEquals(PAGES - 3, pool.freePages());
    // As many whole pages as are asked for, and no more.
    assertEquals(1, tree.find(a, 127).depth);
    assertEquals(2, tree.find(a, 128).depth);
    assertEquals(0, tree.find(a, 63).depth);
    assertEquals(0, cached(context(128, 3)));
  }

  @Test
  void whatNobodyHoldsIsFreeAndStillThere() {
    int[] a = context(128, 1);
    int[] pages = hold(a);
    assertEquals(2, tree.held(tree.find(a, 128)));
    pool.release(pages, 2);
    assertEquals(PAGES, pool.freePages());
    assertEquals(0, tree.held(tree.find(a, 128)));
    assertArrayEquals(pages, hold(a));
    assertEquals(PAGES - 2, pool.freePages());
  }

  @Test
  void theOldestGoesFirstAndLeavesBeforeTheirPrefix() {
    int[] a = context(128, 1);
    int[] b = besides(a, 2);
    int[] c = context(128, 3);
    int[] ofA = hold(a);
    int[] ofC = hold(c);
    int[] ofB = hold(b);
    pool.release(ofA, 2);
    pool.release(ofC, 2);
    pool.release(ofB, 2);
    assertEquals(PAGES, pool.freePages());
    int[] order = new int[PAGES];
    Arrays.setAll(order, i -> pool.take());
    // One page was never used; then A's own, C's from its end, B's own, and last the one that A and B share.
    assertArrayEquals(new int[] {ofA[1], ofC[1], ofC[0], ofB[1], ofA[0]}, Arrays.copyOfRange(order, 1, PAGES));
    assertEquals(-1, pool.take());
    assertEquals(0, cached(a) + cached(b) + cached(c));
    assertNull(tree.place(ofA[0]));
  }

  @Test
  void pagesThatWereNeverUsedStaySoWhileManyAreIdle() {
    BlockPool large = new BlockPool(1600);
    PrefixTree kept = new PrefixTree(large, true);
    int reclaimed = 0;
    boolean[] used = new boolean[1600];
    for (int i = 0; i < 1000; i++) {
      int page = large.take();
      reclaimed += used[page] ? 1 : 0;
      used[page] = true;
      kept.extend(kept.root(), context(64, i), 64, new int[] {page});
      large.release(page);
      assertEquals(1600, large.freePages());
    }
    // An eighth of all is idle, and one that is taken in turn.
    assertEquals(1000 - 201, reclaimed);
    assertEquals(1, kept.find(context(64, 999), 64).depth);
    assertEquals(0, kept.find(context(64, 700), 64).depth);
    for (int i = 0; i < 1600; i++) {
      used[large.take()] = true;
    }
    assertEquals(-1, large.take());
    for (int page = 0; page < 1600; page++) {
      assertEquals(true, used[page]);
    }
  }

  @Test
  void whatIsHeldIsNotReclaimed() {
    int[] a = context(128, 1);
    int[] b = besides(a, 2);
    pool.release(hold(a), 2);
    hold(b);
    while (pool.take() >= 0) {
      // until nothing is left
    }
    assertEquals(1, cached(a));
    assertEquals(2, cached(b));
  }

  @Test
  void pagesComputedTwiceBecomeOne() {
    int[] a = context(128, 1);
    int[] first = {pool.take(), pool.take()};
    int[] second = {pool.take(), pool.take()};
    PrefixTree.Node ends = tree.extend(tree.root(), a, 128, first);
    assertSame(ends, tree.extend(tree.root(), a, 128, second));
    assertArrayEquals(first, second);
    assertEquals(2, pool.references(first[1]));
    assertEquals(PAGES - 2, pool.freePages());
  }

  @Test
  void equalHashesAreNotEqualTokens() {
    int[] a = context(64, 1);
    int[] b = a.clone();
    // The hash is a polynomial in 31.
    b[10] -= 1;
    b[11] += 31;
    hold(a);
    assertEquals(1, cached(a));
    assertEquals(0, cached(b));
    hold(b);
    assertEquals(1, cached(b));
  }

  @Test
  void aTreeThatIsOffKeepsNothing() {
    PrefixTree off = new PrefixTree(pool, false);
    int[] a = context(128, 1);
    int[] pages = {pool.take(), pool.take()};
    assertSame(off.root(), off.extend(off.root(), a, 128, pages));
    assertSame(off.root(), off.find(a, 128));
    pool.release(pages, 2);
    assertEquals(PAGES, pool.freePages());
    assertEquals(false, off.sameNext(off.root(), a, 128, a, 128));
  }

  @Test
  void pagesWithoutContentAreNeitherRetainedNorKept() {
    int page = pool.take();
    pool.release(page);
    assertThrows(IllegalStateException.class, () -> pool.retain(page));
    assertThrows(IllegalStateException.class, () -> pool.keep(page));
  }
}
