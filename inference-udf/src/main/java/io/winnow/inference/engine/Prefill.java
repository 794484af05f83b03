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
  int computed;
  /** Tokens of it in the step under way. */
  int scheduled;
  long admission;

  Prefill(int[] context, List<Sequence> members) {
    this.context = context;
    this.members = members;
  }

  /** What is wanted of the prompt's own tokens; all members belong to one request. */
  PromptScores scores() {
    return members.get(0).request.scores;
  }

  /**
   * The first position of the context whose logits are needed: whoever lets the computation begin behind the context's
   * start, with pages that somebody else has filled, begins here or before.
   */
  int firstLogitPosition() {
    return scores().incomplete() ? scores().firstLogitPosition() : context.length - 1;
  }

  int remaining() {
    return context.length - computed;
  }
}
