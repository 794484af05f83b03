// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.KvCache;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.StepPlan;
import io.winnow.kernels.StepRows;
import io.winnow.kernels.Weight;
import java.util.List;
import java.util.Objects;

/**
 * A list of operations as structs wk_op, and what rows it can take: raw memory has no bounds of its own, so all of them
 * are looked at here.
 */
final class NativeOps implements AutoCloseable {
  /** sizeof(wk_op) and the offsets of its fields; the library is asked whether they agree. */
  static final int OP_BYTES = 96;

  private static final int WEIGHT = 16;
  private static final int X = 24;
  private static final int A = 32;
  private static final int B = 40;
  private static final int OUT = 48;
  private static final int CACHE = 56;
  private static final int COLS = 64;
  private static final int HEADS = 68;
  private static final int KV_HEADS = 72;
  private static final int HEAD_DIM = 76;
  private static final int LAYERS = 80;
  private static final int WINDOW = 84;
  private static final int SCALE = 88;
  private static final int CACHE_FORMAT = 92;

  private enum Kind { NONE, EMBED, RMS_NORM, MATMUL, ROPE, STORE_KV, ATTENTION, SILU_MUL, GATHER }

  private final NativeBuffer memory;
  private final int count;
  private long at;

  /** Rows that the smallest buffer holds. */
  private long maxRows = Long.MAX_VALUE;
  private long maxPicked = Long.MAX_VALUE;
  /** Rows that gather may pick. */
  private long maxPick = Long.MAX_VALUE;
  private long maxPositions = Long.MAX_VALUE;
  private Weight embedding;
  private KvCache cache;
  /** Positions back from its own that a row sees; −1 where rows only store. */
  private int window = -1;
  private boolean sees;

  NativeOps(List<StepPlan.Op> ops) {
    count = ops.size();
    memory = NativeBuffer.allocate((long) Math.max(1, count) * OP_BYTES);
    try {
      for (int i = 0; i < count; i++) {
        at = memory.address() + (long) i * OP_BYTES;
        encode(ops.get(i));
      }
    } catch (RuntimeException | Error e) {
      memory.close();
      throw e;
    }
  }

  long address() {
    return memory.address();
  }

  int count() {
    return count;
  }

  KvCache cache() {
    return cache;
  }

  /** The first position that a row at {@code position} reads pages of; its own where nothing is read. */
  int firstSeen(int position) {
    return !sees ? position : window == 0 ? 0 : Math.max(0, position - window + 1);
  }

  /** Throws where rows do not fit the buffers. Pages are looked at when they are copied. */
  void check(StepRows rows) {
    int n = rows.map().count();
    require(n, maxRows, "rows");
    require(rows.pickedCount(), maxPicked, "picked rows");
    if (embedding != null) {
      Embed.check(embedding, rows.tokens(), n);
    }
    if (maxPositions != Long.MAX_VALUE) {
      for (int r = 0; r < n; r++) {
        int position = rows.map().position()[r];
        if (position < 0 || position >= maxPositions) {
          throw new IndexOutOfBoundsException("position " + position + " of tables with " + maxPositions);
        }
      }
    }
    for (int i = 0; i < rows.pickedCount(); i++) {
      int row = rows.picked()[i];
      if (row < 0 || row >= n || row >= maxPick) {
        throw new IndexOutOfBoundsException("picked row " + row + " of " + n);
      }
    }
  }

  private static void require(int count, long most, String what) {
    if (count < 0 || count > most) {
      throw new IndexOutOfBoundsException(count + " " + what + " where the buffers hold " + most);
    }
  }

  private void encode(StepPlan.Op op) {
    if (op instanceof StepPlan.Embed o) {
      kind(Kind.EMBED, StepPlan.RowSet.ALL);
      weight(o.weight());
      rows(StepPlan.RowSet.ALL, OUT, o.out(), o.weight().cols());
      embedding = embedding == null || embedding.rows() > o.weight().rows() ? o.weight() : embedding;
    } else if (op instanceof StepPlan.RmsNorm o) {
      kind(Kind.RMS_NORM, o.rows());
      rows(o.rows(), X, o.x(), o.cols());
      rows(o.rows(), OUT, o.out(), o.cols());
      vector(A, o.weight(), o.cols());
      putInt(COLS, o.cols());
      Raw.putFloat(at + SCALE, o.eps());
    } else if (op instanceof StepPlan.Matmul o) {
      kind(Kind.MATMUL, o.rows());
      weight(o.weight());
      rows(o.rows(), X, o.x(), o.weight().cols());
      rows(o.rows(), OUT, o.out(), o.weight().rows());
      if (o.bias() != null) {
        vector(A, o.bias(), o.weight().rows());
      }
      if (o.residual() != null) {
        rows(o.rows(), B, o.residual(), o.weight().rows());
      }
    } else if (op instanceof StepPlan.Rope o) {
      rope(o);
    } else if (op instanceof StepPlan.StoreKv o) {
      kind(Kind.STORE_KV, StepPlan.RowSet.ALL);
      heads(o.qkv(), o.cache(), o.layer(), o.heads());
    } else if (op instanceof StepPlan.Attention o) {
      kind(Kind.ATTENTION, StepPlan.RowSet.ALL);
      heads(o.qkv(), o.cache(), o.layer(), o.heads());
      rows(StepPlan.RowSet.ALL, OUT, o.out(), (long) o.heads() * o.cache().headDim());
      putInt(WINDOW, o.window());
      Raw.putFloat(at + SCALE, o.scale());
      window = !sees ? o.window() : window == 0 || o.window() == 0 ? 0 : Math.max(window, o.window());
      sees = true;
    } else if (op instanceof StepPlan.SiluMul o) {
      kind(Kind.SILU_MUL, StepPlan.RowSet.ALL);
      rows(StepPlan.RowSet.ALL, X, o.gateUp(), 2L * o.cols());
      rows(StepPlan.RowSet.ALL, OUT, o.out(), o.cols());
      putInt(COLS, o.cols());
    } else if (op instanceof StepPlan.Gather o) {
      kind(Kind.GATHER, StepPlan.RowSet.PICKED);
      Raw.putLong(at + X, o.x().address());
      maxPick = Math.min(maxPick, o.x().sizeBytes() / 4 / o.cols());
      rows(StepPlan.RowSet.PICKED, OUT, o.out(), o.cols());
      putInt(COLS, o.cols());
    }
  }

  private void rope(StepPlan.Rope o) {
    if (o.headDim() % 2 != 0 || o.heads() < 1 || o.stride() < o.heads() * o.headDim()) {
      throw new IllegalArgumentException(
          o.heads() + " heads of " + o.headDim() + " in rows of " + o.stride() + " cannot be rotated");
    }
    kind(Kind.ROPE, StepPlan.RowSet.ALL);
    // The last row ends with its last rotated head.
    Raw.putLong(at + OUT, o.x().address());
    long elements = o.x().sizeBytes() / 4 - (long) o.heads() * o.headDim();
    maxRows = Math.min(maxRows, elements < 0 ? 0 : elements / o.stride() + 1);
    long half = o.headDim() / 2;
    Raw.putLong(at + A, o.cos().address());
    Raw.putLong(at + B, o.sin().address());
    maxPositions = Math.min(maxPositions, Math.min(o.cos().sizeBytes(), o.sin().sizeBytes()) / 4 / half);
    putInt(COLS, o.stride());
    putInt(HEADS, o.heads());
    putInt(HEAD_DIM, o.headDim());
  }

  private void heads(NativeBuffer qkv, KvCache pages, int layer, int heads) {
    if (heads < 1 || heads % pages.kvHeads() != 0) {
      throw new IllegalArgumentException(heads + " heads are no multiple of " + pages.kvHeads() + " kv heads");
    }
    if (cache != null && cache != pages) {
      throw new IllegalArgumentException("a plan has one KV cache");
    }
    cache = pages;
    rows(StepPlan.RowSet.ALL, X, qkv, (heads + 2L * pages.kvHeads()) * pages.headDim());
    Objects.checkIndex(layer, pages.layers());
    Raw.putLong(at + CACHE, pages.keyAddress(0, 0, 0));
    putInt(12, layer);
    putInt(HEADS, heads);
    putInt(KV_HEADS, pages.kvHeads());
    putInt(HEAD_DIM, pages.headDim());
    putInt(LAYERS, pages.layers());
    putInt(CACHE_FORMAT, pages.format().ordinal());
  }

  private void kind(Kind kind, StepPlan.RowSet rows) {
    putInt(0, kind.ordinal());
    putInt(4, rows.ordinal());
  }

  private void weight(Weight weight) {
    Raw.putLong(at + WEIGHT, ((NativeWeight) weight).address());
  }

  private void rows(StepPlan.RowSet set, int field, NativeBuffer buffer, long width) {
    Raw.putLong(at + field, buffer.address());
    long hold = buffer.sizeBytes() / 4 / width;
    if (set == StepPlan.RowSet.PICKED) {
      maxPicked = Math.min(maxPicked, hold);
    } else {
      maxRows = Math.min(maxRows, hold);
    }
  }

  private void vector(int field, NativeBuffer buffer, long width) {
    if (buffer.sizeBytes() / 4 < width) {
      throw new IndexOutOfBoundsException(width + " elements of a buffer of " + buffer.sizeBytes() + " bytes");
    }
    Raw.putLong(at + field, buffer.address());
  }

  private void putInt(int field, int value) {
    Raw.putInt(at + field, value);
  }

  @Override
  public void close() {
    memory.close();
  }
}
