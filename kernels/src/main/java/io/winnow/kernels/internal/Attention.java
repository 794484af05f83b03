// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.AttentionArgs;
import io.winnow.kernels.KvCache;
import io.winnow.kernels.KvFormat;
import io.winnow.kernels.RowMap;
import java.util.Arrays;

/**
 * Causal attention over paged keys and values.
 *
 * <p>A task is some neighbouring rows of one sequence and one kv head: each page is copied into the heap once for all
 * query heads of all those rows. Order of arithmetic: {@link io.winnow.kernels.Kernels#attention}. Merging a chunk (m2,
 * l2, a2) into (m1, l1, a1): m = max(m1, m2), f1 = exp(m1 − m), f2 = exp(m2 − m), l = fma(l1, f1, l2·f2), a = fma(a1,
 * f1, a2·f2). Of a cache of codes scores and sums of values are integers, see {@link CodeAttention}.
 */
final class Attention {
  /** Positions of a chunk, counted from the sequence's start. */
  static final int CHUNK = 256;
  /** Rows of one sequence that share a pass over its pages. */
  private static final int ROWS_PER_TASK = 16;
  private static final int PAGE = KvCache.PAGE_TOKENS;

  /** What a thread works in; grows to the largest head and group it meets. One element or line a query. */
  private static final class Scratch {
    private int dims;
    private int queries;
    final KvPage held = new KvPage();
    float[][] page;
    float[][] query;
    float[][] scores;
    float[][] chunkTotal;
    float[][] total;
    float[] chunkMax;
    float[] chunkSum;
    float[] max;
    float[] sum;
    int[] from;
    int[] to;
    final float[] score = new float[PAGE];
    /** Of the scores of a page's tokens. */
    final float[] factors = new float[PAGE];
    final float[] lanes = new float[16];
    final CodeAttention codes = new CodeAttention();

    void fit(int headDim, int queryCount) {
      if (dims < headDim || queries < queryCount) {
        dims = Math.max(dims, headDim);
        queries = Math.max(queries, queryCount);
        page = new float[Math.max(PAGE, dims)][Math.max(PAGE, dims)];
        query = new float[queries][dims];
        scores = new float[queries][CHUNK];
        chunkTotal = new float[queries][dims];
        total = new float[queries][dims];
        chunkMax = new float[queries];
        chunkSum = new float[queries];
        max = new float[queries];
        sum = new float[queries];
        from = new int[queries];
        to = new int[queries];
      }
    }
  }

  private final ThreadLocal<Scratch> scratch = ThreadLocal.withInitial(Scratch::new);
  private final ThreadTeam team;

  Attention(ThreadTeam team) {
    this.team = team;
  }

  void run(AttentionArgs args) {
    RowMap rows = args.rows();
    int[] starts = new int[rows.count() + 1];
    int groups = 0;
    for (int r = 0; r < rows.count(); ) {
      int end = r + 1;
      while (end < rows.count() && end - r < ROWS_PER_TASK && rows.pages()[end] == rows.pages()[r]) {
        end++;
      }
      starts[groups++] = r;
      r = end;
    }
    starts[groups] = rows.count();
    int kvHeads = args.cache().kvHeads();
    team.run(groups * kvHeads, task -> {
      int group = task / kvHeads;
      attend(args, task % kvHeads, starts[group], starts[group + 1]);
    });
  }

  private void attend(AttentionArgs args, int kvHead, int firstRow, int endRow) {
    KvCache cache = args.cache();
    int dim = cache.headDim();
    int share = args.heads() / cache.kvHeads();
    int queries = (endRow - firstRow) * share;
    Scratch s = scratch.get();
    s.fit(dim, queries);
    int stride = (args.heads() + 2 * cache.kvHeads()) * dim;
    for (int q = 0; q < queries; q++) {
      long at = (long) (firstRow + q / share) * stride + (long) (kvHead * share + q % share) * dim;
      args.qkv().read(at, s.query[q], 0, dim);
    }
    if (cache.format() == KvFormat.INT8) {
      s.codes.queries(s.query, queries, dim);
    }
    int[] positions = args.rows().position();
    int[] pages = args.rows().pages()[firstRow];
    int last = positions[endRow - 1];
    int first = args.window() == 0 ? 0 : Math.max(0, positions[firstRow] - args.window() + 1);
    Arrays.fill(s.sum, 0, queries, 0f);
    for (int chunk = first / CHUNK * CHUNK; chunk <= last; chunk += CHUNK) {
      int chunkEnd = Math.min(chunk + CHUNK, last + 1);
      scores(args, s, kvHead, pages, chunk, chunkEnd, queries);
      for (int q = 0; q < queries; q++) {
        int position = positions[firstRow + q / share];
        int from = Math.max(chunk, args.window() == 0 ? 0 : position - args.window() + 1);
        softmax(s, q, from - chunk, Math.min(chunkEnd, position + 1) - chunk);
      }
      values(args, s, kvHead, pages, chunk, chunkEnd, queries);
    }
    for (int q = 0; q < queries; q++) {
      float[] total = s.total[q];
      float sum = s.sum[q];
      for (int d = 0; d < dim; d++) {
        total[d] = total[d] / sum;
      }
      long at = (long) (firstRow + q / share) * args.heads() * dim + (long) (kvHead * share + q % share) * dim;
      args.out().write(at, total, 0, dim);
    }
  }

  /** Scaled scores of all positions of a chunk, masked or not. */
  private static void scores(
      AttentionArgs args, Scratch s, int kvHead, int[] pages, int chunk, int chunkEnd, int queries) {
    int dim = args.cache().headDim();
    boolean codes = args.cache().format() == KvFormat.INT8;
    Arrays.fill(s.factors, args.scale());
    for (int at = chunk; at < chunkEnd; at += PAGE) {
      int page = pages[at / PAGE];
      s.held.keys(args.cache(), page, args.layer(), kvHead, s.page);
      if (codes) {
        float[] scales = s.held.keyScales(args.cache(), page, args.layer(), kvHead);
        for (int t = 0; t < PAGE; t++) {
          s.factors[t] = scales[t] * args.scale();
        }
      }
      for (int q = 0; q < queries; q++) {
        if (codes) {
          s.codes.scores(q, s.page, dim, s.score);
        } else {
          Arrays.fill(s.score, 0f);
          Rows4.chains(s.page, 0, s.query[q], 0, dim, s.score, PAGE);
        }
        float[] out = s.scores[q];
        for (int t = 0; t < PAGE; t++) {
          out[at - chunk + t] = s.score[t] * s.factors[t];
        }
      }
    }
  }

  /** Turns a chunk's scores {@code from} … {@code to} − 1 into p; keeps their maximum and sum. */
  private static void softmax(Scratch s, int q, int from, int to) {
    s.from[q] = from;
    s.to[q] = Math.max(from, to);
    float[] p = s.scores[q];
    float max = Float.NEGATIVE_INFINITY;
    for (int t = from; t < to; t++) {
      max = Math.max(max, p[t]);
    }
    Arrays.fill(s.lanes, 0f);
    for (int t = from; t < to; t++) {
      p[t] = Exp.exp(p[t] - max);
      s.lanes[t & 15] += p[t];
    }
    s.chunkMax[q] = max;
    s.chunkSum[q] = RmsNorm.combine(s.lanes);
  }

  /** Adds p · value over a chunk and merges it into what the chunks before it gave. */
  private static void values(
      AttentionArgs args, Scratch s, int kvHead, int[] pages, int chunk, int chunkEnd, int queries) {
    int dim = args.cache().headDim();
    boolean codes = args.cache().format() == KvFormat.INT8;
    for (int q = 0; q < queries; q++) {
      Arrays.fill(s.chunkTotal[q], 0, dim, 0f);
    }
    if (codes) {
      for (int at = chunk; at < chunkEnd; at += PAGE) {
        float[] scales = s.held.valueScales(args.cache(), pages[at / PAGE], args.layer(), kvHead);
        for (int q = 0; q < queries; q++) {
          int to = Math.min(s.to[q] - (at - chunk), PAGE);
          for (int t = Math.max(s.from[q] - (at - chunk), 0); t < to; t++) {
            s.scores[q][at - chunk + t] *= scales[t];
          }
        }
      }
      s.codes.weights(s.scores, s.from, s.to, queries, dim);
    }
    for (int at = chunk; at < chunkEnd; at += PAGE) {
      int page = pages[at / PAGE];
      int tokens = Math.min(PAGE, chunkEnd - at);
      s.held.values(args.cache(), page, args.layer(), kvHead, tokens, s.page);
      int base = at - chunk;
      for (int q = 0; q < queries; q++) {
        int from = Math.max(s.from[q] - base, 0);
        int to = Math.min(s.to[q] - base, tokens);
        if (from >= to) {
          continue;
        }
        if (codes) {
          s.codes.addValues(q, s.page, base, from, to, dim);
        } else {
          Rows4.chains(s.page, from, s.scores[q], base + from, to - from, s.chunkTotal[q], dim);
        }
      }
    }
    for (int q = 0; q < queries; q++) {
      if (s.from[q] < s.to[q]) {
        if (codes) {
          s.codes.sums(q, s.chunkTotal[q], dim);
        }
        merge(s, q, dim);
      }
    }
  }

  private static void merge(Scratch s, int q, int dim) {
    float[] total = s.total[q];
    float[] chunk = s.chunkTotal[q];
    // A chunk's sum is at least 1 or NaN, so 0 says that there was none yet; the maximum may be −infinity by overflow.
    if (s.sum[q] == 0f) {
      System.arraycopy(chunk, 0, total, 0, dim);
      s.max[q] = s.chunkMax[q];
      s.sum[q] = s.chunkSum[q];
      return;
    }
    float max = Math.max(s.max[q], s.chunkMax[q]);
    float before = Exp.exp(s.max[q] - max);
    float now = Exp.exp(s.chunkMax[q] - max);
    s.sum[q] = Math.fma(s.sum[q], before, s.chunkSum[q] * now);
    for (int d = 0; d < dim; d++) {
      total[d] = Math.fma(total[d], before, chunk[d] * now);
    }
    s.max[q] = max;
  }
}
