// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.SampleArgs;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * The arguments of a draw as the struct wk_sample, and its results. Raw memory has no bounds of its own, so all are
 * looked at here. Its memory grows to the most rows and the most seen and biased tokens, and stays.
 */
final class NativeSample implements AutoCloseable {
  /** sizeof(wk_sample); the library is asked whether it agrees. */
  static final int STRUCT_BYTES = 224;

  private static final int LOGITS = 0;
  private static final int SEEN = 8;
  private static final int TIMES = 16;
  private static final int BIASED = 24;
  private static final int BIAS = 32;
  private static final int MASKS = 40;
  private static final int COLUMNS = 48;
  private static final int ROWS = 216;
  private static final int VOCAB = 220;
  /** The struct, up to a multiple of 64. */
  private static final int HEAD_BYTES = 256;
  /** Sums of weights of more tokens could overflow. */
  private static final int MAX_VOCAB = 1 << 22;

  /** The arrays with an element a row, in the order of the struct; those of 8 bytes come first. */
  private enum Column {
    SEEN_START, BIAS_START, MASK_START, SEED, STREAM, TOP_P, RAW_SUM,
    TEMPERATURE, MIN_P, PENALTY, FREQUENCY, PRESENCE, RAW_MAX, RAW_TOKEN,
    TOP_K, SEEN_COUNT, BIAS_COUNT, SAMPLE, POSITION, WANT_LOGPROB, TOKEN;

    int bytes() {
      return ordinal() <= RAW_SUM.ordinal() ? 8 : 4;
    }
  }

  private static final Column[] ALL = Column.values();

  /** The struct, and behind it the columns for {@link #capacity} rows. */
  private NativeBuffer memory;
  private int capacity;
  private final long[] column = new long[ALL.length];
  private NativeBuffer seen;
  private NativeBuffer times;
  private NativeBuffer biased;
  private NativeBuffer bias;
  private NativeBuffer masks;

  /**
   * Copies arguments and returns the struct's address.
   *
   * @throws IndexOutOfBoundsException where an array or the logits are too short, or a seen or biased token is no token
   */
  long fill(SampleArgs args) {
    check(args);
    int rows = args.rows();
    fit(rows);
    long allSeen = 0;
    long allBiased = 0;
    for (int r = 0; r < rows; r++) {
      allSeen += args.penalised(r);
      allBiased += args.biasCount()[r];
    }
    seen = grown(seen, allSeen);
    times = grown(times, allSeen);
    biased = grown(biased, allBiased);
    bias = grown(bias, allBiased);
    putMasks(args);
    long at = memory.address();
    Raw.putLong(at + LOGITS, args.logits().address());
    Raw.putLong(at + SEEN, seen.address());
    Raw.putLong(at + TIMES, times.address());
    Raw.putLong(at + BIASED, biased.address());
    Raw.putLong(at + BIAS, bias.address());
    Raw.putLong(at + MASKS, masks.address());
    Raw.putInt(at + ROWS, rows);
    Raw.putInt(at + VOCAB, args.vocab());
    put(Column.TEMPERATURE, args.temperature(), rows);
    put(Column.MIN_P, args.minP(), rows);
    put(Column.PENALTY, args.repetitionPenalty(), rows);
    put(Column.FREQUENCY, args.frequencyPenalty(), rows);
    put(Column.PRESENCE, args.presencePenalty(), rows);
    put(Column.TOP_K, args.topK(), rows);
    put(Column.BIAS_COUNT, args.biasCount(), rows);
    put(Column.SAMPLE, args.sample(), rows);
    put(Column.POSITION, args.position(), rows);
    long start = 0;
    long biasStart = 0;
    for (int r = 0; r < rows; r++) {
      int count = args.penalised(r);
      if (count > 0) {
        seen.write(start, args.seen()[r], 0, count);
        if (args.counts(r)) {
          times.write(start, args.times()[r], 0, count);
        }
      }
      int biases = args.biasCount()[r];
      if (biases > 0) {
        biased.write(biasStart, args.biased()[r], 0, biases);
        bias.write(biasStart, args.bias()[r], 0, biases);
      }
      Raw.putLong(of(Column.SEEN_START, r), start);
      Raw.putLong(of(Column.BIAS_START, r), biasStart);
      Raw.putInt(of(Column.SEEN_COUNT, r), count);
      Raw.putLong(of(Column.SEED, r), args.seed()[r]);
      Raw.putLong(of(Column.STREAM, r), args.stream()[r]);
      Raw.putLong(of(Column.TOP_P, r), Double.doubleToRawLongBits(args.topP()[r]));
      Raw.putInt(of(Column.WANT_LOGPROB, r), args.wantLogprob()[r] ? 1 : 0);
      start += count;
      biasStart += biases;
    }
    return at;
  }

  /** Each mask once, because rows in the same state have the same array. */
  private void putMasks(SampleArgs args) {
    int words = words(args.vocab());
    Map<int[], Integer> places = new IdentityHashMap<>();
    for (int r = 0; r < args.rows(); r++) {
      if (args.maskOf(r) != null) {
        places.putIfAbsent(args.maskOf(r), places.size());
      }
    }
    masks = grown(masks, (long) places.size() * words);
    places.forEach((mask, place) -> masks.write((long) place * words, mask, 0, words));
    for (int r = 0; r < args.rows(); r++) {
      int[] mask = args.maskOf(r);
      Raw.putLong(of(Column.MASK_START, r), mask == null ? -1 : (long) places.get(mask) * words);
    }
  }

  private static int words(int vocab) {
    return (vocab + 31) / 32;
  }

  /** A buffer with room for so many elements: the one that is there, or a larger one in its place. */
  private static NativeBuffer grown(NativeBuffer buffer, long elements) {
    if (buffer != null && buffer.sizeBytes() >= elements * 4) {
      return buffer;
    }
    NativeBuffer larger = NativeBuffer.ofElements(Math.max(64, elements + elements / 2));
    close(buffer);
    return larger;
  }

  /** Gives the arguments what was drawn for those that {@link #fill} has copied. */
  void take(SampleArgs args) {
    for (int r = 0; r < args.rows(); r++) {
      int token = Raw.intAt(of(Column.TOKEN, r));
      if (token < -1) {
        throw new IllegalStateException(
            "the draw of row " + r + " lies beyond its mass: temperature " + args.temperature()[r] + ", top-p "
                + args.topP()[r] + ", min-p " + args.minP()[r]);
      }
      args.token()[r] = token;
      if (token >= 0 && args.wantLogprob()[r]) {
        args.logprob()[r] =
            Sample.logprob(
                Raw.floatAt(of(Column.RAW_TOKEN, r)), Raw.floatAt(of(Column.RAW_MAX, r)),
                Sample.logOfSum(Raw.longAt(of(Column.RAW_SUM, r))));
      }
    }
  }

  private static void check(SampleArgs args) {
    int rows = args.rows();
    if (rows < 0 || args.vocab() < 1 || args.vocab() > MAX_VOCAB) {
      throw new IllegalArgumentException(rows + " rows of " + args.vocab() + " logits cannot be drawn from");
    }
    long logits = (long) rows * args.vocab();
    if (logits > args.logits().sizeBytes() / 4) {
      throw new IndexOutOfBoundsException(
          rows + " rows of " + args.vocab() + " logits in a buffer of " + args.logits().sizeBytes() + " bytes");
    }
    int[] lengths = {
      args.temperature().length, args.topK().length, args.topP().length, args.minP().length,
      args.repetitionPenalty().length, args.frequencyPenalty().length, args.presencePenalty().length,
      args.seen().length, args.times().length, args.seenCount().length, args.biased().length, args.bias().length,
      args.biasCount().length, args.seed().length, args.stream().length, args.sample().length, args.position().length, args.wantLogprob().length,
      args.token().length
    };
    if (args.mask() != null) {
      Objects.checkFromIndexSize(0, rows, args.mask().length);
    }
    for (int length : lengths) {
      Objects.checkFromIndexSize(0, rows, length);
    }
    for (int r = 0; r < rows; r++) {
      if (args.wantLogprob()[r]) {
        Objects.checkIndex(r, args.logprob().length);
      }
      int count = args.penalised(r);
      if (count != 0) {
        checkIds("seen", args.seen()[r], count, args.vocab());
        if (args.counts(r)) {
          Objects.checkFromIndexSize(0, count, args.times()[r].length);
        }
      }
      int biases = args.biasCount()[r];
      if (biases != 0) {
        checkIds("biased", args.biased()[r], biases, args.vocab());
        Objects.checkFromIndexSize(0, biases, args.bias()[r].length);
      }
      if (args.maskOf(r) != null) {
        Objects.checkFromIndexSize(0, words(args.vocab()), args.maskOf(r).length);
      }
    }
  }

  private static void checkIds(String what, int[] ids, int count, int vocab) {
    Objects.checkFromIndexSize(0, count, ids.length);
    for (int i = 0; i < count; i++) {
      if (ids[i] < 0 || ids[i] >= vocab) {
        throw new IndexOutOfBoundsException(what + " token " + ids[i] + " of a vocabulary of " + vocab);
      }
    }
  }

  private void fit(int rows) {
    if (memory != null && rows <= capacity) {
      return;
    }
    close(memory);
    memory = null;
    // Even, so that the columns behind those of 8 bytes are aligned too.
    capacity = Math.max(16, rows + rows / 2 + 1 & ~1);
    long bytes = HEAD_BYTES;
    for (Column c : ALL) {
      bytes += (long) c.bytes() * capacity;
    }
    memory = NativeBuffer.allocate(bytes);
    long at = memory.address() + HEAD_BYTES;
    for (Column c : ALL) {
      column[c.ordinal()] = at;
      Raw.putLong(memory.address() + COLUMNS + 8L * c.ordinal(), at);
      at += (long) c.bytes() * capacity;
    }
  }

  private long of(Column c, int row) {
    return column[c.ordinal()] + (long) c.bytes() * row;
  }

  private void put(Column c, float[] values, int rows) {
    Raw.write(column[c.ordinal()], values, 0, rows);
  }

  private void put(Column c, int[] values, int rows) {
    Raw.write(column[c.ordinal()], values, 0, rows);
  }

  private static void close(NativeBuffer buffer) {
    if (buffer != null) {
      buffer.close();
    }
  }

  @Override
  public void close() {
    close(memory);
    close(seen);
    close(times);
    close(biased);
    close(bias);
    close(masks);
  }
}
