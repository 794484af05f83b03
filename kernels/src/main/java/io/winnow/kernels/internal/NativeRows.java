// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.KvCache;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.RowMap;
import io.winnow.kernels.StepRows;
import java.util.Arrays;

/** The rows of a step as the struct wk_rows. Its memory grows to the largest step and stays. */
final class NativeRows implements AutoCloseable {
  private static final int STRUCT_BYTES = 48;
  private static final int PAGE = KvCache.PAGE_TOKENS;

  private NativeBuffer struct;
  /** tokens, positions, page_table, pages, picked. */
  private final NativeBuffer[] parts = new NativeBuffer[5];
  private int[] tables = new int[0];
  private int[] pages = new int[0];

  /** Copies rows that {@code ops} has checked; throws IndexOutOfBoundsException for pages that the cache lacks. */
  long fill(StepRows rows, NativeOps ops) {
    if (struct == null) {
      struct = NativeBuffer.allocate(STRUCT_BYTES);
    }
    RowMap map = rows.map();
    int count = map.count();
    int used = ops.cache() == null ? 0 : copyPages(map, ops);
    put(0, rows.tokens(), rows.tokens() == null ? 0 : count);
    put(1, map.position(), map.position() == null ? 0 : count);
    put(2, tables, ops.cache() == null ? 0 : count);
    put(3, pages, used);
    put(4, rows.picked(), rows.pickedCount());
    Raw.putInt(struct.address() + 40, count);
    Raw.putInt(struct.address() + 44, rows.pickedCount());
    return struct.address();
  }

  /** Tables of all sequences one behind the other; rows that stand side by side and have one table share it. */
  private int copyPages(RowMap map, NativeOps ops) {
    int count = map.count();
    if (tables.length < count) {
      tables = new int[count + count / 2];
    }
    int used = 0;
    for (int r = 0; r < count; ) {
      int[] table = map.pages()[r];
      int end = r;
      int needed = 0;
      for (; end < count && map.pages()[end] == table; end++) {
        // Rounded down, so that a negative position has no page instead of a slot before the first.
        int last = Math.floorDiv(map.position()[end], PAGE);
        for (int i = Math.floorDiv(ops.firstSeen(map.position()[end]), PAGE); i <= last; i++) {
          ops.cache().keyAddress(table[i], 0, 0);
        }
        needed = Math.max(needed, last + 1);
        tables[end] = used;
      }
      if (pages.length < used + needed) {
        pages = Arrays.copyOf(pages, (used + needed) * 2);
      }
      System.arraycopy(table, 0, pages, used, needed);
      used += needed;
      r = end;
    }
    return used;
  }

  private void put(int part, int[] values, int count) {
    if (parts[part] == null || parts[part].sizeBytes() < count * 4L) {
      if (parts[part] != null) {
        parts[part].close();
      }
      parts[part] = NativeBuffer.ofElements(Math.max(16, count + count / 2));
      Raw.putLong(struct.address() + part * 8L, parts[part].address());
    }
    if (count > 0) {
      parts[part].write(0, values, 0, count);
    }
  }

  @Override
  public void close() {
    if (struct != null) {
      struct.close();
    }
    for (NativeBuffer part : parts) {
      if (part != null) {
        part.close();
      }
    }
  }
}
