// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static io.winnow.kernels.KvCache.PAGE_TOKENS;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Full pages of the KV cache by the tokens that they and all pages before them were computed from. A path from the root
 * is a prefix of some context, so whoever begins with the same tokens takes its pages instead of computing them: keys
 * and values of a token depend on it and on what is before it alone.
 *
 * <p>Nobody holds a page of the tree without those above it (this is why {@link #extend} exchanges pages), and they are
 * released from the end ({@link BlockPool#release(int[], int)}). Hence of the idle pages the oldest is always a leaf.
 *
 * <p>What a finished sequence has generated is not kept: no other context of a job begins with it, and it would drive
 * out the prompts. What a preempted one has is kept, because it comes back.
 */
final class PrefixTree {
  /** A page's place in the tree. */
  static final class Node {
    final Node parent;
    final int page;
    /** Pages from the root to here. */
    final int depth;
    private final Content content;
    private final Map<Content, Node> children = new HashMap<>(4);

    private Node(Node parent, Content content, int page) {
      this.parent = parent;
      this.content = content;
      this.page = page;
      this.depth = parent == null ? 0 : parent.depth + 1;
    }
  }

  /** Tokens of one page, where they lie. */
  private static final class Content {
    private final int[] tokens;
    private final int from;
    private final int hash;

    Content(int[] tokens, int from) {
      this.tokens = tokens;
      this.from = from;
      int h = 1;
      for (int i = from; i < from + PAGE_TOKENS; i++) {
        h = 31 * h + tokens[i];
      }
      // Spread, because a map of few buckets looks at the low bits alone.
      this.hash = h * 0x9E3779B9;
    }

    Content copy() {
      return new Content(Arrays.copyOfRange(tokens, from, from + PAGE_TOKENS), 0);
    }

    @Override
    public boolean equals(Object o) {
      return o instanceof Content c && hash == c.hash && same(tokens, from, c.tokens, c.from);
    }

    @Override
    public int hashCode() {
      return hash;
    }
  }

  private final BlockPool pool;
  private final boolean on;
  private final Node root = new Node(null, null, -1);
  private final Node[] ofPage;
  private long hitTokens;

  /** @param on whether anything is kept; if not, the tree is empty for ever */
  PrefixTree(BlockPool pool, boolean on) {
    this.pool = pool;
    this.on = on;
    this.ofPage = new Node[pool.pages()];
    pool.whenReclaimed(this::forget);
  }

  private static boolean same(int[] a, int fromA, int[] b, int fromB) {
    return Arrays.equals(a, fromA, fromA + PAGE_TOKENS, b, fromB, fromB + PAGE_TOKENS);
  }

  Node root() {
    return root;
  }

  /** Tokens that were not computed because {@link #take} had them. */
  long hitTokens() {
    return hitTokens;
  }

  /** Where the longest run of whole pages ends that the context begins with, not beyond {@code most} tokens. */
  Node find(int[] context, int most) {
    Node node = root;
    while (!node.children.isEmpty() && (node.depth + 1) * PAGE_TOKENS <= most) {
      Node child = node.children.get(new Content(context, node.depth * PAGE_TOKENS));
      if (child == null) {
        break;
      }
      node = child;
    }
    return node;
  }

  /** Pages from the root to there that somebody holds: to take them makes no free page less. */
  int held(Node node) {
    Node n = node;
    while (n != root && pool.references(n.page) == 0) {
      n = n.parent;
    }
    return n.depth;
  }

  /** Takes a reference on each page from the root to there, into {@code pages}. */
  void take(Node node, int[] pages) {
    hitTokens += (long) node.depth * PAGE_TOKENS;
    for (Node n = node; n != root; n = n.parent) {
      pool.retain(n.page);
      pages[n.depth - 1] = n.page;
    }
  }

  /**
   * Keeps the pages of a context that have become full. Where the tree has a page of the same content already, that one
   * takes the place in {@code pages}, and the other is released.
   *
   * @param from where its pages before end
   * @param computed tokens of it that are in {@code pages}
   * @return where they end now
   */
  Node extend(Node from, int[] context, int computed, int[] pages) {
    Node node = from;
    while (on && (node.depth + 1) * PAGE_TOKENS <= computed) {
      Content content = new Content(context, node.depth * PAGE_TOKENS);
      int page = pages[node.depth];
      Node child = node.children.get(content);
      if (child == null) {
        child = new Node(node, content.copy(), page);
        node.children.put(child.content, child);
        ofPage[page] = child;
        pool.keep(page);
      } else if (child.page != page) {
        pool.retain(child.page);
        pool.release(page);
        pages[node.depth] = child.page;
      }
      node = child;
    }
    return node;
  }

  /** Whether both contexts have the same tokens in the page behind {@code node}, as far as both use it whole. */
  boolean sameNext(Node node, int[] a, int usesOfA, int[] b, int usesOfB) {
    int from = node.depth * PAGE_TOKENS;
    int to = from + PAGE_TOKENS;
    return on && to <= usesOfA && to <= usesOfB && same(a, from, b, from);
  }

  /** The page is taken for something else. */
  void forget(int page) {
    Node node = ofPage[page];
    if (!node.children.isEmpty()) {
      throw new IllegalStateException("page " + page + " is reclaimed before those behind it");
    }
    ofPage[page] = null;
    node.parent.children.remove(node.content);
  }

  /** The place of a page; null when it is in no place. */
  Node place(int page) {
    return ofPage[page];
  }
}
