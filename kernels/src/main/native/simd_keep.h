// SPDX-License-Identifier: Apache-2.0
// More of the sixteen lanes: comparisons as bits (lane i is bit i), keeping the chosen lanes, and integer sums.
#pragma once

#include "simd.h"

namespace wk {
namespace WK_ISA {

#if defined(__AVX512F__)
static WK_INLINE uint32_t r_gt_bits(FReg x, FReg y) { return _mm512_cmp_ps_mask(x, y, _CMP_GT_OQ); }
static WK_INLINE FReg r_pick_bits(uint32_t bits, FReg yes, FReg no) {
  return _mm512_mask_blend_ps(static_cast<__mmask16>(bits), no, yes);
}
static WK_INLINE IReg r_nearest(FReg a) { return _mm512_cvtps_epi32(a); }
static WK_INLINE IReg r_bits_of(FReg a) { return _mm512_castps_si512(a); }
static WK_INLINE IReg r_pairs(IReg sum, IReg a) {
  IReg low = _mm512_and_si512(a, _mm512_set1_epi64(0xFFFFFFFF));
  return _mm512_add_epi64(sum, _mm512_add_epi64(low, _mm512_srli_epi64(a, 32)));
}
// Not vpcompressd to memory, which some processors do lane by lane.
static WK_INLINE IReg r_front(IReg a, uint32_t bits) { return _mm512_maskz_compress_epi32(bits, a); }
#elif defined(__AVX2__)
static WK_INLINE uint32_t r_gt_bits(FReg x, FReg y) { return _mm256_movemask_ps(_mm256_cmp_ps(x, y, _CMP_GT_OQ)); }
static WK_INLINE FReg r_pick_bits(uint32_t bits, FReg yes, FReg no) {
  const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  __m256i set = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(static_cast<int32_t>(bits)), bit), bit);
  return _mm256_blendv_ps(no, yes, _mm256_castsi256_ps(set));
}
static WK_INLINE IReg r_nearest(FReg a) { return _mm256_cvtps_epi32(a); }
static WK_INLINE IReg r_bits_of(FReg a) { return _mm256_castps_si256(a); }
static WK_INLINE IReg r_pairs(IReg sum, IReg a) {
  IReg low = _mm256_and_si256(a, _mm256_set1_epi64x(0xFFFFFFFF));
  return _mm256_add_epi64(sum, _mm256_add_epi64(low, _mm256_srli_epi64(a, 32)));
}
static WK_INLINE IReg r_front(IReg a, uint32_t bits) {
  // Of the bytes 0 … 7 those whose bit is set, moved together: the lanes to fetch.
  uint64_t wide = _pdep_u64(bits, 0x0101010101010101) * 0xFF;
  __m128i lanes = _mm_cvtsi64_si128(static_cast<int64_t>(_pext_u64(0x0706050403020100, wide)));
  return _mm256_permutevar8x32_epi32(a, _mm256_cvtepu8_epi32(lanes));
}
#elif defined(__aarch64__)
static WK_INLINE uint32_t r_gt_bits(FReg x, FReg y) {
  const uint32_t bit[4] = {1, 2, 4, 8};
  return vaddvq_u32(vandq_u32(vcgtq_f32(x, y), vld1q_u32(bit)));
}
static WK_INLINE FReg r_pick_bits(uint32_t bits, FReg yes, FReg no) {
  const uint32_t bit[4] = {1, 2, 4, 8};
  return vbslq_f32(vtstq_u32(vdupq_n_u32(bits), vld1q_u32(bit)), yes, no);
}
static WK_INLINE IReg r_nearest(FReg a) { return vcvtnq_s32_f32(a); }
static WK_INLINE IReg r_bits_of(FReg a) { return vreinterpretq_s32_f32(a); }
static WK_INLINE IReg r_pairs(IReg sum, IReg a) {
  return vreinterpretq_s32_u64(vpadalq_u32(vreinterpretq_u64_s32(sum), vreinterpretq_u32_s32(a)));
}
static WK_INLINE IReg r_front(IReg a, uint32_t bits) {
  int32_t in[4], out[4] = {};
  vst1q_s32(in, a);
  int n = 0;
  for (int i = 0; i < 4; i++) {
    out[n] = in[i];
    n += bits >> i & 1;
  }
  return vld1q_s32(out);
}
#endif

/* Lanes where x > y; none where one is NaN. */
static WK_INLINE uint32_t gt_bits(F32x16 x, F32x16 y) {
  uint32_t bits = 0;
  WK_EACH_REG bits |= r_gt_bits(x.r[i], y.r[i]) << (i * kRegLanes);
  return bits;
}

/* The lanes of yes whose bits are set, and those of no. */
static WK_INLINE F32x16 pick_bits(uint32_t bits, F32x16 yes, F32x16 no) {
  F32x16 o;
  WK_EACH_REG o.r[i] = r_pick_bits(bits >> (i * kRegLanes), yes.r[i], no.r[i]);
  return o;
}

/* The nearest integer, ties to even; anything for NaN and what 32 bits cannot hold. */
static WK_INLINE I32x16 nearest(F32x16 a) {
  I32x16 o;
  WK_EACH_REG o.r[i] = r_nearest(a.r[i]);
  return o;
}

/* Stores the lanes whose bits are set one behind the other. Overwrites all of p[0 … 16). */
static WK_INLINE void keep(int32_t* p, I32x16 v, uint32_t bits) {
  WK_EACH_REG {
    uint32_t mine = bits >> (i * kRegLanes) & ((1u << kRegLanes) - 1);
    r_istore(p, r_front(v.r[i], mine));
    p += __builtin_popcount(mine);
  }
}
static WK_INLINE void keep(float* p, F32x16 v, uint32_t bits) {
  WK_EACH_REG {
    uint32_t mine = bits >> (i * kRegLanes) & ((1u << kRegLanes) - 1);
    r_store(p, r_bits(r_front(r_bits_of(v.r[i]), mine)));
    p += __builtin_popcount(mine);
  }
}

/* from, from + 1 … from + 15. */
static WK_INLINE I32x16 ids_from(int32_t from) {
  alignas(64) static const float lane[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  I32x16 o = to_int(load(lane));
  WK_EACH_REG o.r[i] = r_iadd(o.r[i], r_iset1(from));
  return o;
}

static WK_INLINE I32x16 iset1(int32_t value) {
  I32x16 o;
  WK_EACH_REG o.r[i] = r_iset1(value);
  return o;
}
static WK_INLINE I32x16 iadd(I32x16 a, I32x16 b) {
  I32x16 o;
  WK_EACH_REG o.r[i] = r_iadd(a.r[i], b.r[i]);
  return o;
}

/* A sum of integers in eight lanes of 64 bits. */
struct Sum64 {
  I32x16 lanes;
};
static WK_INLINE Sum64 sum64() { return {iset1(0)}; }
/* Adds 16 integers that are not negative. */
static WK_INLINE void add_to(Sum64& sum, I32x16 a) { WK_EACH_REG sum.lanes.r[i] = r_pairs(sum.lanes.r[i], a.r[i]); }
static WK_INLINE int64_t total(Sum64 sum) {
  alignas(64) int32_t line[16];
  store(line, sum.lanes);
  int64_t lane[8], all = 0;
  memcpy(lane, line, sizeof(lane));
  for (int i = 0; i < 8; i++) all += lane[i];
  return all;
}

}  // namespace WK_ISA
}  // namespace wk
