// SPDX-License-Identifier: Apache-2.0
// Sixteen words of 32 bits, each of which holds two bfloat16 or four codes, as floats; and sixteen signed bytes.
#pragma once

#include "simd.h"

namespace wk {
namespace WK_ISA {

#if defined(__AVX512F__)
static WK_INLINE IReg r_shl16(IReg a) { return _mm512_slli_epi32(a, 16); }
static WK_INLINE IReg r_shr16(IReg a) { return _mm512_srli_epi32(a, 16); }
static WK_INLINE IReg r_and(IReg a, IReg b) { return _mm512_and_si512(a, b); }
static WK_INLINE IReg r_and_or(IReg a, IReg mask, IReg bits) { return _mm512_ternarylogic_epi32(a, mask, bits, 0xEA); }
static WK_INLINE F32x16 widen_bytes(const int8_t* p) {
  return {{_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)p)))}};
}
#elif defined(__AVX2__)
static WK_INLINE IReg r_shl16(IReg a) { return _mm256_slli_epi32(a, 16); }
static WK_INLINE IReg r_shr16(IReg a) { return _mm256_srli_epi32(a, 16); }
static WK_INLINE IReg r_and(IReg a, IReg b) { return _mm256_and_si256(a, b); }
static WK_INLINE IReg r_and_or(IReg a, IReg mask, IReg bits) { return _mm256_or_si256(r_and(a, mask), bits); }
static WK_INLINE F32x16 widen_bytes(const int8_t* p) {
  return {{_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)p))),
           _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)(p + 8))))}};
}
#else
static WK_INLINE IReg r_shl16(IReg a) { return vshlq_n_s32(a, 16); }
static WK_INLINE IReg r_shr16(IReg a) { return vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(a), 16)); }
static WK_INLINE IReg r_and(IReg a, IReg b) { return vandq_s32(a, b); }
static WK_INLINE IReg r_and_or(IReg a, IReg mask, IReg bits) { return vbslq_s32(vreinterpretq_u32_s32(mask), a, bits); }
static WK_INLINE F32x16 widen_bytes(const int8_t* p) {
  int8x16_t bytes = vld1q_s8(p);
  int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
  return {{vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(low))),
           vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(high)))}};
}
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

/* Byte AT of each word, counted from the lowest, less 128. The byte becomes the end of the fraction of 2^23, or the
   second byte of that of 2^15: the difference is exact, and no conversion is needed. */
template <int AT>
static WK_INLINE F32x16 held_bytes(const void* line) {
  constexpr bool kSecond = AT % 2 != 0;
  const IReg mask = r_iset1(kSecond ? 0xFF00 : 0xFF), power = r_iset1(kSecond ? 0x47000000 : 0x4B000000);
  const FReg less = r_set1((kSecond ? 0x1p15f : 0x1p23f) + 128);
  F32x16 o;
  WK_EACH_REG {
    IReg word = r_word(line, i);
    if constexpr (AT >= 2) word = r_shr16(word);
    o.r[i] = r_sub(r_bits(r_and_or(word, mask, power)), less);
  }
  return o;
}

}  // namespace WK_ISA
}  // namespace wk
