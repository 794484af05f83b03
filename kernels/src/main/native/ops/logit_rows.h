// SPDX-License-Identifier: Apache-2.0
// What drawing and scoring ask of a row of logits: its largest, and the sum that makes probabilities of it. For one
// instruction set; in an unnamed namespace, because no function may be shared between sets.
#pragma once

#include "../simd_keep.h"

namespace wk {
namespace WK_ISA {
namespace {

constexpr uint32_t kAll = 0xFFFF;

/* Calls body(vector, index of its first element, bits of lanes in use); lanes beyond the end are `rest`. */
template <class Body>
WK_INLINE void each_vector(const float* x, int32_t count, float rest, Body body) {
  int32_t i = 0;
  for (; i + 16 <= count; i += 16) body(load(x + i), i, kAll);
  if (i < count) body(load_first(x + i, count - i, rest), i, (1u << (count - i)) - 1);
}

/* The largest of logits, a zero of either sign where both are; false where one is not finite. */
inline bool largest(const float* x, int32_t count, float* most) {
  // 0 · x is NaN for all that is not finite, and NaN stays. Four chains, because each link waits for the one before.
  F32x16 high[4], zero[4];
  for (int c = 0; c < 4; c++) {
    high[c] = set1(x[0]);
    zero[c] = set1(0);
  }
  int32_t whole = count & ~63;
  for (int32_t i = 0; i < whole; i += 64) {
    for (int c = 0; c < 4; c++) {
      F32x16 v = load(x + i + 16 * c);
      high[c] = max(high[c], v);
      zero[c] = fma(v, set1(0), zero[c]);
    }
  }
  each_vector(x + whole, count - whole, x[0], [&](F32x16 v, int32_t, uint32_t) WK_ALWAYS {
    high[0] = max(high[0], v);
    zero[0] = fma(v, set1(0), zero[0]);
  });
  F32x16 zeros = add(add(zero[0], zero[1]), add(zero[2], zero[3]));
  *most = lane_max(max(max(high[0], high[1]), max(high[2], high[3])));
  return lane_sum(zeros) == 0;
}

/* Σ rint(exp(x − most) · 2^40). */
inline int64_t exp_sum(const float* x, int32_t count, float most) {
  // exp(−29) · 2^40 is less than a half.
  const F32x16 least = set1(-29);
  Sum64 high = sum64(), low = sum64();
  // Both parts are at most 2^20, so 1,024 of them fit into 32 bits.
  I32x16 high_part = iset1(0), low_part = iset1(0);
  int32_t parts = 0;
  each_vector(x, count, -__builtin_inff(), [&](F32x16 v, int32_t, uint32_t) WK_ALWAYS {
    F32x16 below = sub(v, set1(most));
    if (gt_bits(below, least) == 0) return;
    F32x16 e = exp(below);
    // e · 2^40 = h · 2^20 + l, exactly; h · 2^20 is even, so rounding l alone rounds the whole.
    I32x16 h = to_int(mul(e, set1(0x1p20f)));
    F32x16 l = fma(to_float(h), set1(-0x1p20f), mul(e, set1(0x1p40f)));
    high_part = iadd(high_part, h);
    low_part = iadd(low_part, nearest(l));
    if (++parts == 1024) {
      add_to(high, high_part);
      add_to(low, low_part);
      high_part = low_part = iset1(0);
      parts = 0;
    }
  });
  add_to(high, high_part);
  add_to(low, low_part);
  return total(high) * (1LL << 20) + total(low);
}

}  // namespace
}  // namespace WK_ISA
}  // namespace wk
