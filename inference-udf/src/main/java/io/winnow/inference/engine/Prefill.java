// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import java.util.List;

/**
 * Tokens to be computed once for all {@code members}: a prompt with its samples, or one preempted sequence's context.
 */
final class Prefill {
  final int[] context;
  final List<Sequence> members;
  /** Empty until admitted; then pages for the whole context. */
  int[] pages = new int[0];
  /** One page a member but the first, taken at admission, for their copies of the last, partly filled page. */
  int[] copies = new int[0];
  /** Where its full pages end in the tree of prefixes; null until admitted. */
  PrefixTree.Node prefix;
  int computed;
  /** Tokens of it in the step under way. */
  int scheduled;
  long admission;
  /** How often others that came later were admitted before it. */
  int passed;

  Prefill(int[] context, List<Sequence> members) {
    this.context = context;
    this.members = members;
  }

  /** What is wanted of the prompt's own tokens; all members belong to one request. */
  PromptScores scores() {
    return members.get(0).request.scores;
  }

  /** Some of the members, as a group that has waited as long. */
  Prefill part(int from, int to) {
    Prefill part = new Prefill(context, members.subList(from, to));
    part.passed = passed;
    return part;
  }

  EngineSession session() {
    return members.get(0).request.session;
  }

  int remaining() {
    return context.length - computed;
  }

  /**
   * Tokens of the context whose keys and values may come from others: those before the first position whose logits are
   * needed, which is the last one's where nothing is asked of the prompt's own tokens.
   */
  int reusable() {
    return scores().incomplete() ? scores().firstLogitPosition() : context.length - 1;
  }
}
