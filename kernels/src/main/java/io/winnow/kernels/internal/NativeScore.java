// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.ScoreArgs;

/** Tokens to score as the struct wk_score, and what comes of them. Its memory grows to the most rows, and stays. */
final class NativeScore implements AutoCloseable {
  /** sizeof(wk_score); the library is asked whether it agrees. */
  static final int STRUCT_BYTES = 48;

  private static final int ROWS = 40;
  private static final int VOCAB = 44;
  /** The struct, up to a multiple of 64. */
  private static final int HEAD_BYTES = 64;

  /** The struct; behind it sums of 8 bytes, then largest logits, the tokens' logits and tokens of 4. */
  private NativeBuffer memory;
  private int capacity;

  /** Copies arguments, which it checks, and returns the struct's address. */
  long fill(ScoreArgs args) {
    Score.check(args);
    if (memory == null || args.rows() > capacity) {
      close();
      capacity = Math.max(16, args.rows() + args.rows() / 2);
      memory = NativeBuffer.allocate(HEAD_BYTES + 20L * capacity);
      for (int column = 0; column < 4; column++) {
        Raw.putLong(memory.address() + 8 + 8L * column, column(column));
      }
    }
    Raw.putLong(memory.address(), args.logits().address());
    Raw.putInt(memory.address() + ROWS, args.rows());
    Raw.putInt(memory.address() + VOCAB, args.vocab());
    Raw.write(column(3), args.token(), args.first(), args.rows());
    return memory.address();
  }

  /** Sums, largest logits, the tokens' logits, tokens. */
  private long column(int column) {
    return memory.address() + HEAD_BYTES + (column == 0 ? 0 : 8L * capacity + 4L * capacity * (column - 1));
  }

  /** Gives the arguments their log-probabilities. */
  void take(ScoreArgs args) {
    for (int r = 0; r < args.rows(); r++) {
      long sum = Raw.longAt(column(0) + 8L * r);
      args.logprob()[args.first() + r] =
          sum == 0
              ? Float.NaN
              : Sample.logprob(Raw.floatAt(column(2) + 4L * r), Raw.floatAt(column(1) + 4L * r), Sample.logOfSum(sum));
    }
  }

  @Override
  public void close() {
    if (memory != null) {
      memory.close();
      memory = null;
    }
  }
}
