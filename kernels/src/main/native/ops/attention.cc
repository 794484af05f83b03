// SPDX-License-Identifier: Apache-2.0
// Causal attention over paged keys and values. NUMERICS.md: storeKv and attention.
//
// Operands: x float [rows][(heads + 2 kvHeads) · headDim]: queries, keys, values; out float [rows][heads · headDim];
// cache [page][layer][kv head] as kv_page.h has it.
//
// A task is a group of neighbouring rows and one kv head. Scores: lanes run over 16 tokens, the chain over headDim.
// Values: lanes run over headDim, the chain over tokens. Positions are worked in chunks of 256 counted from the
// sequence's start and merged left to right. Where the cache holds codes, scores and sums of values are integers. Rows
// that have the same page (rows of one sequence, samples of one prompt) are worked together there, so that its keys and
// values are read once for all; that is a matter of speed alone, since each query's arithmetic is its own. What is
// needed next is fetched meanwhile. Bfloat16 are widened in registers for few queries, and for more into scratch, once
// for all that see them.
//
// Tails: positions beyond the last visible one are computed and thrown away, in scores; they are skipped in the value
// chains, and are +0 in the lane sum (lanes are never −0). headDim that is no multiple of 16: the rest one by one.
// Test: AttentionTest, kernbench attention.
#include <math.h>

#include "attention_codes.h"

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
  bool narrow = run.op->cache_format == WK_KV_INT8;
  int64_t codes = narrow ? aligned(2 * (run.op->head_dim + 15)) + kChunk * sizeof(int16_t) + dim : 0;
  return kPage * (dim + static_cast<int64_t>(sizeof(float)))
      + most_queries(run) * (aligned(sizeof(Query)) + kChunk * sizeof(float) + 2 * dim + codes);
}

alignas(64) const float kLanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// A block's lanes at position t on, with `other` where the query does not see them.
WK_INLINE F32x16 where_seen(const Query& q, int32_t t, F32x16 block, float other) {
  if (t >= q.from && t + 16 <= q.to) return block;
  F32x16 position = add(load(kLanes), set1(static_cast<float>(t)));
  block = pick_gt(set1(static_cast<float>(q.to)), position, block, set1(other));
  return pick_gt(set1(static_cast<float>(q.from)), position, set1(other), block);
}

// Turns the visible scores of a chunk into p; keeps their maximum and sum. What is not visible in the first and last
// block must neither be the largest nor count.
void softmax(Query& q) {
  q.chunk_max = -INFINITY;
  q.chunk_sum = 0;
  if (q.from >= q.to) return;
  int32_t first = q.from & ~15, end = (q.to + 15) & ~15;
  F32x16 most = set1(-INFINITY);
  for (int32_t t = first; t < end; t += 16) most = max(where_seen(q, t, load(q.scores + t), -INFINITY), most);
  q.chunk_max = lane_max(most);
  F32x16 top = set1(q.chunk_max), lanes = set1(0);
  for (int32_t t = first; t < end; t += 16) {
    F32x16 p = where_seen(q, t, exp_to_one(sub(load(q.scores + t), top)), 0);
    store(q.scores + t, p);
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
  int32_t next_end;                 // the end of the rows behind them that the next group has
  Query* queries;
  float* wide;     // [64][headDim] a page's keys or values, where it does not hold floats
  float* factors;  // [64] of the scores of a page's tokens

  Query* of(const Neighbours& n) const { return queries + (n.row - first) * each; }
  int32_t count(const Neighbours& n) const { return (n.end - n.row) * each; }
  Neighbours next(int32_t row, int32_t index) const { return next_rows(rows, row, end, index); }
};

// Scores over a page of bfloat16.
void narrow_scores(const Head& h, const Neighbours& n, int32_t at, char* page) {
  if (h.count(n) <= kNarrow) {
    page_scores<2>(h.of(n), h.count(n), {h.shape.keys(page), h.shape.block_bytes}, h.shape, at, h.factors, page);
    return;
  }
  int32_t from, to;
  seen_by(h.of(n), h.count(n), at, &from, &to);
  if (from >= to) return;
  widen_keys<2>(h.shape, h.shape.keys(page), from / kBlock, (to + kBlock - 1) / kBlock, h.wide);
  Keys keys = {reinterpret_cast<const char*>(h.wide), h.op.head_dim * kBlock * static_cast<int64_t>(sizeof(float))};
  page_scores<1>(h.of(n), h.count(n), keys, h.shape, at, h.factors, page);
}

void head_scores(const Head& h, const Neighbours& n, int32_t at) {
  char* page = h.shape.page(h.op, n.page, h.head);
  if (h.op.cache_format == WK_KV_F32) {
    page_scores<1>(h.of(n), h.count(n), {h.shape.keys(page), h.shape.block_bytes}, h.shape, at, h.factors, page);
  } else if (h.op.cache_format == WK_KV_BF16) {
    narrow_scores(h, n, at, page);
  } else {
    const float* scales = h.shape.key_scales(page);
    F32x16 factor = set1(h.op.scale);
    for (int32_t t = 0; t < kPage; t += 16) store(h.factors + t, mul(load(scales + t), factor));
    code_scores(h.of(n), h.count(n), h.shape, at, h.factors, page);
  }
}

template <class T>
void all_values(const Head& h, const Neighbours& n, int32_t at, const T* values, Fetch& fetch) {
  for (int32_t i = 0; i < h.count(n); i += kQueries) {
    int32_t tile = h.count(n) - i < kQueries ? h.count(n) - i : kQueries;
    page_values(h.of(n) + i, tile, values, h.op.head_dim, at, fetch);
  }
}

// The value chains over a page of bfloat16.
void narrow_values(const Head& h, const Neighbours& n, int32_t at, int32_t from, int32_t to, char* page, Fetch& fetch) {
  const uint16_t* values = reinterpret_cast<const uint16_t*>(h.shape.values(page));
  if (h.count(n) <= kNarrow) {
    all_values(h, n, at, values, fetch);
  } else {
    widen_values(h.shape, values, from, to, h.wide);
    all_values(h, n, at, static_cast<const float*>(h.wide), fetch);
  }
}

// The weights of a page's values: p · vs, and 0 where a query does not see it.
void head_weights(const Head& h, const Neighbours& n, int32_t at) {
  const float* scales = h.shape.value_scales(h.shape.page(h.op, n.page, h.head));
  for (int32_t i = 0; i < h.count(n); i++) {
    Query& q = h.of(n)[i];
    int32_t last = clamp(q.to - at, 0, kPage);
    for (int32_t t = clamp(q.from - at, 0, kPage) & ~15; t < last; t += 16) {
      float* p = q.scores + at + t;
      store(p, where_seen(q, at + t, mul(load(p), load(scales + t)), 0));
    }
  }
}

/* The first tokens of a page; none where tokens is 0. */
struct Ahead {
  char* page;
  int32_t tokens;
};

// The value chains of a page; meanwhile the keys of what comes next are fetched.
void head_values(const Head& h, const Neighbours& n, int32_t at, const Ahead& next) {
  char* page = h.shape.page(h.op, n.page, h.head);
  int32_t from, to;
  seen_by(h.of(n), h.count(n), at, &from, &to);
  if (from >= to) return;
  int64_t passes = h.op.head_dim / (16 * kBlocks);
  Fetch fetch(next.page, h.shape.key_side_bytes(next.tokens), passes * (to - from) * tiles_of(h.count(n)));
  if (h.op.cache_format == WK_KV_F32) {
    all_values(h, n, at, reinterpret_cast<const float*>(h.shape.values(page)), fetch);
  } else if (h.op.cache_format == WK_KV_BF16) {
    narrow_values(h, n, at, from, to, page, fetch);
  } else {
    const int8_t* codes = reinterpret_cast<const int8_t*>(h.shape.values(page));
    code_values(h.of(n), h.count(n), codes, h.op.head_dim, at, fetch);
  }
}

// What the same rows see of their next chunk, or what is seen in the first chunk by what comes next: the next head, or
// the next group's rows.
Ahead what_is_next(const Head& h, const Neighbours& n, int32_t chunk, int32_t at, bool last_chunk) {
  int32_t row = n.row, index = (chunk + at + kChunk) / kPage, head = h.head;
  if (index > h.rows.positions[row] / kPage) {
    index = at / kPage;
    head++;
    if (head == h.op.kv_heads) {
      head = 0;
      row += h.end - h.first;
      if (row >= h.next_end) return {nullptr, 0};
    }
    if (!last_chunk || h.op.window != 0 || index > h.rows.positions[row] / kPage) return {nullptr, 0};
  }
  int32_t seen = clamp(h.rows.positions[row] + 1 - index * kPage, 0, kPage);
  return {h.shape.page(h.op, h.rows.pages[h.rows.page_table[row] + index], head), seen};
}

// A chunk of all queries of a task.
void chunk_of(const Head& h, int32_t chunk, bool last_chunk) {
  bool codes = h.op.cache_format == WK_KV_INT8;
  int32_t count = (h.end - h.first) * h.each;
  auto pages = [&](auto work) WK_ALWAYS {
    for (int32_t at = 0; at < kChunk; at += kPage) {
      int32_t index = (chunk + at) / kPage;
      for (Neighbours n = h.next(h.first, index); n.row < h.end; n = h.next(n.end, index)) work(n, at);
    }
  };
  pages([&](const Neighbours& n, int32_t at) { head_scores(h, n, at); });
  for (int32_t i = 0; i < count; i++) softmax(h.queries[i]);
  if (codes) {
    pages([&](const Neighbours& n, int32_t at) { head_weights(h, n, at); });
    int32_t from, to;
    seen_by(h.queries, count, 0, &from, &to, kChunk);
    for (int32_t i = 0; i < count; i++) code_weights(h.queries[i], h.op.head_dim, from, to);
  } else {
    for (int32_t i = 0; i < count; i++) memset(h.queries[i].chunk, 0, h.op.head_dim * sizeof(float));
  }
  pages([&](const Neighbours& n, int32_t at) { head_values(h, n, at, what_is_next(h, n, chunk, at, last_chunk)); });
  for (int32_t i = 0; i < count; i++) {
    if (codes) code_sums(h.queries[i], h.op.head_dim);
    merge(h.queries[i], h.op.head_dim);
  }
}

void run_head(const Run& run, int32_t group, int32_t head, char* scratch) {
  const wk_op& op = *run.op;
  const wk_rows& rows = *run.rows;
  int32_t first = run.group[group], end = run.group[group + 1];
  int32_t next_end = group + 1 < run.groups ? run.group[group + 2] : end;
  int32_t each = share(op), count = (end - first) * each, dim = op.head_dim;
  int64_t stride = static_cast<int64_t>(op.heads + 2 * op.kv_heads) * dim;
  int64_t page = kPage * static_cast<int64_t>(sizeof(float));
  Query* queries = reinterpret_cast<Query*>(scratch + page + kPage * aligned(dim * sizeof(float)));
  char* room = reinterpret_cast<char*>(queries) + aligned(count * sizeof(Query));
  float* factors = reinterpret_cast<float*>(scratch);
  for (int32_t t = 0; t < kPage; t++) factors[t] = op.scale;
  Head h = {op, rows, KvShape(op), first, end, each, head, next_end, queries, factors + kPage, factors};
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
    if (op.cache_format == WK_KV_INT8) {
      q.weights = reinterpret_cast<int16_t*>(room);
      q.sums = reinterpret_cast<int32_t*>(room + kChunk * sizeof(int16_t));
      q.codes = reinterpret_cast<int8_t*>(room + kChunk * sizeof(int16_t) + aligned(dim * sizeof(float)));
      room += kChunk * sizeof(int16_t) + aligned(dim * sizeof(float)) + aligned(2 * (dim + 15));
      code_query(q, dim);
    }
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
    chunk_of(h, chunk, chunk + kChunk > last);
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
  for (int32_t i = 0; i < heads; i++) run_head(run, group, head + i, scratch);
}

}  // namespace

extern const Operation attention;
const Operation attention = {tasks, scratch, run_task};

}  // namespace WK_ISA
}  // namespace wk
