// SPDX-License-Identifier: Apache-2.0
// How a page holds the keys and values of one layer and kv head, and how both become floats.
//
//   keys    [4 blocks of 16 tokens][steps][16 tokens][4 bytes]: a step is what 4 bytes hold of a token: one float, two
//           bfloat16 or four codes, that is 1, 2 or 4 dimensions; a step of 16 tokens is a line of the cache. Codes are
//           held + 128. Dimensions beyond the last hold anything.
//   values  [64 tokens][headDim] of floats, bfloat16 or signed codes; room for as many bytes as the keys
//   scales  float [64 tokens] where there are codes, the keys' before the keys and the values' before the values: so what a
//           page's first tokens need of either side is one piece, that can be fetched ahead
#pragma once

#include "../ops.h"
#include "../simd_cells.h"

namespace wk {
namespace WK_ISA {

constexpr int32_t kBlock = 16;  // tokens of a block of keys

struct KvShape {
  int64_t dim, per_step, steps, block_bytes, key_bytes, scale_bytes, bytes;

  explicit KvShape(const wk_op& op) {
    dim = op.head_dim;
    per_step = op.cache_format == WK_KV_F32 ? 1 : op.cache_format == WK_KV_BF16 ? 2 : 4;
    steps = (dim + per_step - 1) / per_step;
    block_bytes = steps * kBlock * 4;
    key_bytes = kPage / kBlock * block_bytes;
    scale_bytes = op.cache_format == WK_KV_INT8 ? kPage * static_cast<int64_t>(sizeof(float)) : 0;
    bytes = 2 * (scale_bytes + key_bytes);
  }

  char* page(const wk_op& op, int32_t page, int32_t head) const {
    int64_t at = (static_cast<int64_t>(page) * op.layers + op.layer) * op.kv_heads + head;
    return static_cast<char*>(op.cache) + at * bytes;
  }
  float* key_scales(char* page) const { return reinterpret_cast<float*>(page); }
  char* keys(char* page) const { return page + scale_bytes; }
  float* value_scales(char* page) const { return reinterpret_cast<float*>(value_side(page)); }
  char* values(char* page) const { return value_side(page) + scale_bytes; }
  /* Scales and values; and the bytes that so many first tokens need of them, and of scales and keys. */
  char* value_side(char* page) const { return page + scale_bytes + key_bytes; }
  int64_t value_side_bytes(int32_t tokens) const { return scale_bytes + tokens * value_bytes(); }
  int64_t key_side_bytes(int32_t tokens) const { return scale_bytes + (tokens + kBlock - 1) / kBlock * block_bytes; }
  int64_t value_bytes() const { return dim * 4 / per_step; }
};

/* Sixteen tokens' dimension `at` of a step. */
template <int PER_STEP>
static WK_INLINE F32x16 cells(const char* line, int at) {
  if constexpr (PER_STEP == 1) {
    return load(reinterpret_cast<const float*>(line));
  } else {
    return at == 0 ? low_halves(line) : high_halves(line);
  }
}

/* Keys of blocks from … to - 1 as floats [block][headDim][16 tokens]. */
template <int PER_STEP>
void widen_keys(const KvShape& shape, const char* keys, int32_t from, int32_t to, float* wide) {
  int64_t whole = shape.dim / PER_STEP;
  int rest = static_cast<int>(shape.dim % PER_STEP);
  for (int32_t block = from; block < to; block++) {
    const char* line = keys + block * shape.block_bytes;
    float* out = wide + block * shape.dim * kBlock;
    for (int64_t step = 0; step < whole; step++) {
      each<PER_STEP>(WK_EACH(i) { store(out + i * kBlock, cells<PER_STEP>(line, i)); });
      line += kBlock * 4;
      out += PER_STEP * kBlock;
    }
    for (int i = 0; i < rest; i++) store(out + i * kBlock, cells<PER_STEP>(line, i));
  }
}

static WK_INLINE F32x16 widen_sixteen(const float* p) { return load(p); }
static WK_INLINE F32x16 widen_sixteen(const uint16_t* p) { return widen_bf16(p); }
static WK_INLINE float widen_one(float value) { return value; }
static WK_INLINE float widen_one(uint16_t half) {
  uint32_t bits = static_cast<uint32_t>(half) << 16;
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

/* Values of tokens from … to - 1 as floats [64 tokens][headDim]. */
template <class T>
void widen_values(const KvShape& shape, const T* values, int32_t from, int32_t to, float* wide) {
  constexpr int kLine = 64 / sizeof(T);
  int64_t i = from * shape.dim, end = to * shape.dim;
  for (; i + kLine <= end; i += kLine) {
    each<kLine / 16>(WK_EACH(j) { store(wide + i + 16 * j, widen_sixteen(values + i + 16 * j)); });
  }
  for (; i + 16 <= end; i += 16) store(wide + i, widen_sixteen(values + i));
  for (; i < end; i++) wide[i] = widen_one(values[i]);
}

}  // namespace WK_ISA
}  // namespace wk
