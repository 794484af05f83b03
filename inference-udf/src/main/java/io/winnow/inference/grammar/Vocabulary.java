// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import io.winnow.inference.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * The tokens that an answer may be made of, as a tree of their bytes: every token but those that steer the model or add
 * nothing to a text. Immutable.
 */
final class Vocabulary {
  private static final byte[] NOTHING = {};
  private static final int ASKED = 200;

  private final int size;
  private final int[] ends;
  private final Tree tree;
  private final Tree firstTree;

  /**
   * Tokens in the order of their bytes. Node n has the byte {@code edge[n]} at {@code depth[n]}; its first child is
   * n + 1, what does not begin as it does comes from {@code behind[n]} on, and the tokens that end with it are those
   * from {@code from[n]} to {@code from[n + 1]}.
   */
  record Tree(int[] ids, byte[][] bytes, byte[] edge, int[] depth, int[] behind, int[] from, int deepest) {}

  /**
   * Reads a tokenizer.
   *
   * @param size tokens that the model has logits for
   * @param ends the model's end-of-sequence tokens; those that it has no logit for count for nothing
   */
  Vocabulary(Tokenizer tokenizer, int size, Set<Integer> ends) {
    this.size = size;
    this.ends = ends.stream().filter(id -> id >= 0 && id < size).mapToInt(id -> id).sorted().toArray();
    int known = Math.min(size, tokenizer.vocabSize());
    byte[][] bytes = new byte[known][];
    int asked = 0;
    boolean differ = false;
    for (int id = 0; id < known; id++) {
      bytes[id] = isText(tokenizer, id, ends) ? tokenizer.tokenBytes(id) : NOTHING;
      // A tokenizer drops the first space of all tokens or of none, and to ask it takes its time.
      if (!differ && asked < ASKED && bytes[id].length > 0 && bytes[id][0] == ' ') {
        asked++;
        differ = tokenizer.firstBytes(id).length != bytes[id].length;
      }
    }
    byte[][] first = bytes.clone();
    for (int id = 0; id < known && differ; id++) {
      if (bytes[id].length > 0) {
        first[id] = tokenizer.firstBytes(id);
      }
    }
    tree = tree(bytes);
    firstTree = differ ? tree(first) : tree;
  }

  private static boolean isText(Tokenizer tokenizer, int id, Set<Integer> ends) {
    return !tokenizer.isControl(id) && !ends.contains(id);
  }

  /** Tokens that the model has logits for. */
  int size() {
    return size;
  }

  /** End-of-sequence tokens, ascending. */
  int[] ends() {
    return ends;
  }

  /** Whether a token adds other bytes at the beginning of a text than within it. */
  boolean beginsOtherwise() {
    return firstTree != tree;
  }

  /** The bytes of a token of an answer; empty for one that no answer holds. */
  byte[] bytes(int id, boolean first) {
    byte[][] all = (first ? firstTree : tree).bytes;
    return id >= 0 && id < all.length ? all[id] : NOTHING;
  }

  /** Bytes of the longest token. */
  int longest() {
    return Math.max(tree.deepest, firstTree.deepest);
  }

  /** The tokens; those at the beginning of a text. */
  Tree tree(boolean first) {
    return first ? firstTree : tree;
  }

  private static Tree tree(byte[][] bytes) {
    List<Integer> order = new ArrayList<>();
    for (int id = 0; id < bytes.length; id++) {
      if (bytes[id].length > 0) {
        order.add(id);
      }
    }
    order.sort((a, b) -> Arrays.compareUnsigned(bytes[a], bytes[b]));
    int[] ids = order.stream().mapToInt(id -> id).toArray();
    int nodes = 0;
    for (int i = 0; i < ids.length; i++) {
      nodes += bytes[ids[i]].length - shared(bytes, ids, i);
    }
    byte[] edge = new byte[nodes];
    int[] depth = new int[nodes];
    int[] behind = new int[nodes];
    int[] from = new int[nodes + 1];
    int deepest = 0;
    for (int id : ids) {
      deepest = Math.max(deepest, bytes[id].length);
    }
    int[] open = new int[deepest];
    int openCount = 0;
    int n = 0;
    for (int i = 0; i < ids.length; i++) {
      byte[] token = bytes[ids[i]];
      int common = shared(bytes, ids, i);
      while (openCount > common) {
        behind[open[--openCount]] = n;
      }
      for (int d = common; d < token.length; d++) {
        edge[n] = token[d];
        depth[n] = d;
        // Tokens before this one in the order end before this node.
        from[n] = i;
        open[openCount++] = n++;
      }
    }
    while (openCount > 0) {
      behind[open[--openCount]] = n;
    }
    from[n] = ids.length;
    return new Tree(ids, bytes, edge, depth, behind, from, deepest);
  }

  /** Bytes that the token at a place of the order has in common with the one before it. */
  private static int shared(byte[][] bytes, int[] ids, int place) {
    if (place == 0) {
      return 0;
    }
    int difference = Arrays.mismatch(bytes[ids[place - 1]], bytes[ids[place]]);
    return difference < 0 ? bytes[ids[place]].length : difference;
  }
}
