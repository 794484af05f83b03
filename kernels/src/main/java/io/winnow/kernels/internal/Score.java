// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.ScoreArgs;
import java.util.Objects;

/** Log-probabilities of given tokens, by the same sums as {@link Sample}. */
final class Score {
  /** Sums of more tokens could overflow. */
  private static final int MAX_VOCAB = 1 << 22;

  private final ThreadLocal<float[]> scratch = ThreadLocal.withInitial(() -> new float[0]);
  private final ThreadTeam team;

  Score(ThreadTeam team) {
    this.team = team;
  }

  /** Throws where the arrays or the logits are too short, or a token is none. */
  static void check(ScoreArgs args) {
    if (args.rows() < 0 || args.vocab() < 1 || args.vocab() > MAX_VOCAB) {
      throw new IllegalArgumentException(args.rows() + " rows of " + args.vocab() + " logits cannot be scored");
    }
    if ((long) args.rows() * args.vocab() > args.logits().sizeBytes() / 4) {
      throw new IndexOutOfBoundsException(
          args.rows() + " rows of " + args.vocab() + " logits in a buffer of " + args.logits().sizeBytes() + " bytes");
    }
    Objects.checkFromIndexSize(args.first(), args.rows(), args.token().length);
    Objects.checkFromIndexSize(args.first(), args.rows(), args.logprob().length);
    for (int r = 0; r < args.rows(); r++) {
      Objects.checkIndex(args.token()[args.first() + r], args.vocab());
    }
  }

  void run(ScoreArgs args) {
    check(args);
    team.run(args.rows(), row -> score(args, row));
  }

  private void score(ScoreArgs args, int row) {
    int vocab = args.vocab();
    if (scratch.get().length < vocab) {
      scratch.set(new float[vocab]);
    }
    float[] logits = scratch.get();
    args.logits().read((long) row * vocab, logits, 0, vocab);
    int at = args.first() + row;
    if (!Sample.allFinite(logits, vocab)) {
      args.logprob()[at] = Float.NaN;
      return;
    }
    float max = logits[Sample.largest(logits, vocab)];
    args.logprob()[at] = Sample.logprob(logits[args.token()[at]], max, Sample.logSum(logits, vocab, max));
  }
}
