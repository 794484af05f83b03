// SPDX-License-Identifier: Apache-2.0
// Causal attention over paged keys and values, and the storing of both. NUMERICS.md: storeKv and attention.
//
// Operands: x float [rows][(heads + 2 kvHeads) · headDim]: queries, keys, values; out float [rows][heads · headDim];
// cache float [page][layer][kv head], of each first keys [headDim][64 tokens], then values [64 tokens][headDim].
//
// A task is a group of neighbouring rows and one kv head. Scores: lanes run over 16 tokens, the chain over headDim.
// Values: lanes run over headDim, the chain over tokens. Positions are worked in chunks of 256 counted from the
// sequence's start and merged left to right. Rows whose page ids are equal within a chunk (rows of one sequence,
// samples of one prompt) are worked together there, so that their keys and values are read once for all; that is a
// matter of speed alone, since each query's arithmetic is its own.
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

int32_t tasks(const Run& run) { return run.groups * run.op->kv_heads; }

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

// Scores of Q queries and 16 · B tokens.
template <int Q, int B>
WK_INLINE void score_tile(Query* queries, const float* keys, int32_t dim, int32_t at, int32_t token, F32x16 scale) {
  F32x16 s[Q][B];
  for (int q = 0; q < Q; q++) {
    for (int b = 0; b < B; b++) s[q][b] = set1(0);
  }
  const float* line = keys + token;
  for (int32_t d = 0; d < dim; d++, line += kPage) {
    F32x16 k[B];
    for (int b = 0; b < B; b++) k[b] = load(line + 16 * b);
#pragma GCC unroll 8
    for (int q = 0; q < Q; q++) {
      F32x16 a = set1(queries[q].q[d]);
      for (int b = 0; b < B; b++) s[q][b] = fma(a, k[b], s[q][b]);
    }
  }
  for (int q = 0; q < Q; q++) {
    for (int b = 0; b < B; b++) store(queries[q].scores + at + token + 16 * b, mul(s[q][b], scale));
  }
}

template <int Q>
void scores_of(Query* queries, const float* keys, int32_t dim, int32_t at, int32_t from, int32_t to, float scale) {
  F32x16 factor = set1(scale);
  int32_t token = from & ~15;
  for (; token + 16 * kBlocks <= ((to + 15) & ~15); token += 16 * kBlocks) {
    score_tile<Q, kBlocks>(queries, keys, dim, at, token, factor);
  }
  for (; token < to; token += 16) score_tile<Q, 1>(queries, keys, dim, at, token, factor);
}

// Adds p · value of tokens from … to - 1 to the chains of Q queries, 16 · B dimensions at a time.
template <int Q, int B>
WK_INLINE void value_tile(Query* queries, const float* values, int32_t dim, int32_t d, int32_t at, int32_t from,
                          int32_t to) {
  F32x16 a[Q][B];
  for (int q = 0; q < Q; q++) {
    for (int b = 0; b < B; b++) a[q][b] = load(queries[q].chunk + d + 16 * b);
  }
  const float* line = values + static_cast<int64_t>(from) * dim + d;
  for (int32_t t = from; t < to; t++, line += dim) {
    F32x16 v[B];
    for (int b = 0; b < B; b++) v[b] = load(line + 16 * b);
#pragma GCC unroll 8
    for (int q = 0; q < Q; q++) {
      F32x16 p = set1(queries[q].scores[at + t]);
      for (int b = 0; b < B; b++) a[q][b] = fma(p, v[b], a[q][b]);
    }
  }
  for (int q = 0; q < Q; q++) {
    for (int b = 0; b < B; b++) store(queries[q].chunk + d + 16 * b, a[q][b]);
  }
}

template <int Q>
void values_of(Query* queries, const float* values, int32_t dim, int32_t at, int32_t from, int32_t to) {
  int32_t d = 0;
  for (; d + 16 * kBlocks <= dim; d += 16 * kBlocks) value_tile<Q, kBlocks>(queries, values, dim, d, at, from, to);
  for (; d + 16 <= dim; d += 16) value_tile<Q, 1>(queries, values, dim, d, at, from, to);
  for (; d < dim; d++) {
    for (int q = 0; q < Q; q++) {
      float a = queries[q].chunk[d];
      for (int32_t t = from; t < to; t++) a = fmaf(queries[q].scores[at + t], values[static_cast<int64_t>(t) * dim + d], a);
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

int32_t clamp(int32_t value, int32_t least, int32_t most) {
  return value < least ? least : value > most ? most : value;
}

// Scores of some queries over the pages of a chunk that one of them sees.
void chunk_scores(const wk_op& op, Query* queries, int32_t count, const int32_t* pages, int32_t head, int32_t chunk) {
  for (int32_t i = 0; i < count; i += kQueries) {
    int32_t tile = count - i < kQueries ? count - i : kQueries;
    Query* q = queries + i;
    int32_t from = kChunk, to = 0;
    for (int32_t j = 0; j < tile; j++) {
      if (q[j].from >= q[j].to) continue;
      from = q[j].from < from ? q[j].from : from;
      to = q[j].to > to ? q[j].to : to;
    }
    for (int32_t at = from / kPage * kPage; at < to; at += kPage) {
      const float* keys = keys_of(op, pages[(chunk + at) / kPage], head);
      int32_t first = clamp(from - at, 0, kPage), last = clamp(to - at, 0, kPage);
#define WK_CALL(n) scores_of<n>(q, keys, op.head_dim, at, first, last, op.scale)
      WK_BY_QUERIES(tile, WK_CALL)
#undef WK_CALL
    }
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
    F32x16 p = exp(sub(load(q.scores + t), top));
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

void one_range(Query* queries, int32_t count, const float* values, int32_t dim, int32_t at, int32_t from, int32_t to) {
  if (from >= to) return;
#define WK_CALL(n) values_of<n>(queries, values, dim, at, from, to)
  WK_BY_QUERIES(count, WK_CALL)
#undef WK_CALL
}

// The value chains of a tile over one page: what all of its queries see together, the rest by themselves; each query's
// tokens in ascending order.
void page_values(Query* queries, int32_t count, const float* values, int32_t dim, int32_t at) {
  int32_t from[kQueries], to[kQueries];
  int32_t begin = 0, end = kPage;
  for (int32_t j = 0; j < count; j++) {
    from[j] = clamp(queries[j].from - at, 0, kPage);
    to[j] = clamp(queries[j].to - at, from[j], kPage);
    begin = from[j] > begin ? from[j] : begin;
    end = to[j] < end ? to[j] : end;
  }
  if (begin >= end) {
    for (int32_t j = 0; j < count; j++) one_range(queries + j, 1, values, dim, at, from[j], to[j]);
    return;
  }
  for (int32_t j = 0; j < count; j++) one_range(queries + j, 1, values, dim, at, from[j], begin);
  one_range(queries, count, values, dim, at, begin, end);
  for (int32_t j = 0; j < count; j++) one_range(queries + j, 1, values, dim, at, end, to[j]);
}

// A chunk of queries that see the same pages there.
void chunk_of(const wk_op& op, Query* queries, int32_t count, const int32_t* pages, int32_t head, int32_t chunk) {
  chunk_scores(op, queries, count, pages, head, chunk);
  int32_t from = kChunk, to = 0;
  for (int32_t i = 0; i < count; i++) {
    softmax(queries[i]);
    memset(queries[i].chunk, 0, op.head_dim * sizeof(float));
    if (queries[i].from < queries[i].to) {
      from = queries[i].from < from ? queries[i].from : from;
      to = queries[i].to > to ? queries[i].to : to;
    }
  }
  for (int32_t at = from / kPage * kPage; at < to; at += kPage) {
    const float* values = keys_of(op, pages[(chunk + at) / kPage], head) + static_cast<int64_t>(op.head_dim) * kPage;
    for (int32_t i = 0; i < count; i += kQueries) {
      int32_t tile = count - i < kQueries ? count - i : kQueries;
      page_values(queries + i, tile, values, op.head_dim, at);
    }
  }
  for (int32_t i = 0; i < count; i++) merge(queries[i], op.head_dim);
}

// True if two rows have the same pages wherever they see positions of the chunk.
bool same_pages(const wk_rows& rows, int32_t a, int32_t b, int32_t chunk) {
  if (rows.page_table[a] == rows.page_table[b]) return true;
  int32_t first = chunk / kPage;
  int32_t last_a = rows.positions[a] / kPage, last_b = rows.positions[b] / kPage;
  for (int32_t i = first; i < first + kChunk / kPage; i++) {
    if ((i <= last_a) != (i <= last_b)) return false;
    if (i <= last_a && rows.pages[rows.page_table[a] + i] != rows.pages[rows.page_table[b] + i]) return false;
  }
  return true;
}

void run_task(const Run& run, int32_t task, char* scratch) {
  const wk_op& op = *run.op;
  const wk_rows& rows = *run.rows;
  int32_t head = task % op.kv_heads;
  int32_t first = run.group[task / op.kv_heads], end = run.group[task / op.kv_heads + 1];
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
    for (int32_t row = first; row < end;) {
      int32_t next = row + 1;
      while (next < end && same_pages(rows, row, next, chunk)) next++;
      chunk_of(op, queries + (row - first) * each, (next - row) * each, rows.pages + rows.page_table[row], head, chunk);
      row = next;
    }
  }
  for (int32_t i = 0; i < count; i++) {
    F32x16 sum = set1(queries[i].sum);
    int32_t d = 0;
    for (; d + 16 <= dim; d += 16) store(queries[i].out + d, div(load(queries[i].total + d), sum));
    for (; d < dim; d++) queries[i].out[d] = queries[i].total[d] / queries[i].sum;
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
