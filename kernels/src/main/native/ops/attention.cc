// SPDX-License-Identifier: Apache-2.0
// Causal attention over paged keys and values, and the storing of both. NUMERICS.md: storeKv and attention.
//
// Operands: x float [rows][(heads + 2 kvHeads) · headDim]: queries, keys, values; out float [rows][heads · headDim];
// cache float [page][layer][kv head], of each first keys [headDim][64 tokens], then values [64 tokens][headDim].
//
// A task is a group of neighbouring rows and one kv head. Scores: lanes run over 16 tokens, the chain over headDim.
// Values: lanes run over headDim, the chain over tokens. Positions are worked in chunks of 256 counted from the
// sequence's start and merged left to right. Rows that have the same page (rows of one sequence, samples of
// one prompt) are worked together there, so that its keys and values are read once for all; that is a matter of speed
// alone, since each query's arithmetic is its own. What is needed next is fetched meanwhile.
//
// Tails: positions beyond the last visible one are computed and thrown away, in scores; they are skipped in the value
// chains, and are +0 in the lane sum (lanes are never −0). headDim that is no multiple of 16: the rest one by one.
// Test: AttentionTest, kernbench attention.
#include <math.h>

#include "../ops.h"
#include "../simd.h"

namespace wk {
namespace WK_ISA {
namespace {

constexpr int kQueries = kRegisters == 16 ? 3 : 6;  // queries of a tile
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
};

int64_t aligned(int64_t bytes) { return (bytes + 63) & ~63LL; }

int32_t share(const wk_op& op) { return op.heads / op.kv_heads; }

// All heads of a row in one task where there are tasks enough: what the next one needs can be fetched early.
int32_t heads_of_task(const Run& run) { return run.groups >= 4 * run.threads ? run.op->kv_heads : 1; }

int32_t tasks(const Run& run) { return run.groups * run.op->kv_heads / heads_of_task(run); }

int32_t most_queries(const Run& run) {
  int32_t most = 0;
  for (int32_t g = 0; g < run.groups; g++) {
    int32_t rows = run.group[g + 1] - run.group[g];
    most = rows > most ? rows : most;
  }
  return most * share(*run.op);
}

int64_t scratch(const Run& run) {
  int64_t dim = aligned(run.op->head_dim * sizeof(float));
  return most_queries(run) * (aligned(sizeof(Query)) + kChunk * sizeof(float) + 2 * dim);
}

const float* keys_of(const wk_op& op, int32_t page, int32_t head) {
  int64_t block = (static_cast<int64_t>(page) * op.layers + op.layer) * op.kv_heads + head;
  return op.cache + block * op.head_dim * kPage * 2;
}

// Asks for the line that lies `fetch` bytes from one that is read.
WK_INLINE void fetch_from(const float* line, int64_t fetch) {
  __builtin_prefetch(reinterpret_cast<const char*>(line) + fetch, 0, 2);
}

/* What a tile of queries fetches of the lines beside each other that it reads: all if it is alone, or one of them, a
   different one for each tile; none if `way` is 0. `way` leads from what is read to what is fetched, in bytes. */
struct Fetch {
  int64_t way;
  int lines;

  Fetch(int64_t to, int32_t tile, int32_t tiles) : way(to + tile * 64), lines(tiles == 1 ? kBlocks : 1) {
    if (to == 0 || tile >= kBlocks) lines = 0;
  }
};

// Scores of Q queries and 16 · B tokens.
template <int Q, int B, int F>
WK_INLINE void score_tile(Query* queries, const float* keys, int32_t dim, int32_t at, int32_t token, F32x16 scale,
                          int64_t fetch) {
  F32x16 s[Q][B];
  const float* q[Q];
  each<Q>(WK_EACH(i) {
    q[i] = queries[i].q;
    each<B>(WK_EACH(b) { s[i][b] = set1(0); });
  });
  const float* line = keys + token;
  for (int64_t d = 0; d < dim; d++) {
    F32x16 k[B];
    each<B>(WK_EACH(b) {
      k[b] = load(line + 16 * b);
      if constexpr (b < F) fetch_from(line + 16 * b, fetch);
    });
    each<Q>(WK_EACH(i) {
      F32x16 a = set1(q[i][d]);
      each<B>(WK_EACH(b) { s[i][b] = fma(a, k[b], s[i][b]); });
    });
    line += kPage;
  }
  each<Q>(WK_EACH(i) {
    float* scores = queries[i].scores + at + token;
    each<B>(WK_EACH(b) { store(scores + 16 * b, mul(s[i][b], scale)); });
  });
}

template <int Q, int F>
__attribute__((noinline)) void scores_of(Query* queries, const float* keys, int32_t dim, int32_t at, int32_t from,
                                         int32_t to, float scale, int64_t fetch) {
  F32x16 factor = set1(scale);
  int32_t token = from & ~15;
  for (; token + 16 * kBlocks <= ((to + 15) & ~15); token += 16 * kBlocks) {
    score_tile<Q, kBlocks, F>(queries, keys, dim, at, token, factor, fetch);
  }
  for (; token < to; token += 16) score_tile<Q, 1, 0>(queries, keys, dim, at, token, factor, fetch);
}

// Adds p · value of tokens from … to - 1 to the chains of Q queries, 16 · B dimensions at a time.
template <int Q, int B, int F>
WK_INLINE void value_tile(Query* queries, const float* values, int32_t dim, int32_t d, int32_t at, int32_t from,
                          int32_t to, int64_t fetch) {
  F32x16 a[Q][B];
  const float* scores[Q];
  each<Q>(WK_EACH(i) {
    scores[i] = queries[i].scores + at;
    each<B>(WK_EACH(b) { a[i][b] = load(queries[i].chunk + d + 16 * b); });
  });
  const float* line = values + static_cast<int64_t>(from) * dim + d;
  for (int64_t t = from; t < to; t++) {
    F32x16 v[B];
    each<B>(WK_EACH(b) {
      v[b] = load(line + 16 * b);
      if constexpr (b < F) fetch_from(line + 16 * b, fetch);
    });
    each<Q>(WK_EACH(i) {
      F32x16 p = set1(scores[i][t]);
      each<B>(WK_EACH(b) { a[i][b] = fma(p, v[b], a[i][b]); });
    });
    line += dim;
  }
  each<Q>(WK_EACH(i) { each<B>(WK_EACH(b) { store(queries[i].chunk + d + 16 * b, a[i][b]); }); });
}

template <int Q, int F>
__attribute__((noinline)) void values_of(Query* queries, const float* values, int32_t dim, int32_t at, int32_t from,
                                         int32_t to, int64_t fetch) {
  int32_t d = 0;
  for (; d + 16 * kBlocks <= dim; d += 16 * kBlocks) {
    value_tile<Q, kBlocks, F>(queries, values, dim, d, at, from, to, fetch);
  }
  for (; d + 16 <= dim; d += 16) value_tile<Q, 1, 0>(queries, values, dim, d, at, from, to, 0);
  for (; d < dim; d++) {
    for (int q = 0; q < Q; q++) {
      float a = queries[q].chunk[d];
      const float* value = values + static_cast<int64_t>(from) * dim + d;
      for (int32_t t = from; t < to; t++, value += dim) a = fmaf(queries[q].scores[at + t], *value, a);
      queries[q].chunk[d] = a;
    }
  }
}

#define WK_BY_QUERIES(count, call) \
  switch (count) {                 \
    case 1: call(1); break;        \
    case 2: call(2); break;        \
    case 3: call(3); break;        \
    case 4: call(4); break;        \
    case 5: call(5); break;        \
    case 6: call(6); break;        \
  }

#define WK_BY_LINES(count, lines)      \
  if ((lines) == 0) {                  \
    WK_BY_QUERIES(count, WK_CALL)      \
  } else if ((lines) == 1) {           \
    WK_BY_QUERIES(count, WK_CALL_1)    \
  } else {                             \
    WK_BY_QUERIES(count, WK_CALL_ALL)  \
  }

int32_t clamp(int32_t value, int32_t least, int32_t most) {
  return value < least ? least : value > most ? most : value;
}

int32_t tiles_of(int32_t queries) { return (queries + kQueries - 1) / kQueries; }

// Scores of some queries over a page; `way` leads from its keys to what is needed next.
void page_scores(const wk_op& op, Query* queries, int32_t count, const float* keys, int32_t at, int64_t way) {
  for (int32_t i = 0; i < count; i += kQueries) {
    int32_t tile = count - i < kQueries ? count - i : kQueries;
    Query* q = queries + i;
    int32_t first = kPage, last = 0;
    for (int32_t j = 0; j < tile; j++) {
      int32_t from = clamp(q[j].from - at, 0, kPage), to = clamp(q[j].to - at, 0, kPage);
      if (from >= to) continue;
      first = from < first ? from : first;
      last = to > last ? to : last;
    }
    if (first >= last) continue;
    Fetch fetch(last == kPage ? way : 0, i / kQueries, tiles_of(count));
#define WK_CALL(n) scores_of<n, 0>(q, keys, op.head_dim, at, first, last, op.scale, 0)
#define WK_CALL_1(n) scores_of<n, 1>(q, keys, op.head_dim, at, first, last, op.scale, fetch.way)
#define WK_CALL_ALL(n) scores_of<n, kBlocks>(q, keys, op.head_dim, at, first, last, op.scale, fetch.way)
    WK_BY_LINES(tile, fetch.lines)
#undef WK_CALL
#undef WK_CALL_1
#undef WK_CALL_ALL
  }
}

// Turns the visible scores of a chunk into p; keeps their maximum and sum.
void softmax(Query& q) {
  q.chunk_max = -INFINITY;
  q.chunk_sum = 0;
  if (q.from >= q.to) return;
  int32_t first = q.from & ~15, end = (q.to + 15) & ~15;
  // What is not visible in the first and last block must neither be the largest nor count.
  for (int32_t t = first; t < q.from; t++) q.scores[t] = -INFINITY;
  for (int32_t t = q.to; t < end; t++) q.scores[t] = -INFINITY;
  F32x16 most = set1(-INFINITY);
  for (int32_t t = first; t < end; t += 16) most = max(load(q.scores + t), most);
  q.chunk_max = lane_max(most);
  F32x16 top = set1(q.chunk_max), lanes = set1(0);
  for (int32_t t = first; t < end; t += 16) {
    F32x16 p = exp_to_one(sub(load(q.scores + t), top));
    store(q.scores + t, p);
    if (t < q.from || t + 16 > q.to) {
      for (int32_t i = t; i < q.from; i++) q.scores[i] = 0;
      for (int32_t i = q.to > t ? q.to : t; i < t + 16; i++) q.scores[i] = 0;
      p = load(q.scores + t);
    }
    lanes = add(lanes, p);
  }
  q.chunk_sum = lane_sum(lanes);
}

void merge(Query& q, int32_t dim) {
  if (q.from >= q.to) return;
  // A chunk's sum is at least 1 or NaN, so 0 says that there was none yet.
  if (q.sum == 0) {
    memcpy(q.total, q.chunk, dim * sizeof(float));
    q.max = q.chunk_max;
    q.sum = q.chunk_sum;
    return;
  }
  float most = q.max > q.chunk_max ? q.max : q.chunk_max;
  alignas(64) float difference[16] = {q.max - most, q.chunk_max - most};
  store(difference, exp(load(difference)));
  float before = difference[0], now = difference[1];
  q.sum = fmaf(q.sum, before, q.chunk_sum * now);
  F32x16 f = set1(before), g = set1(now);
  int32_t d = 0;
  for (; d + 16 <= dim; d += 16) store(q.total + d, fma(load(q.total + d), f, mul(load(q.chunk + d), g)));
  for (; d < dim; d++) q.total[d] = fmaf(q.total[d], before, q.chunk[d] * now);
  q.max = most;
}

void one_range(Query* queries, int32_t count, const float* values, int32_t dim, int32_t at, int32_t from, int32_t to,
               const Fetch& fetch) {
  if (from >= to) return;
#define WK_CALL(n) values_of<n, 0>(queries, values, dim, at, from, to, 0)
#define WK_CALL_1(n) values_of<n, 1>(queries, values, dim, at, from, to, fetch.way)
#define WK_CALL_ALL(n) values_of<n, kBlocks>(queries, values, dim, at, from, to, fetch.way)
  WK_BY_LINES(count, fetch.lines)
#undef WK_CALL
#undef WK_CALL_1
#undef WK_CALL_ALL
}

// The value chains of a tile over one page: what all of its queries see together, the rest by themselves; each query's
// tokens in ascending order.
void page_values(Query* queries, int32_t count, const float* values, int32_t dim, int32_t at,
                 const Fetch& fetch) {
  const Fetch nothing(0, 0, 1);
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

/* Neighbouring rows of a task that have the same page. */
struct Neighbours {
  int32_t row, end, page;
};

// The next rows, from `row` on, that see page `index` of their sequences and have the same one there; none if the answer's
// row is end.
Neighbours next_rows(const wk_rows& rows, int32_t row, int32_t end, int32_t index) {
  auto sees = [&](int32_t r) { return index <= rows.positions[r] / kPage; };
  while (row < end && !sees(row)) row++;
  if (row == end) return {row, row, 0};
  int32_t page = rows.pages[rows.page_table[row] + index], last = row + 1;
  while (last < end && sees(last) && rows.pages[rows.page_table[last] + index] == page) last++;
  return {row, last, page};
}

// A chunk of all queries of a task, those of `each` heads for each row from `first` on.
void chunk_of(const wk_op& op, const wk_rows& rows, Query* queries, int32_t first, int32_t end, int32_t each,
              int32_t head, int32_t chunk, bool more_heads) {
  int64_t values_behind = op.head_dim * static_cast<int64_t>(kPage);
  for (int32_t at = 0; at < kChunk; at += kPage) {
    for (Neighbours n = next_rows(rows, first, end, (chunk + at) / kPage); n.row < end;
         n = next_rows(rows, n.end, end, (chunk + at) / kPage)) {
      page_scores(op, queries + (n.row - first) * each, (n.end - n.row) * each, keys_of(op, n.page, head), at,
                  values_behind * static_cast<int64_t>(sizeof(float)));
    }
  }
  int32_t count = (end - first) * each;
  for (int32_t i = 0; i < count; i++) {
    softmax(queries[i]);
    memset(queries[i].chunk, 0, op.head_dim * sizeof(float));
  }
  for (int32_t at = 0; at < kChunk; at += kPage) {
    int32_t index = (chunk + at) / kPage, later = index + kChunk / kPage;
    for (Neighbours n = next_rows(rows, first, end, index); n.row < end; n = next_rows(rows, n.end, end, index)) {
      const float* values = keys_of(op, n.page, head) + values_behind;
      // Meanwhile the keys of the next chunk are fetched, or those of the next head's first one.
      const float* next = nullptr;
      const int32_t* pages = rows.pages + rows.page_table[n.row];
      int32_t last = rows.positions[n.row] / kPage;
      if (later <= last) {
        next = keys_of(op, pages[later], head);
      } else if (more_heads && op.window == 0) {
        next = keys_of(op, pages[at / kPage], head + 1);
      }
      int64_t way = next == nullptr
          ? 0 : reinterpret_cast<const char*>(next) - reinterpret_cast<const char*>(values);
      int32_t here = (n.end - n.row) * each;
      for (int32_t i = 0; i < here; i += kQueries) {
        int32_t tile = here - i < kQueries ? here - i : kQueries;
        page_values(queries + (n.row - first) * each + i, tile, values, op.head_dim, at,
                    Fetch(way, i / kQueries, tiles_of(here)));
      }
    }
  }
  for (int32_t i = 0; i < count; i++) merge(queries[i], op.head_dim);
}

void run_head(const Run& run, int32_t first, int32_t end, int32_t head, bool more_heads, char* scratch) {
  const wk_op& op = *run.op;
  const wk_rows& rows = *run.rows;
  int32_t each = share(op), count = (end - first) * each, dim = op.head_dim;
  int64_t stride = static_cast<int64_t>(op.heads + 2 * op.kv_heads) * dim;
  Query* queries = reinterpret_cast<Query*>(scratch);
  char* room = scratch + aligned(count * sizeof(Query));
  int32_t least = INT32_MAX, last = 0;
  for (int32_t i = 0; i < count; i++) {
    Query& q = queries[i];
    int64_t row = first + i / each, column = static_cast<int64_t>(head * each + i % each) * dim;
    q.q = op.x + row * stride + column;
    q.out = op.out + row * op.heads * dim + column;
    q.position = rows.positions[row];
    q.sum = 0;
    q.scores = reinterpret_cast<float*>(room);
    q.chunk = reinterpret_cast<float*>(room + kChunk * sizeof(float));
    q.total = reinterpret_cast<float*>(room + kChunk * sizeof(float) + aligned(dim * sizeof(float)));
    room += kChunk * sizeof(float) + 2 * aligned(dim * sizeof(float));
    int32_t begin = op.window == 0 || q.position < op.window ? 0 : q.position - op.window + 1;
    least = begin < least ? begin : least;
    last = q.position > last ? q.position : last;
  }
  for (int32_t chunk = least / kChunk * kChunk; chunk <= last; chunk += kChunk) {
    for (int32_t i = 0; i < count; i++) {
      Query& q = queries[i];
      int32_t begin = op.window == 0 || q.position < op.window ? 0 : q.position - op.window + 1;
      q.from = clamp(begin - chunk, 0, kChunk);
      q.to = clamp(q.position + 1 - chunk, 0, kChunk);
    }
    chunk_of(op, rows, queries, first, end, each, head, chunk, more_heads && chunk + kChunk > last);
  }
  for (int32_t i = 0; i < count; i++) {
    F32x16 sum = set1(queries[i].sum);
    int32_t d = 0;
    for (; d + 16 <= dim; d += 16) store(queries[i].out + d, div(load(queries[i].total + d), sum));
    for (; d < dim; d++) queries[i].out[d] = queries[i].total[d] / queries[i].sum;
  }
}

void run_task(const Run& run, int32_t task, char* scratch) {
  int32_t heads = heads_of_task(run), tasks_of_group = run.op->kv_heads / heads;
  int32_t group = task / tasks_of_group, head = task % tasks_of_group * heads;
  for (int32_t i = 0; i < heads; i++) {
    run_head(run, run.group[group], run.group[group + 1], head + i, i + 1 < heads, scratch);
  }
}

int32_t store_tasks(const Run& run) { return row_tasks(run, 2 * run.op->kv_heads * run.op->head_dim); }

int64_t store_scratch(const Run&) { return 0; }

void store_task(const Run& run, int32_t task, char*) {
  const wk_op& op = *run.op;
  int64_t dim = op.head_dim, stride = static_cast<int64_t>(op.heads + 2 * op.kv_heads) * dim;
  int32_t from, to;
  row_range(run, store_tasks(run), task, &from, &to);
  for (int64_t r = from; r < to; r++) {
    int32_t position = run.rows->positions[r];
    int32_t page = run.rows->pages[run.rows->page_table[r] + position / kPage], slot = position % kPage;
    for (int32_t h = 0; h < op.kv_heads; h++) {
      const float* key = op.x + r * stride + (op.heads + h) * dim;
      float* keys = const_cast<float*>(keys_of(op, page, h));
      for (int64_t d = 0; d < dim; d++) keys[d * kPage + slot] = key[d];
      memcpy(keys + dim * kPage + slot * dim, key + op.kv_heads * dim, dim * sizeof(float));
    }
  }
}

}  // namespace

extern const Operation attention;
const Operation attention = {tasks, scratch, run_task};
extern const Operation store_kv;
const Operation store_kv = {store_tasks, store_scratch, store_task};

}  // namespace WK_ISA
}  // namespace wk
