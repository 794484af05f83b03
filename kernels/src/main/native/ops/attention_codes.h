// SPDX-License-Identifier: Apache-2.0
// Attention's inner loops where the cache holds codes. A query is quantized as a whole, to codes of 15 bits that are
// worked on as two bytes, 128 · high + low; the weights of a chunk's values to 16 bits. So scores and sums of values
// are integers, exactly and in any order. NUMERICS.md: storeKv and attention.
#pragma once

#include "../simd_codes.h"
#include "attention_tiles.h"
#include "grouped.h"

namespace wk {
namespace WK_ISA {

constexpr int kCodeBlocks = kRegs == 1 ? 4 : 1;    // blocks of 16 tokens beside each other in a tile of scores
constexpr int kPairUnits = kRegs == 2 ? 1 : 2;     // kPairDims dimensions each beside each other in a tile of values
constexpr int kCodeQueries = kRegs == 2 ? 2 : 3;   // queries of a tile of scores
constexpr float kLargestWeight = 32767, kLargestQuery = 16256;

// A query's codes within ±16,256, the high bytes and behind them the low ones.
inline void code_query(Query& q, int32_t dim) {
  int32_t padded = (dim + 15) & ~15;
  F32x16 most = set1(0);
  uint32_t finite = 0xFFFF;
  auto sixteen = [&](int32_t d) WK_ALWAYS { return d + 16 <= dim ? load(q.q + d) : load_first(q.q + d, dim - d, 0); };
  for (int32_t d = 0; d < dim; d += 16) {
    F32x16 size = abs(sixteen(d));
    most = max(size, most);
    finite &= gt_bits(set1(INFINITY), size);
  }
  float largest = lane_max(most);
  bool some = finite == 0xFFFF && largest >= 0x1p-110f;
  q.scale = finite != 0xFFFF ? NAN : some ? largest / kLargestQuery : 0;
  F32x16 factor = set1(some ? kLargestQuery / largest : 0), least = set1(-kLargestQuery), top = set1(kLargestQuery);
  I32x16 high_sum = set1_int(0), low_sum = high_sum;
  for (int32_t d = 0; d < padded; d += 16) {
    I32x16 code = nearest(max(min(mul(some ? sixteen(d) : set1(0), factor), top), least)), high, low;
    // (code + 64) / 128, rounded down, leaves −64 … 63.
    WK_EACH_REG {
      high.r[i] = r_sra7(r_iadd(code.r[i], r_iset1(64)));
      low.r[i] = r_isub(code.r[i], r_shl7(high.r[i]));
    }
    high_sum = add(high_sum, high);
    low_sum = add(low_sum, low);
    store_bytes(q.codes + d, high);
    store_bytes(q.codes + padded + d, low);
  }
  // Keys are held + 128; that is what integer sums begin with.
  q.start[0] = (kByteShift - 128) * lane_sum(high_sum);
  q.start[1] = (kByteShift - 128) * lane_sum(low_sum);
}

// Scores of Q queries and 16 · B tokens.
template <int Q, int B, int F>
WK_INLINE void code_score_tile(Query* queries, const char* keys, const KvShape& shape, int32_t at, int32_t token,
                               const float* factors, Fetch& fetch) {
  I32x16 high[Q][B], low[Q][B];
  const int8_t* q[Q];
  const int64_t behind = (shape.dim + 15) & ~15;
  each<Q>(WK_EACH(i) {
    q[i] = queries[i].codes;
    each<B>(WK_EACH(b) {
      high[i][b] = set1_int(queries[i].start[0]);
      low[i][b] = set1_int(queries[i].start[1]);
    });
  });
  const uint8_t* line = reinterpret_cast<const uint8_t*>(keys) + token / kBlock * shape.block_bytes;
  const char* next = fetch.next;
  for (int64_t step = 0; step < shape.steps; step++) {
    ByteCodes k[B];
    each<B>(WK_EACH(b) { k[b] = byte_codes(line + b * shape.block_bytes); });
    fetch_lines<F>(next);
    each<Q>(WK_EACH(i) {
      each<B>(WK_EACH(b) { high[i][b] = dot(high[i][b], k[b], q[i] + 4 * step); });
      each<B>(WK_EACH(b) { low[i][b] = dot(low[i][b], k[b], q[i] + behind + 4 * step); });
    });
    line += kBlock * 4;
  }
  fetch.next = next;
  each<Q>(WK_EACH(i) {
    float* scores = queries[i].scores + at + token;
    F32x16 scale = set1(queries[i].scale);
    each<B>(WK_EACH(b) {
      I32x16 sum;
      for (int r = 0; r < kRegs; r++) sum.r[r] = r_iadd(r_shl7(high[i][b].r[r]), low[i][b].r[r]);
      store(scores + 16 * b, mul(mul(to_float(sum), scale), load(factors + token + 16 * b)));
    });
  });
}

template <int Q, int B, int F>
WK_INLINE void last_code_score_tile(Query* queries, const char* keys, const KvShape& shape, int32_t at, int32_t token,
                                    int32_t blocks, const float* factors, Fetch& fetch) {
  if constexpr (B > 1) {
    if (blocks < B) return last_code_score_tile<Q, B - 1, F>(queries, keys, shape, at, token, blocks, factors, fetch);
  }
  code_score_tile<Q, B, F>(queries, keys, shape, at, token, factors, fetch);
}

template <int Q, int F>
__attribute__((noinline)) void code_scores_of(Query* queries, const char* keys, const KvShape& shape, int32_t at,
                                              int32_t from, int32_t to, const float* factors, Fetch& fetch) {
  int32_t token = from & ~15, end = (to + 15) & ~15;
  for (; token + 16 * kCodeBlocks <= end; token += 16 * kCodeBlocks) {
    if (F > 0 && fetch.next >= fetch.end) {
      return code_scores_of<Q, 0>(queries, keys, shape, at, token, to, factors, fetch);
    }
    code_score_tile<Q, kCodeBlocks, F>(queries, keys, shape, at, token, factors, fetch);
  }
  if constexpr (kCodeBlocks > 1) {
    if (token < end) {
      last_code_score_tile<Q, kCodeBlocks - 1, F>(queries, keys, shape, at, token, (end - token) / 16, factors, fetch);
    }
  }
}

// Scores of some queries over a page, as page_scores.
inline void code_scores(Query* queries, int32_t count, const KvShape& shape, int32_t at, const float* factors,
                        char* page) {
  int32_t first, last;
  seen_by(queries, count, at, &first, &last);
  if (first >= last) return;
  const char* keys = shape.keys(page);
  int64_t tiles = (count + kCodeQueries - 1) / kCodeQueries;
  int64_t passes = (last - first / 16 * 16 + 16 * kCodeBlocks - 1) / (16 * kCodeBlocks);
  Fetch fetch(shape.value_side(page), shape.value_side_bytes(last), passes * shape.steps * tiles);
  for (int32_t i = 0; i < count; i += kCodeQueries) {
    int32_t tile = count - i < kCodeQueries ? count - i : kCodeQueries;
    Query* q = queries + i;
    seen_by(q, tile, at, &first, &last);
    if (first >= last) continue;
#define WK_CALL(n) code_scores_of<n, 0>(q, keys, shape, at, first, last, factors, fetch)
#define WK_CALL_1(n) code_scores_of<n, 1>(q, keys, shape, at, first, last, factors, fetch)
#define WK_CALL_2(n) code_scores_of<n, kBlocks / 2>(q, keys, shape, at, first, last, factors, fetch)
#define WK_CALL_ALL(n) code_scores_of<n, kBlocks>(q, keys, shape, at, first, last, factors, fetch)
    WK_BY_LINES(kCodeQueries, tile, fetch.lines)
#undef WK_CALL
#undef WK_CALL_1
#undef WK_CALL_2
#undef WK_CALL_ALL
  }
}

// Turns p · vs of a chunk's visible positions into codes, and starts its sums. Nothing has weight where only other queries
// of the task see something, from … to - 1.
inline void code_weights(Query& q, int32_t dim, int32_t from, int32_t to) {
  auto nothing = [&](int32_t begin, int32_t end) {
    if (begin < end) memset(q.weights + begin, 0, (end - begin) * sizeof(int16_t));
  };
  memset(q.sums, 0, dim * sizeof(int32_t));
  q.weight_scale = 0;
  from &= ~15;
  to = (to + 15) & ~15;
  if (q.from >= q.to) return nothing(from, to);
  int32_t first = q.from & ~15, end = (q.to + 15) & ~15;
  nothing(from, first);
  nothing(end, to);
  F32x16 most = set1(0);
  uint32_t finite = 0xFFFF;
  for (int32_t t = first; t < end; t += 16) {
    F32x16 w = load(q.scores + t);
    most = max(w, most);
    finite &= gt_bits(set1(INFINITY), w);
  }
  float largest = lane_max(most);
  if (finite != 0xFFFF || largest < 0x1p-110f) {
    q.weight_scale = finite != 0xFFFF ? NAN : 0;
    return nothing(first, end);
  }
  q.weight_scale = largest / kLargestWeight;
  F32x16 factor = set1(kLargestWeight / largest), top = set1(kLargestWeight);
  for (int32_t t = first; t < end; t += 16) {
    store_words(q.weights + t, nearest(min(mul(load(q.scores + t), factor), top)));
  }
}

// Adds weight · value of tokens from … to - 1 to the sums of Q queries, kPairDims · B dimensions at a time, two tokens
// at once. Tokens that a query does not see weigh nothing.
template <int Q, int B, int F>
WK_INLINE void code_value_tile(Query* queries, const int8_t* values, int32_t dim, int32_t d, int32_t at, int32_t from,
                               int32_t to, Fetch& fetch) {
  IReg low[Q][B], high[Q][B];
  const int16_t* weights[Q];
  each<Q>(WK_EACH(i) {
    weights[i] = queries[i].weights + at;
    each<B>(WK_EACH(b) {
      const int32_t* sums = queries[i].sums + d + b * kPairDims;
      low[i][b] = r_iload(sums);
      high[i][b] = r_iload(sums + kRegLanes);
    });
  });
  const char* next = fetch.next;
  const int8_t* line = values + static_cast<int64_t>(from) * dim + d;
  for (int64_t t = from; t < to; t += 2) {
    IReg v[B], u[B];
    each<B>(WK_EACH(b) { value_pairs(line + b * kPairDims, line + dim + b * kPairDims, &v[b], &u[b]); });
    fetch_lines<F>(next);
    each<Q>(WK_EACH(i) {
      int32_t two;
      memcpy(&two, weights[i] + t, 4);
      IReg w = r_iset1(two);
      each<B>(WK_EACH(b) {
        low[i][b] = dot_pairs(low[i][b], v[b], w);
        high[i][b] = dot_pairs(high[i][b], u[b], w);
      });
    });
    line += 2 * dim;
  }
  fetch.next = next;
  each<Q>(WK_EACH(i) {
    each<B>(WK_EACH(b) {
      int32_t* sums = queries[i].sums + d + b * kPairDims;
      r_istore(sums, low[i][b]);
      r_istore(sums + kRegLanes, high[i][b]);
    });
  });
}

template <int Q, int F>
__attribute__((noinline)) void code_values_of(Query* queries, const int8_t* values, int32_t dim, int32_t at,
                                              int32_t from, int32_t to, Fetch& fetch, int32_t d = 0) {
  constexpr int32_t kTile = kPairUnits * kPairDims;
  for (; d + kTile <= dim; d += kTile) {
    if (F > 0 && fetch.next >= fetch.end) return code_values_of<Q, 0>(queries, values, dim, at, from, to, fetch, d);
    code_value_tile<Q, kPairUnits, F>(queries, values, dim, d, at, from, to, fetch);
  }
  for (; d + kPairDims <= dim; d += kPairDims) {
    code_value_tile<Q, 1, 0>(queries, values, dim, d, at, from, to, fetch);
  }
  for (; d < dim; d++) {
    for (int q = 0; q < Q; q++) {
      for (int32_t t = from; t < to; t++) {
        queries[q].sums[d] += queries[q].weights[at + t] * values[static_cast<int64_t>(t) * dim + d];
      }
    }
  }
}

// The sums of some queries over a page.
inline void code_values(Query* queries, int32_t count, const int8_t* values, int32_t dim, int32_t at, Fetch& fetch) {
  for (int32_t i = 0; i < count; i += kQueries) {
    int32_t tile = count - i < kQueries ? count - i : kQueries;
    Query* q = queries + i;
    int32_t from, to;
    seen_by(q, tile, at, &from, &to);
    if (from >= to) continue;
    from &= ~1;
#define WK_CALL(n) code_values_of<n, 0>(q, values, dim, at, from, to, fetch)
#define WK_CALL_1(n) code_values_of<n, 1>(q, values, dim, at, from, to, fetch)
#define WK_CALL_2(n) code_values_of<n, kBlocks / 2>(q, values, dim, at, from, to, fetch)
#define WK_CALL_ALL(n) code_values_of<n, kBlocks>(q, values, dim, at, from, to, fetch)
    WK_BY_LINES(kQueries, tile, fetch.lines)
#undef WK_CALL
#undef WK_CALL_1
#undef WK_CALL_2
#undef WK_CALL_ALL
  }
}

// The chunk's sums as floats.
inline void code_sums(Query& q, int32_t dim) {
  F32x16 factor = set1(q.weight_scale);
  int32_t d = 0;
  for (; d + kPairDims <= dim; d += kPairDims) {
    IReg low = r_iload(q.sums + d), high = r_iload(q.sums + d + kRegLanes);
    in_order(&low, &high);
    r_store(q.chunk + d, r_mul(r_to_float(low), factor.r[0]));
    r_store(q.chunk + d + kRegLanes, r_mul(r_to_float(high), factor.r[0]));
  }
  for (; d < dim; d++) q.chunk[d] = static_cast<float>(q.sums[d]) * q.weight_scale;
}

}  // namespace WK_ISA
}  // namespace wk
