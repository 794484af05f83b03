// SPDX-License-Identifier: Apache-2.0
// Attention's inner loops: scores and value chains of some queries over a page, in tiles that fill the registers. Keys
// and values are floats, or, for few queries, what the page holds, widened on the way into registers. kv_page.h has
// their order.
#pragma once

#include <math.h>

#include "kv_page.h"

namespace wk {
namespace WK_ISA {

constexpr int kQueries = kRegisters == 16 ? 3 : 6;  // queries of a tile
/* Most queries whose keys and values are widened in registers: more are worth a widened copy of the page. */
constexpr int kNarrow = kRegs == 1 ? 4 : 0;
constexpr int kBlocks = kRegisters == 16 ? 2 : kRegs == 1 ? 4 : 1;  // blocks of 16 beside each other in a tile

struct Query {
  const float* q;
  float* out;
  float* scores;  // [256]
  float* chunk;   // [headDim] sums of the chunk
  float* total;   // [headDim] sums of the chunks before
  float max, sum, chunk_max, chunk_sum;
  int32_t position;
  int32_t from, to;  // visible positions of the chunk, counted from its start

  // Where the cache holds codes:
  int8_t* codes;         // [2][headDim, padded to 16] of q: high bytes, low bytes
  float scale;           // of those codes
  int32_t start[2];      // what integer sums of them begin with
  int16_t* weights;      // [256] codes of the weights of the chunk's values
  float weight_scale;    // of those
  int32_t* sums;         // [headDim] weights by values, in the order of value_pairs
};

/* What is fetched while a page is worked on: `lines` lines of the cache at each step of a tile. */
struct Fetch {
  const char* next = nullptr;
  const char* end = nullptr;
  int lines = 0;

  Fetch() = default;
  /* `bytes` from `from` on, spread over so many steps. */
  Fetch(const char* from, int64_t bytes, int64_t steps) : next(from), end(from + bytes) {
    if (from == nullptr || steps == 0) return;
    for (int i = 0; i < 8 && (bytes = end - next) > steps * 64; i++, next += 64) __builtin_prefetch(next, 0, 2);
    lines = bytes <= steps * 64 ? 1 : bytes <= 2 * steps * 64 || kBlocks < 4 ? 2 : 4;
    lines = lines < kBlocks ? lines : kBlocks;
  }
};

template <int F>
WK_INLINE void fetch_lines(const char*& next) {
  each<F>(WK_EACH(i) { __builtin_prefetch(next + 64 * i, 0, 2); });
  next += 64 * F;
}

/* Keys of a page in steps of P dimensions. */
struct Keys {
  const char* at;
  int64_t block_bytes;
};

// Scores of Q queries and 16 · B tokens.
template <int Q, int B, int F, int P>
WK_INLINE void score_tile(Query* queries, Keys keys, int32_t dim, int32_t at, int32_t token, const float* factors,
                          Fetch& fetch) {
  F32x16 s[Q][B];
  const float* q[Q];
  each<Q>(WK_EACH(i) {
    q[i] = queries[i].q;
    each<B>(WK_EACH(b) { s[i][b] = set1(0); });
  });
  const char* line = keys.at + token / kBlock * keys.block_bytes;
  const char* next = fetch.next;
  auto dimension = [&](int64_t d, auto part) WK_ALWAYS {
    F32x16 k[B];
    each<B>(WK_EACH(b) { k[b] = cells<P>(line + b * keys.block_bytes, part); });
    fetch_lines<F>(next);
    each<Q>(WK_EACH(i) {
      F32x16 a = set1(q[i][d]);
      each<B>(WK_EACH(b) { s[i][b] = fma(a, k[b], s[i][b]); });
    });
  };
  int64_t d = 0;
  for (; d + P <= dim; d += P) {
    each<P>(WK_EACH(part) { dimension(d + part, part); });
    line += kBlock * 4;
  }
  if constexpr (P > 1) {
    each<P - 1>(WK_EACH(part) {
      if (d + part < dim) dimension(d + part, part);
    });
  }
  fetch.next = next;
  each<Q>(WK_EACH(i) {
    float* scores = queries[i].scores + at + token;
    each<B>(WK_EACH(b) { store(scores + 16 * b, mul(s[i][b], load(factors + token + 16 * b))); });
  });
}

// The blocks of a tile narrower than kBlocks: one tile of its own, because few chains beside each other would wait for
// each other's multiply-adds.
template <int Q, int B, int F, int P>
WK_INLINE void last_score_tile(Query* queries, Keys keys, int32_t dim, int32_t at, int32_t token, int32_t blocks,
                               const float* factors, Fetch& fetch) {
  if constexpr (B > 1) {
    if (blocks < B) return last_score_tile<Q, B - 1, F, P>(queries, keys, dim, at, token, blocks, factors, fetch);
  }
  score_tile<Q, B, F, P>(queries, keys, dim, at, token, factors, fetch);
}

template <int Q, int F, int P>
__attribute__((noinline)) void scores_of(Query* queries, Keys keys, int32_t dim, int32_t at, int32_t from, int32_t to,
                                         const float* factors, Fetch& fetch) {
  int32_t token = from & ~15, end = (to + 15) & ~15;
  for (; token + 16 * kBlocks <= end; token += 16 * kBlocks) {
    if (F > 0 && fetch.next >= fetch.end) return scores_of<Q, 0, P>(queries, keys, dim, at, token, to, factors, fetch);
    score_tile<Q, kBlocks, F, P>(queries, keys, dim, at, token, factors, fetch);
  }
  if constexpr (kBlocks > 1) {
    if (token < end) {
      last_score_tile<Q, kBlocks - 1, F, P>(queries, keys, dim, at, token, (end - token) / 16, factors, fetch);
    }
  }
}

// Adds p · value of tokens from … to - 1 to the chains of Q queries, 16 · B dimensions at a time.
template <int Q, int B, int F, class T>
WK_INLINE void value_tile(Query* queries, const T* values, int32_t dim, int32_t d, int32_t at, int32_t from,
                          int32_t to, Fetch& fetch) {
  F32x16 a[Q][B];
  const float* scores[Q];
  each<Q>(WK_EACH(i) {
    scores[i] = queries[i].scores + at;
    each<B>(WK_EACH(b) { a[i][b] = load(queries[i].chunk + d + 16 * b); });
  });
  const T* line = values + static_cast<int64_t>(from) * dim + d;
  const char* next = fetch.next;
  for (int64_t t = from; t < to; t++) {
    F32x16 v[B];
    each<B>(WK_EACH(b) { v[b] = widen_sixteen(line + 16 * b); });
    fetch_lines<F>(next);
    each<Q>(WK_EACH(i) {
      F32x16 p = set1(scores[i][t]);
      each<B>(WK_EACH(b) { a[i][b] = fma(p, v[b], a[i][b]); });
    });
    line += dim;
  }
  fetch.next = next;
  each<Q>(WK_EACH(i) { each<B>(WK_EACH(b) { store(queries[i].chunk + d + 16 * b, a[i][b]); }); });
}

template <int Q, int F, class T>
__attribute__((noinline)) void values_of(Query* queries, const T* values, int32_t dim, int32_t at, int32_t from,
                                         int32_t to, Fetch& fetch, int32_t d = 0) {
  if constexpr (F > 0) {
    for (; fetch.next < fetch.end && d + 16 * kBlocks <= dim; d += 16 * kBlocks) {
      value_tile<Q, kBlocks, F, T>(queries, values, dim, d, at, from, to, fetch);
    }
    if (d < dim) values_of<Q, 0, T>(queries, values, dim, at, from, to, fetch, d);
  } else {
    for (; d + 16 * kBlocks <= dim; d += 16 * kBlocks) {
      value_tile<Q, kBlocks, 0, T>(queries, values, dim, d, at, from, to, fetch);
    }
    for (; d + 16 <= dim; d += 16) value_tile<Q, 1, 0, T>(queries, values, dim, d, at, from, to, fetch);
    for (; d < dim; d++) {
      for (int q = 0; q < Q; q++) {
        float a = queries[q].chunk[d];
        const T* value = values + static_cast<int64_t>(from) * dim + d;
        for (int32_t t = from; t < to; t++, value += dim) a = fmaf(queries[q].scores[at + t], widen_one(*value), a);
        queries[q].chunk[d] = a;
      }
    }
  }
}

// A call for 1 … MOST queries, at most 6.
#define WK_BY_QUERIES(most, count, call)                          \
  switch (count) {                                                \
    case 1: call(1); break;                                       \
    case 2: call(2); break;                                       \
    case 3: if constexpr ((most) >= 3) { call(3); } break;        \
    case 4: if constexpr ((most) >= 4) { call(4); } break;        \
    case 5: if constexpr ((most) >= 5) { call(5); } break;        \
    case 6: if constexpr ((most) >= 6) { call(6); } break;        \
  }

#define WK_BY_LINES(most, count, lines)            \
  if ((lines) == 0) {                              \
    WK_BY_QUERIES(most, count,     WK_CALL)        \
  } else if ((lines) == 1) {                       \
    WK_BY_QUERIES(most, count,     WK_CALL_1)      \
  } else if ((lines) < kBlocks) {                  \
    WK_BY_QUERIES(most, count,     WK_CALL_2)      \
  } else {                                         \
    WK_BY_QUERIES(most, count,     WK_CALL_ALL)    \
  }

inline int32_t clamp(int32_t value, int32_t least, int32_t most) {
  return value < least ? least : value > most ? most : value;
}

inline int32_t tiles_of(int32_t queries) { return (queries + kQueries - 1) / kQueries; }

// The positions of a page that begins at `at` which some of the queries see; from = to if there are none.
inline void seen_by(const Query* queries, int32_t count, int32_t at, int32_t* from, int32_t* to, int32_t tokens = kPage) {
  int32_t first = tokens, last = 0;
  for (int32_t j = 0; j < count; j++) {
    int32_t begin = clamp(queries[j].from - at, 0, tokens), end = clamp(queries[j].to - at, 0, tokens);
    if (begin >= end) continue;
    first = begin < first ? begin : first;
    last = end > last ? end : last;
  }
  *from = first < last ? first : 0;
  *to = first < last ? last : 0;
}

// Scores of some queries over a page, each times its token's factor. Meanwhile the values of the same tokens are
// fetched.
template <int P>
inline void page_scores(Query* queries, int32_t count, Keys keys, const KvShape& shape, int32_t at,
                        const float* factors, char* page) {
  int32_t first, last, dim = static_cast<int32_t>(shape.dim);
  seen_by(queries, count, at, &first, &last);
  if (first >= last) return;
  int64_t passes = (last - first / 16 * 16 + 16 * kBlocks - 1) / (16 * kBlocks);
  Fetch fetch(shape.value_side(page), shape.value_side_bytes(last), passes * dim * tiles_of(count));
  for (int32_t i = 0; i < count; i += kQueries) {
    int32_t tile = count - i < kQueries ? count - i : kQueries;
    Query* q = queries + i;
    seen_by(q, tile, at, &first, &last);
    if (first >= last) continue;
#define WK_CALL(n) scores_of<n, 0, P>(q, keys, dim, at, first, last, factors, fetch)
#define WK_CALL_1(n) scores_of<n, 1, P>(q, keys, dim, at, first, last, factors, fetch)
#define WK_CALL_2(n) scores_of<n, kBlocks / 2, P>(q, keys, dim, at, first, last, factors, fetch)
#define WK_CALL_ALL(n) scores_of<n, kBlocks, P>(q, keys, dim, at, first, last, factors, fetch)
    WK_BY_LINES(P == 1 ? kQueries : kNarrow, tile, fetch.lines)
#undef WK_CALL
#undef WK_CALL_1
#undef WK_CALL_2
#undef WK_CALL_ALL
  }
}

template <class T>
inline void one_range(Query* queries, int32_t count, const T* values, int32_t dim, int32_t at, int32_t from,
                      int32_t to, Fetch& fetch) {
  if (from >= to) return;
#define WK_CALL(n) values_of<n, 0, T>(queries, values, dim, at, from, to, fetch)
#define WK_CALL_1(n) values_of<n, 1, T>(queries, values, dim, at, from, to, fetch)
#define WK_CALL_2(n) values_of<n, kBlocks / 2, T>(queries, values, dim, at, from, to, fetch)
#define WK_CALL_ALL(n) values_of<n, kBlocks, T>(queries, values, dim, at, from, to, fetch)
  WK_BY_LINES(sizeof(T) == 4 ? kQueries : kNarrow, count, fetch.lines)
#undef WK_CALL
#undef WK_CALL_1
#undef WK_CALL_2
#undef WK_CALL_ALL
}

// The value chains of a tile over one page: what all of its queries see together, the rest by themselves; each query's
// tokens in ascending order.
template <class T>
inline void page_values(Query* queries, int32_t count, const T* values, int32_t dim, int32_t at, Fetch& fetch) {
  Fetch nothing;
  int32_t from[kQueries], to[kQueries];
  int32_t begin = 0, end = kPage;
  for (int32_t j = 0; j < count; j++) {
    from[j] = clamp(queries[j].from - at, 0, kPage);
    to[j] = clamp(queries[j].to - at, from[j], kPage);
    begin = from[j] > begin ? from[j] : begin;
    end = to[j] < end ? to[j] : end;
  }
  if (begin >= end) {
    for (int32_t j = 0; j < count; j++) one_range(queries + j, 1, values, dim, at, from[j], to[j], nothing);
    return;
  }
  for (int32_t j = 0; j < count; j++) one_range(queries + j, 1, values, dim, at, from[j], begin, nothing);
  one_range(queries, count, values, dim, at, begin, end, fetch);
  for (int32_t j = 0; j < count; j++) one_range(queries + j, 1, values, dim, at, end, to[j], nothing);
}

}  // namespace WK_ISA
}  // namespace wk
