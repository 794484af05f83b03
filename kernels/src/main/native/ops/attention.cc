// SPDX-License-Identifier: Apache-2.0
// Causal attention over paged keys and values. NUMERICS.md: storeKv and attention.
//
// Operands: x float [rows][(heads + 2 kvHeads) · headDim]: queries, keys, values; out float [rows][heads · headDim];
// cache [page][layer][kv head] as kv_page.h has it.
//
// A task is a group of neighbouring rows and one kv head. Scores: lanes run over 16 tokens, the chain over headDim.
// Values: lanes run over headDim, the chain over tokens. Positions are worked in chunks of 256 counted from the
// sequence's start and merged left to right. Rows that have the same page (rows of one sequence, samples of
// one prompt) are worked together there, so that its keys and values are read once for all; that is a matter of speed
// alone, since each query's arithmetic is its own. What is needed next is fetched meanwhile. Pages that hold no floats
// are widened into scratch, once for all queries of a task that see them.
//
// Tails: positions beyond the last visible one are computed and thrown away, in scores; they are skipped in the value
// chains, and are +0 in the lane sum (lanes are never −0). headDim that is no multiple of 16: the rest one by one.
// Test: AttentionTest, kernbench attention.
#include <math.h>

#include "attention_tiles.h"

namespace wk {
namespace WK_ISA {
namespace {

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
  return kPage * (dim + static_cast<int64_t>(sizeof(float)))
      + most_queries(run) * (aligned(sizeof(Query)) + kChunk * sizeof(float) + 2 * dim);
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

/* Neighbouring rows of a task that have the same page. */
struct Neighbours {
  int32_t row, end, page;
};

// The next rows, from `row` on, that see page `index` of their sequences and have the same one there; none if the
// answer's row is end.
Neighbours next_rows(const wk_rows& rows, int32_t row, int32_t end, int32_t index) {
  auto sees = [&](int32_t r) { return index <= rows.positions[r] / kPage; };
  while (row < end && !sees(row)) row++;
  if (row == end) return {row, row, 0};
  int32_t page = rows.pages[rows.page_table[row] + index], last = row + 1;
  while (last < end && sees(last) && rows.pages[rows.page_table[last] + index] == page) last++;
  return {row, last, page};
}

/* One kv head of a task. */
struct Head {
  const wk_op& op;
  const wk_rows& rows;
  KvShape shape;
  int32_t first, end, each, head;  // rows first … end - 1 with `each` queries of kv head `head`
  Query* queries;
  float* wide;     // [64][headDim] a page's keys or values, where it does not hold floats
  float* factors;  // [64] of the scores of a page's tokens

  Query* of(const Neighbours& n) const { return queries + (n.row - first) * each; }
  int32_t count(const Neighbours& n) const { return (n.end - n.row) * each; }
  Neighbours next(int32_t row, int32_t index) const { return next_rows(rows, row, end, index); }
};

void head_scores(const Head& h, const Neighbours& n, int32_t at) {
  char* page = h.shape.page(h.op, n.page, h.head);
  const float* keys = reinterpret_cast<const float*>(page);
  if (h.op.cache_format != WK_KV_F32) {
    int32_t from, to;
    seen_by(h.of(n), h.count(n), at, &from, &to);
    if (from >= to) return;
    from = from / kBlock;
    to = (to + kBlock - 1) / kBlock;
    if (h.op.cache_format == WK_KV_BF16) {
      widen_keys<2>(h.shape, page, from, to, h.wide);
    } else {
      widen_keys<4>(h.shape, page, from, to, h.wide);
      const float* scales = h.shape.key_scales(page);
      F32x16 factor = set1(h.op.scale);
      for (int32_t t = 0; t < kPage; t += 16) store(h.factors + t, mul(load(scales + t), factor));
    }
    keys = h.wide;
  }
  page_scores(h.of(n), h.count(n), keys, h.op.head_dim, at, h.factors, h.shape.values(page), h.shape.key_bytes);
}

// The value chains of a page; meanwhile the keys at `next` are fetched, if there are any.
void head_values(const Head& h, const Neighbours& n, int32_t at, const char* next) {
  char* page = h.shape.page(h.op, n.page, h.head);
  const float* values = reinterpret_cast<const float*>(h.shape.values(page));
  Query* queries = h.of(n);
  int32_t count = h.count(n);
  int32_t from, to;
  seen_by(queries, count, at, &from, &to);
  if (from >= to) return;
  if (h.op.cache_format != WK_KV_F32) {
    if (h.op.cache_format == WK_KV_BF16) {
      widen_values(h.shape, reinterpret_cast<const uint16_t*>(values), from, to, h.wide);
    } else {
      widen_values(h.shape, reinterpret_cast<const int8_t*>(values), from, to, h.wide);
      const float* scales = h.shape.value_scales(page);
      for (int32_t i = 0; i < count; i++) {
        int32_t last = clamp(queries[i].to - at, 0, kPage);
        float* p = queries[i].scores + at;
        for (int32_t t = clamp(queries[i].from - at, 0, kPage) & ~15; t < last; t += 16) {
          store(p + t, mul(load(p + t), load(scales + t)));
        }
      }
    }
    values = h.wide;
  }
  int64_t passes = h.op.head_dim / (16 * kBlocks);
  Fetch fetch(next, h.shape.key_bytes, passes * (to - from) * tiles_of(count));
  for (int32_t i = 0; i < count; i += kQueries) {
    int32_t tile = count - i < kQueries ? count - i : kQueries;
    page_values(queries + i, tile, values, h.op.head_dim, at, fetch);
  }
}

// The keys of the same rows' next chunk, or those of the next head's first one; null where there is neither.
const char* next_keys(const Head& h, const Neighbours& n, int32_t chunk, int32_t at, bool more_heads) {
  const int32_t* pages = h.rows.pages + h.rows.page_table[n.row];
  int32_t later = (chunk + at + kChunk) / kPage;
  if (later <= h.rows.positions[n.row] / kPage) return h.shape.page(h.op, pages[later], h.head);
  return more_heads && h.op.window == 0 ? h.shape.page(h.op, pages[at / kPage], h.head + 1) : nullptr;
}

// A chunk of all queries of a task.
void chunk_of(const Head& h, int32_t chunk, bool more_heads) {
  for (int32_t at = 0; at < kChunk; at += kPage) {
    int32_t index = (chunk + at) / kPage;
    for (Neighbours n = h.next(h.first, index); n.row < h.end; n = h.next(n.end, index)) head_scores(h, n, at);
  }
  int32_t count = (h.end - h.first) * h.each;
  for (int32_t i = 0; i < count; i++) {
    softmax(h.queries[i]);
    memset(h.queries[i].chunk, 0, h.op.head_dim * sizeof(float));
  }
  for (int32_t at = 0; at < kChunk; at += kPage) {
    int32_t index = (chunk + at) / kPage;
    for (Neighbours n = h.next(h.first, index); n.row < h.end; n = h.next(n.end, index)) {
      head_values(h, n, at, next_keys(h, n, chunk, at, more_heads));
    }
  }
  for (int32_t i = 0; i < count; i++) merge(h.queries[i], h.op.head_dim);
}

void run_head(const Run& run, int32_t first, int32_t end, int32_t head, bool more_heads, char* scratch) {
  const wk_op& op = *run.op;
  const wk_rows& rows = *run.rows;
  int32_t each = share(op), count = (end - first) * each, dim = op.head_dim;
  int64_t stride = static_cast<int64_t>(op.heads + 2 * op.kv_heads) * dim;
  int64_t page = kPage * static_cast<int64_t>(sizeof(float));
  Query* queries = reinterpret_cast<Query*>(scratch + page + kPage * aligned(dim * sizeof(float)));
  char* room = reinterpret_cast<char*>(queries) + aligned(count * sizeof(Query));
  float* factors = reinterpret_cast<float*>(scratch);
  for (int32_t t = 0; t < kPage; t++) factors[t] = op.scale;
  Head h = {op, rows, KvShape(op), first, end, each, head, queries, factors + kPage, factors};
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
    chunk_of(h, chunk, more_heads && chunk + kChunk > last);
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

}  // namespace

extern const Operation attention;
const Operation attention = {tasks, scratch, run_task};

}  // namespace WK_ISA
}  // namespace wk
