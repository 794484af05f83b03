// SPDX-License-Identifier: Apache-2.0
// Integer weights times integer inputs, exactly: codes of 16 outputs and 4 columns, [16][4] bytes, by 4 signed bytes; and
// signed bytes of two tokens by two weights of 16 bits.
#pragma once

#include "simd.h"

namespace wk {
namespace WK_ISA {

// Bytes lose kByteShift before they are multiplied, so that they fit what the instructions take; the caller makes up for
// it. Nibbles lose nothing. Their sums may be held otherwise on the way, and then have room for kNibbleDots products.
constexpr int kNibbleDots = 8;

#if defined(__AVX512F__)
constexpr int32_t kByteShift = 0;
typedef IReg ByteCodes;
typedef IReg NibbleCodes;
typedef I32x16 NibbleSums;
static WK_INLINE ByteCodes byte_codes(const uint8_t* p) { return _mm512_loadu_si512(p); }
static WK_INLINE NibbleCodes low_nibbles(const uint8_t* p) {
  return _mm512_and_si512(_mm512_loadu_si512(p), _mm512_set1_epi8(15));
}
static WK_INLINE NibbleCodes high_nibbles(const uint8_t* p) {
  return _mm512_and_si512(_mm512_srli_epi16(_mm512_loadu_si512(p), 4), _mm512_set1_epi8(15));
}
/* acc[n] + Σ_j code[n][j] · x[j], for 4 signed bytes of x. */
static WK_INLINE I32x16 dot(I32x16 acc, IReg codes, const int8_t* x) {
  int32_t four;
  memcpy(&four, x, 4);
  // GCC 12 keeps two copies of each sum around the intrinsic, half of them on the stack.
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc.r[0]) : "v"(codes), "v"(_mm512_set1_epi32(four)));
  return acc;
}
static WK_INLINE NibbleSums nibble_sums(int32_t start) { return set1_int(start); }
static WK_INLINE I32x16 total(NibbleSums sums, int32_t) { return sums; }
static WK_INLINE IReg r_sra7(IReg a) { return _mm512_srai_epi32(a, 7); }
static WK_INLINE IReg r_shl7(IReg a) { return _mm512_slli_epi32(a, 7); }
/* Pairs of tokens' bytes, widened to 16 bits: kPairDims dimensions in two registers, in an order of their own. */
static WK_INLINE void value_pairs(const int8_t* one, const int8_t* other, IReg* low, IReg* high) {
  IReg a = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i*)one));
  IReg b = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i*)other));
  *low = _mm512_unpacklo_epi16(a, b);
  *high = _mm512_unpackhi_epi16(a, b);
}
/* sum[n] + pairs[n][0] · weights[n][0] + pairs[n][1] · weights[n][1]. */
static WK_INLINE IReg dot_pairs(IReg sum, IReg pairs, IReg weights) {
  __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(pairs), "v"(weights));
  return sum;
}
/* From the order of value_pairs to that of the dimensions. */
static WK_INLINE void in_order(IReg* low, IReg* high) {
  const IReg first = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const IReg second = _mm512_setr_epi32(8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  IReg a = *low, b = *high;
  *low = _mm512_permutex2var_epi32(a, first, b);
  *high = _mm512_permutex2var_epi32(a, second, b);
}
/* As 16 bits; values that they cannot hold become the nearest. */
static WK_INLINE void store_words(int16_t* p, I32x16 v) {
  _mm256_storeu_si256((__m256i*)p, _mm512_cvtsepi32_epi16(v.r[0]));
}
#elif defined(__AVX2__)
constexpr int32_t kByteShift = 128;
struct ByteCodes {
  __m256i s[2], size[2];
};
struct NibbleCodes {
  __m256i u[2];
};
struct NibbleSums {
  __m256i pairs[2];  // of columns 0 + 1 and 2 + 3, 16 bits each
};
static WK_INLINE ByteCodes byte_codes(const uint8_t* p) {
  const __m256i top = _mm256_set1_epi8(INT8_MIN);
  const __m256i* q = (const __m256i*)p;
  __m256i a = _mm256_xor_si256(_mm256_loadu_si256(q), top), b = _mm256_xor_si256(_mm256_loadu_si256(q + 1), top);
  return {{a, b}, {_mm256_abs_epi8(a), _mm256_abs_epi8(b)}};
}
static WK_INLINE NibbleCodes low_nibbles(const uint8_t* p) {
  const __m256i mask = _mm256_set1_epi8(15);
  const __m256i* q = (const __m256i*)p;
  return {{_mm256_and_si256(_mm256_loadu_si256(q), mask), _mm256_and_si256(_mm256_loadu_si256(q + 1), mask)}};
}
static WK_INLINE NibbleCodes high_nibbles(const uint8_t* p) {
  const __m256i mask = _mm256_set1_epi8(15);
  const __m256i* q = (const __m256i*)p;
  return {{_mm256_and_si256(_mm256_srli_epi16(_mm256_loadu_si256(q), 4), mask),
           _mm256_and_si256(_mm256_srli_epi16(_mm256_loadu_si256(q + 1), 4), mask)}};
}
static WK_INLINE __m256i four_times(const int8_t* x) {
  int32_t four;
  memcpy(&four, x, 4);
  return _mm256_set1_epi32(four);
}
/* acc[n] + Σ_j code[n][j] · x[j], for 4 signed bytes of x: |code| · (x with the code's sign). Pairs stay within
   2 · 128 · 127, and −128 has a size that unsigned bytes hold. */
static WK_INLINE I32x16 dot(I32x16 acc, ByteCodes w, const int8_t* x) {
  const __m256i v = four_times(x), ones = _mm256_set1_epi16(1);
  WK_EACH_REG {
    __m256i pairs = _mm256_maddubs_epi16(w.size[i], _mm256_sign_epi8(v, w.s[i]));
    acc.r[i] = _mm256_add_epi32(acc.r[i], _mm256_madd_epi16(pairs, ones));
  }
  return acc;
}
/* The same for nibbles: eight pairs of at most 2 · 15 · 127 fit into 16 bits. */
static WK_INLINE NibbleSums dot(NibbleSums acc, NibbleCodes w, const int8_t* x) {
  const __m256i v = four_times(x);
  WK_EACH_REG acc.pairs[i] = _mm256_add_epi16(acc.pairs[i], _mm256_maddubs_epi16(w.u[i], v));
  return acc;
}
static WK_INLINE NibbleSums nibble_sums(int32_t) { return {{_mm256_setzero_si256(), _mm256_setzero_si256()}}; }
static WK_INLINE I32x16 total(NibbleSums sums, int32_t start) {
  I32x16 o = set1_int(start);
  WK_EACH_REG o.r[i] = _mm256_add_epi32(o.r[i], _mm256_madd_epi16(sums.pairs[i], _mm256_set1_epi16(1)));
  return o;
}
static WK_INLINE IReg r_sra7(IReg a) { return _mm256_srai_epi32(a, 7); }
static WK_INLINE IReg r_shl7(IReg a) { return _mm256_slli_epi32(a, 7); }
static WK_INLINE void value_pairs(const int8_t* one, const int8_t* other, IReg* low, IReg* high) {
  IReg a = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)one));
  IReg b = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)other));
  *low = _mm256_unpacklo_epi16(a, b);
  *high = _mm256_unpackhi_epi16(a, b);
}
static WK_INLINE IReg dot_pairs(IReg sum, IReg pairs, IReg weights) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, weights));
}
static WK_INLINE void in_order(IReg* low, IReg* high) {
  IReg a = *low, b = *high;
  *low = _mm256_permute2x128_si256(a, b, 0x20);
  *high = _mm256_permute2x128_si256(a, b, 0x31);
}
static WK_INLINE void store_words(int16_t* p, I32x16 v) {
  _mm256_storeu_si256((__m256i*)p, _mm256_permute4x64_epi64(_mm256_packs_epi32(v.r[0], v.r[1]), 0xD8));
}
#else
constexpr int32_t kByteShift = 128;
struct ByteCodes {
  int8x16_t s[4];
};
typedef ByteCodes NibbleCodes;
typedef I32x16 NibbleSums;
static WK_INLINE ByteCodes byte_codes(const uint8_t* p) {
  ByteCodes o;
  for (int i = 0; i < 4; i++) o.s[i] = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(p + 16 * i), vdupq_n_u8(128)));
  return o;
}
static WK_INLINE NibbleCodes low_nibbles(const uint8_t* p) {
  NibbleCodes o;
  for (int i = 0; i < 4; i++) o.s[i] = vreinterpretq_s8_u8(vandq_u8(vld1q_u8(p + 16 * i), vdupq_n_u8(15)));
  return o;
}
static WK_INLINE NibbleCodes high_nibbles(const uint8_t* p) {
  NibbleCodes o;
  for (int i = 0; i < 4; i++) o.s[i] = vreinterpretq_s8_u8(vshrq_n_u8(vld1q_u8(p + 16 * i), 4));
  return o;
}
/* acc[n] + Σ_j code[n][j] · x[j], for 4 signed bytes of x. */
static WK_INLINE I32x16 dot(I32x16 acc, ByteCodes w, const int8_t* x) {
  int32_t four;
  memcpy(&four, x, 4);
  const int8x16_t v = vreinterpretq_s8_s32(vdupq_n_s32(four));
  WK_EACH_REG {
    int16x8_t low = vmull_s8(vget_low_s8(w.s[i]), vget_low_s8(v));
    int16x8_t high = vmull_s8(vget_high_s8(w.s[i]), vget_high_s8(v));
    acc.r[i] = vaddq_s32(acc.r[i], vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
  }
  return acc;
}
static WK_INLINE NibbleSums nibble_sums(int32_t start) { return set1_int(start); }
static WK_INLINE I32x16 total(NibbleSums sums, int32_t) { return sums; }
static WK_INLINE IReg r_sra7(IReg a) { return vshrq_n_s32(a, 7); }
static WK_INLINE IReg r_shl7(IReg a) { return vshlq_n_s32(a, 7); }
static WK_INLINE void value_pairs(const int8_t* one, const int8_t* other, IReg* low, IReg* high) {
  int16x8_t a = vmovl_s8(vld1_s8(one)), b = vmovl_s8(vld1_s8(other));
  *low = vreinterpretq_s32_s16(vzip1q_s16(a, b));
  *high = vreinterpretq_s32_s16(vzip2q_s16(a, b));
}
static WK_INLINE IReg dot_pairs(IReg sum, IReg pairs, IReg weights) {
  int16x8_t v = vreinterpretq_s16_s32(pairs), w = vreinterpretq_s16_s32(weights);
  IReg low = vmull_s16(vget_low_s16(v), vget_low_s16(w)), high = vmull_s16(vget_high_s16(v), vget_high_s16(w));
  return vaddq_s32(sum, vpaddq_s32(low, high));
}
static WK_INLINE void in_order(IReg*, IReg*) {}
static WK_INLINE void store_words(int16_t* p, I32x16 v) {
  vst1q_s16(p, vcombine_s16(vqmovn_s32(v.r[0]), vqmovn_s32(v.r[1])));
  vst1q_s16(p + 8, vcombine_s16(vqmovn_s32(v.r[2]), vqmovn_s32(v.r[3])));
}
#endif

/* Dimensions that two registers of pairs hold. */
constexpr int kPairDims = 2 * kRegLanes;

}  // namespace WK_ISA
}  // namespace wk
