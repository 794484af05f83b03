// SPDX-License-Identifier: Apache-2.0
// Sixteen words of 32 bits, each of which holds two bfloat16, as floats.
#pragma once

#include "simd.h"

namespace wk {
namespace WK_ISA {

#if defined(__AVX512F__)
static WK_INLINE IReg r_shl16(IReg a) { return _mm512_slli_epi32(a, 16); }
static WK_INLINE IReg r_and(IReg a, IReg b) { return _mm512_and_si512(a, b); }
#elif defined(__AVX2__)
static WK_INLINE IReg r_shl16(IReg a) { return _mm256_slli_epi32(a, 16); }
static WK_INLINE IReg r_and(IReg a, IReg b) { return _mm256_and_si256(a, b); }
#else
static WK_INLINE IReg r_shl16(IReg a) { return vshlq_n_s32(a, 16); }
static WK_INLINE IReg r_and(IReg a, IReg b) { return vandq_s32(a, b); }
#endif

static WK_INLINE IReg r_word(const void* line, int i) {
  return r_iload(static_cast<const int32_t*>(line) + i * kRegLanes);
}

/* The lower of two bfloat16. */
static WK_INLINE F32x16 low_halves(const void* line) {
  F32x16 o;
  WK_EACH_REG o.r[i] = r_bits(r_shl16(r_word(line, i)));
  return o;
}
/* The upper one. */
static WK_INLINE F32x16 high_halves(const void* line) {
  F32x16 o;
  WK_EACH_REG o.r[i] = r_bits(r_and(r_word(line, i), r_iset1(static_cast<int32_t>(0xFFFF0000))));
  return o;
}

}  // namespace WK_ISA
}  // namespace wk
