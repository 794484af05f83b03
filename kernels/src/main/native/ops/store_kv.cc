// SPDX-License-Identifier: Apache-2.0
// Keys and values of a step's rows go into their sequences' pages. NUMERICS.md: storeKv and attention.
//
// A decoded token's key is scattered, 4 bytes to each of many lines that no cache holds: the lines of the next row are
// asked for while those of this one are written. Test: AttentionTest, kernbench attention.
#include "grouped.h"
#include "kv_page.h"

namespace wk {
namespace WK_ISA {
namespace {

constexpr int32_t kAhead = 1;  // heads of rows that lines are asked for before they are written

int32_t tasks(const Run& run) { return row_tasks(run, 2 * run.op->kv_heads * run.op->head_dim); }

int64_t scratch(const Run& run) { return 2 * ((run.op->head_dim * static_cast<int64_t>(sizeof(float)) + 64) & ~63LL); }

uint16_t bf16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  uint32_t nearest = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16, nan = bits >> 16 | 0x40;
  return static_cast<uint16_t>((bits & 0x7FFFFFFF) > 0x7F800000 ? nan : nearest);
}

/* Where a row's keys and values of a head go. */
struct Place {
  char* page;
  int32_t slot;

  Place(const Run& run, const KvShape& shape, int64_t row, int32_t head) {
    int32_t position = run.rows->positions[row];
    page = shape.page(*run.op, run.rows->pages[run.rows->page_table[row] + position / kPage], head);
    slot = position % kPage;
  }

  char* key(const KvShape& shape) const { return shape.keys(page) + slot / kBlock * shape.block_bytes + slot % kBlock * 4; }
};

void ask_for(const Run& run, const KvShape& shape, int64_t row, int32_t head) {
  Place place(run, shape, row, head);
  const char* key = place.key(shape);
  for (int64_t step = 0; step < shape.steps; step++) __builtin_prefetch(key + step * kBlock * 4, 1, 3);
  int64_t width = shape.value_bytes();
  const char* value = shape.values(place.page) + place.slot * width;
  for (int64_t i = 0; i < width; i += 64) __builtin_prefetch(value + i, 1, 3);
}

// Writes a key's steps, each to the place of its token in a line.
void scatter(const void* steps, int64_t count, char* key) {
  const char* from = static_cast<const char*>(steps);
  for (int64_t step = 0; step < count; step++) memcpy(key + step * kBlock * 4, from + step * 4, 4);
}

void store_head(const wk_op& op, const KvShape& shape, const Place& place, const float* key, const float* value,
                char* scratch) {
  char* values = shape.values(place.page);
  switch (op.cache_format) {
    case WK_KV_F32:
      scatter(key, shape.steps, place.key(shape));
      memcpy(values + place.slot * shape.dim * sizeof(float), value, shape.dim * sizeof(float));
      break;
    case WK_KV_BF16: {
      uint16_t* halves = reinterpret_cast<uint16_t*>(scratch);
      for (int64_t d = 0; d < shape.dim; d++) halves[d] = bf16(key[d]);
      if (shape.dim % 2 != 0) halves[shape.dim] = 0;
      scatter(halves, shape.steps, place.key(shape));
      uint16_t* out = reinterpret_cast<uint16_t*>(values) + place.slot * shape.dim;
      for (int64_t d = 0; d < shape.dim; d++) out[d] = bf16(value[d]);
      break;
    }
    default: {
      int8_t* codes = reinterpret_cast<int8_t*>(scratch);
      int32_t dim = op.head_dim, sum;
      quantize_group<1>(key, dim, codes, shape.key_scales(place.page) + place.slot, &sum);
      for (int64_t d = 0; d < 4 * shape.steps; d++) codes[d] = static_cast<int8_t>(codes[d] ^ INT8_MIN);
      scatter(codes, shape.steps, place.key(shape));
      quantize_group<1>(value, dim, codes, shape.value_scales(place.page) + place.slot, &sum);
      memcpy(values + place.slot * shape.dim, codes, shape.dim);
    }
  }
}

void store_task(const Run& run, int32_t task, char* scratch) {
  const wk_op& op = *run.op;
  KvShape shape(op);
  int64_t dim = op.head_dim, stride = static_cast<int64_t>(op.heads + 2 * op.kv_heads) * dim;
  int32_t from, to;
  row_range(run, tasks(run), task, &from, &to);
  int64_t first = static_cast<int64_t>(from) * op.kv_heads, end = static_cast<int64_t>(to) * op.kv_heads;
  for (int64_t i = first; i < end; i++) {
    int64_t ahead = i + kAhead;
    if (ahead < end) ask_for(run, shape, ahead / op.kv_heads, static_cast<int32_t>(ahead % op.kv_heads));
    int64_t row = i / op.kv_heads, head = i % op.kv_heads;
    const float* key = op.x + row * stride + (op.heads + head) * dim;
    store_head(op, shape, Place(run, shape, row, static_cast<int32_t>(head)), key, key + op.kv_heads * dim, scratch);
  }
}

}  // namespace

extern const Operation store_kv;
const Operation store_kv = {tasks, scratch, store_task};

}  // namespace WK_ISA
}  // namespace wk
