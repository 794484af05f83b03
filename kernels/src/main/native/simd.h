// SPDX-License-Identifier: Apache-2.0
// Sixteen virtual lanes on whatever registers the instruction set has: one of AVX-512, two of AVX2, four of NEON. Each
// operation source is compiled once for each set, inside the namespace that WK_ISA names.
#pragma once

#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

// Also for lambdas: else their bodies keep vectors and counters in memory.
#define WK_ALWAYS __attribute__((always_inline))
#define WK_INLINE inline WK_ALWAYS

namespace wk {
namespace WK_ISA {

// One register: the few operations that everything below is made of.
#if defined(__AVX512F__)
constexpr int kRegs = 1, kRegisters = 32;
typedef __m512 FReg;
typedef __m512i IReg;
static WK_INLINE FReg r_load(const float* p) { return _mm512_loadu_ps(p); }
static WK_INLINE void r_store(float* p, FReg v) { _mm512_storeu_ps(p, v); }
static WK_INLINE void r_stream(float* p, FReg v) { _mm512_stream_ps(p, v); }
static WK_INLINE void stream_end() { _mm_sfence(); }
static WK_INLINE FReg r_set1(float f) { return _mm512_set1_ps(f); }
static WK_INLINE FReg r_add(FReg a, FReg b) { return _mm512_add_ps(a, b); }
static WK_INLINE FReg r_sub(FReg a, FReg b) { return _mm512_sub_ps(a, b); }
static WK_INLINE FReg r_mul(FReg a, FReg b) { return _mm512_mul_ps(a, b); }
static WK_INLINE FReg r_div(FReg a, FReg b) { return _mm512_div_ps(a, b); }
static WK_INLINE FReg r_max(FReg a, FReg b) { return _mm512_max_ps(a, b); }
static WK_INLINE FReg r_fma(FReg a, FReg b, FReg c) { return _mm512_fmadd_ps(a, b, c); }
static WK_INLINE FReg r_neg(FReg a) {
  return _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(a), _mm512_set1_epi32(INT32_MIN)));
}
static WK_INLINE FReg r_min(FReg a, FReg b) { return _mm512_min_ps(a, b); }
static WK_INLINE FReg r_abs(FReg a) { return _mm512_abs_ps(a); }
static WK_INLINE FReg r_pick_gt(FReg x, FReg y, FReg yes, FReg no) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, y, _CMP_GT_OQ), no, yes);
}
static WK_INLINE FReg r_pick_nan(FReg x, FReg yes, FReg no) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), no, yes);
}
static WK_INLINE FReg r_widen_bf16(const uint16_t* p) {
  __m256i half = _mm256_loadu_si256((const __m256i*)p);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}
static WK_INLINE FReg r_widen_f16(const uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)p));
}
static WK_INLINE IReg r_iset1(int32_t i) { return _mm512_set1_epi32(i); }
static WK_INLINE IReg r_iadd(IReg a, IReg b) { return _mm512_add_epi32(a, b); }
static WK_INLINE IReg r_isub(IReg a, IReg b) { return _mm512_sub_epi32(a, b); }
static WK_INLINE IReg r_sra1(IReg a) { return _mm512_srai_epi32(a, 1); }
static WK_INLINE IReg r_shl23(IReg a) { return _mm512_slli_epi32(a, 23); }
static WK_INLINE IReg r_to_int(FReg a) { return _mm512_cvttps_epi32(a); }
static WK_INLINE FReg r_to_float(IReg a) { return _mm512_cvtepi32_ps(a); }
static WK_INLINE FReg r_bits(IReg a) { return _mm512_castsi512_ps(a); }
static WK_INLINE IReg r_iload(const int32_t* p) { return _mm512_loadu_si512(p); }
static WK_INLINE void r_istore(int32_t* p, IReg v) { _mm512_storeu_si512(p, v); }
#elif defined(__AVX2__)
constexpr int kRegs = 2, kRegisters = 16;
typedef __m256 FReg;
typedef __m256i IReg;
static WK_INLINE FReg r_load(const float* p) { return _mm256_loadu_ps(p); }
static WK_INLINE void r_store(float* p, FReg v) { _mm256_storeu_ps(p, v); }
static WK_INLINE void r_stream(float* p, FReg v) { _mm256_stream_ps(p, v); }
static WK_INLINE void stream_end() { _mm_sfence(); }
static WK_INLINE FReg r_set1(float f) { return _mm256_set1_ps(f); }
static WK_INLINE FReg r_add(FReg a, FReg b) { return _mm256_add_ps(a, b); }
static WK_INLINE FReg r_sub(FReg a, FReg b) { return _mm256_sub_ps(a, b); }
static WK_INLINE FReg r_mul(FReg a, FReg b) { return _mm256_mul_ps(a, b); }
static WK_INLINE FReg r_div(FReg a, FReg b) { return _mm256_div_ps(a, b); }
static WK_INLINE FReg r_max(FReg a, FReg b) { return _mm256_max_ps(a, b); }
static WK_INLINE FReg r_fma(FReg a, FReg b, FReg c) { return _mm256_fmadd_ps(a, b, c); }
static WK_INLINE FReg r_neg(FReg a) { return _mm256_xor_ps(a, _mm256_set1_ps(-0.0f)); }
static WK_INLINE FReg r_min(FReg a, FReg b) { return _mm256_min_ps(a, b); }
static WK_INLINE FReg r_abs(FReg a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
static WK_INLINE FReg r_pick_gt(FReg x, FReg y, FReg yes, FReg no) {
  return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(x, y, _CMP_GT_OQ));
}
static WK_INLINE FReg r_pick_nan(FReg x, FReg yes, FReg no) {
  return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
}
static WK_INLINE FReg r_widen_f16(const uint16_t* p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p)); }
static WK_INLINE IReg r_iset1(int32_t i) { return _mm256_set1_epi32(i); }
static WK_INLINE IReg r_iadd(IReg a, IReg b) { return _mm256_add_epi32(a, b); }
static WK_INLINE IReg r_isub(IReg a, IReg b) { return _mm256_sub_epi32(a, b); }
static WK_INLINE IReg r_sra1(IReg a) { return _mm256_srai_epi32(a, 1); }
static WK_INLINE IReg r_shl23(IReg a) { return _mm256_slli_epi32(a, 23); }
static WK_INLINE IReg r_to_int(FReg a) { return _mm256_cvttps_epi32(a); }
static WK_INLINE FReg r_to_float(IReg a) { return _mm256_cvtepi32_ps(a); }
static WK_INLINE FReg r_bits(IReg a) { return _mm256_castsi256_ps(a); }
static WK_INLINE IReg r_iload(const int32_t* p) { return _mm256_loadu_si256((const __m256i*)p); }
static WK_INLINE void r_istore(int32_t* p, IReg v) { _mm256_storeu_si256((__m256i*)p, v); }
#elif defined(__aarch64__)
constexpr int kRegs = 4, kRegisters = 32;
typedef float32x4_t FReg;
typedef int32x4_t IReg;
static WK_INLINE FReg r_load(const float* p) { return vld1q_f32(p); }
static WK_INLINE void r_store(float* p, FReg v) { vst1q_f32(p, v); }
static WK_INLINE void r_stream(float* p, FReg v) { vst1q_f32(p, v); }
static WK_INLINE void stream_end() {}
static WK_INLINE FReg r_set1(float f) { return vdupq_n_f32(f); }
static WK_INLINE FReg r_add(FReg a, FReg b) { return vaddq_f32(a, b); }
static WK_INLINE FReg r_sub(FReg a, FReg b) { return vsubq_f32(a, b); }
static WK_INLINE FReg r_mul(FReg a, FReg b) { return vmulq_f32(a, b); }
static WK_INLINE FReg r_div(FReg a, FReg b) { return vdivq_f32(a, b); }
static WK_INLINE FReg r_max(FReg a, FReg b) { return vmaxq_f32(a, b); }
static WK_INLINE FReg r_fma(FReg a, FReg b, FReg c) { return vfmaq_f32(c, a, b); }
static WK_INLINE FReg r_neg(FReg a) { return vnegq_f32(a); }
static WK_INLINE FReg r_min(FReg a, FReg b) { return vminq_f32(a, b); }
static WK_INLINE FReg r_abs(FReg a) { return vabsq_f32(a); }
static WK_INLINE FReg r_pick_gt(FReg x, FReg y, FReg yes, FReg no) { return vbslq_f32(vcgtq_f32(x, y), yes, no); }
static WK_INLINE FReg r_pick_nan(FReg x, FReg yes, FReg no) { return vbslq_f32(vceqq_f32(x, x), no, yes); }
static WK_INLINE FReg r_widen_bf16(const uint16_t* p) {
  return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}
static WK_INLINE FReg r_widen_f16(const uint16_t* p) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}
static WK_INLINE IReg r_iset1(int32_t i) { return vdupq_n_s32(i); }
static WK_INLINE IReg r_iadd(IReg a, IReg b) { return vaddq_s32(a, b); }
static WK_INLINE IReg r_isub(IReg a, IReg b) { return vsubq_s32(a, b); }
static WK_INLINE IReg r_sra1(IReg a) { return vshrq_n_s32(a, 1); }
static WK_INLINE IReg r_shl23(IReg a) { return vshlq_n_s32(a, 23); }
static WK_INLINE IReg r_to_int(FReg a) { return vcvtq_s32_f32(a); }
static WK_INLINE FReg r_to_float(IReg a) { return vcvtq_f32_s32(a); }
static WK_INLINE FReg r_bits(IReg a) { return vreinterpretq_f32_s32(a); }
static WK_INLINE IReg r_iload(const int32_t* p) { return vld1q_s32(p); }
static WK_INLINE void r_istore(int32_t* p, IReg v) { vst1q_s32(p, v); }
#else
#error "no instruction set that these kernels know"
#endif

constexpr int kRegLanes = 16 / kRegs;

/* f(0), … f(N - 1), each with its number as a constant: arrays that only such loops touch stay in registers. */
template <int I>
struct Index {
  constexpr operator int() const { return I; }
};
template <int N, class F>
static WK_INLINE void each(const F& f) {
  if constexpr (N > 0) {
    each<N - 1>(f);
    f(Index<N - 1>{});
  }
}
#define WK_EACH(i) [&](auto i) WK_ALWAYS

struct F32x16 {
  FReg r[kRegs];
};
struct I32x16 {
  IReg r[kRegs];
};

#define WK_EACH_REG _Pragma("GCC unroll 4") for (int i = 0; i < kRegs; i++)
#define WK_UNARY(name, op)                    \
  static WK_INLINE F32x16 name(F32x16 a) {    \
    F32x16 o;                                 \
    WK_EACH_REG o.r[i] = op(a.r[i]);          \
    return o;                                 \
  }
#define WK_BINARY(name, op)                          \
  static WK_INLINE F32x16 name(F32x16 a, F32x16 b) { \
    F32x16 o;                                        \
    WK_EACH_REG o.r[i] = op(a.r[i], b.r[i]);         \
    return o;                                        \
  }

static WK_INLINE F32x16 load(const float* p) {
  F32x16 o;
  WK_EACH_REG o.r[i] = r_load(p + i * kRegLanes);
  return o;
}
static WK_INLINE void store(float* p, F32x16 v) { WK_EACH_REG r_store(p + i * kRegLanes, v.r[i]); }
/* Past the caches, to an aligned line; before others read it, stream_end. */
static WK_INLINE void stream(float* p, F32x16 v) { WK_EACH_REG r_stream(p + i * kRegLanes, v.r[i]); }
static WK_INLINE void store(int32_t* p, I32x16 v) { WK_EACH_REG r_istore(p + i * kRegLanes, v.r[i]); }
static WK_INLINE I32x16 load_int(const int32_t* p) {
  I32x16 o;
  WK_EACH_REG o.r[i] = r_iload(p + i * kRegLanes);
  return o;
}
static WK_INLINE F32x16 set1(float f) {
  F32x16 o;
  WK_EACH_REG o.r[i] = r_set1(f);
  return o;
}
static WK_INLINE F32x16 widen_bf16(const uint16_t* p) {
  F32x16 o;
#if defined(__AVX2__) && !defined(__AVX512F__)
  // Zeros beneath by shuffles alone: the ports that shift are those that multiply.
  __m256i all = _mm256_permute4x64_epi64(_mm256_loadu_si256((const __m256i*)p), 0xD8), zero = _mm256_setzero_si256();
  o.r[0] = _mm256_castsi256_ps(_mm256_unpacklo_epi16(zero, all));
  o.r[1] = _mm256_castsi256_ps(_mm256_unpackhi_epi16(zero, all));
#else
  WK_EACH_REG o.r[i] = r_widen_bf16(p + i * kRegLanes);
#endif
  return o;
}
WK_UNARY(neg, r_neg)
WK_UNARY(abs, r_abs)
WK_BINARY(add, r_add)
WK_BINARY(sub, r_sub)
WK_BINARY(mul, r_mul)
WK_BINARY(div, r_div)
/* Gives b where one of both is NaN, as x86 does; where NaN matters the caller looks for it. */
WK_BINARY(max, r_max)
WK_BINARY(min, r_min)
/* a · b + c, rounded once. */
static WK_INLINE F32x16 fma(F32x16 a, F32x16 b, F32x16 c) {
  F32x16 o;
  WK_EACH_REG o.r[i] = r_fma(a.r[i], b.r[i], c.r[i]);
  return o;
}
/* x > y ? yes : no, lane by lane; no where one is NaN. */
static WK_INLINE F32x16 pick_gt(F32x16 x, F32x16 y, F32x16 yes, F32x16 no) {
  F32x16 o;
  WK_EACH_REG o.r[i] = r_pick_gt(x.r[i], y.r[i], yes.r[i], no.r[i]);
  return o;
}
static WK_INLINE F32x16 pick_nan(F32x16 x, F32x16 yes, F32x16 no) {
  F32x16 o;
  WK_EACH_REG o.r[i] = r_pick_nan(x.r[i], yes.r[i], no.r[i]);
  return o;
}
/* Toward zero. */
static WK_INLINE I32x16 to_int(F32x16 a) {
  I32x16 o;
  WK_EACH_REG o.r[i] = r_to_int(a.r[i]);
  return o;
}
static WK_INLINE I32x16 add(I32x16 a, I32x16 b) {
  I32x16 o;
  WK_EACH_REG o.r[i] = r_iadd(a.r[i], b.r[i]);
  return o;
}
static WK_INLINE F32x16 to_float(I32x16 a) {
  F32x16 o;
  WK_EACH_REG o.r[i] = r_to_float(a.r[i]);
  return o;
}

/* The first n of 16 elements; the others are `rest`. Nothing beyond p + n is read. */
static WK_INLINE F32x16 load_first(const float* p, int n, float rest) {
  alignas(64) float line[16];
  for (int i = 0; i < 16; i++) line[i] = i < n ? p[i] : rest;
  return load(line);
}
static WK_INLINE void store_first(float* p, int n, F32x16 v) {
  alignas(64) float line[16];
  store(line, v);
  memcpy(p, line, n * sizeof(float));
}

// Four of the sixteen lanes, to bring them together.
#if defined(__AVX2__)
typedef __m128 Quarter;
template <int I>
static WK_INLINE Quarter quarter(F32x16 v) {
#if defined(__AVX512F__)
  return _mm512_extractf32x4_ps(v.r[0], I);
#else
  return _mm256_extractf128_ps(v.r[I / 2], I % 2);
#endif
}
#define WK_FOLD(op, one)                                                                    \
  Quarter a = op(op(quarter<0>(v), quarter<2>(v)), op(quarter<1>(v), quarter<3>(v))); /* 8, 4 */ \
  a = op(a, _mm_movehl_ps(a, a));                                                                \
  return _mm_cvtss_f32(one(a, _mm_movehdup_ps(a)));
/* The sum of 16 lanes: 8+8, 4+4, 2+2, 1+1. */
static WK_INLINE float lane_sum(F32x16 v) { WK_FOLD(_mm_add_ps, _mm_add_ss) }
/* The largest of 16 numbers. */
static WK_INLINE float lane_max(F32x16 v) { WK_FOLD(_mm_max_ps, _mm_max_ss) }
#undef WK_FOLD
static WK_INLINE int32_t lane_sum(I32x16 v) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_epi32(v.r[0]);
#else
  __m256i eight = _mm256_add_epi32(v.r[0], v.r[1]);
  __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  four = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
  return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_srli_epi64(four, 32)));
#endif
}
/* As bytes; values that they cannot hold become the nearest. */
static WK_INLINE void store_bytes(int8_t* p, I32x16 v) {
#if defined(__AVX512F__)
  _mm_storeu_si128((__m128i*)p, _mm512_cvtsepi32_epi8(v.r[0]));
#else
  __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(v.r[0], v.r[1]), 0xD8);
  _mm_storeu_si128((__m128i*)p, _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
#endif
}
#else
/* The sum of 16 lanes: 8+8, 4+4, 2+2, 1+1. */
static WK_INLINE float lane_sum(F32x16 v) {
  float32x4_t four = vaddq_f32(vaddq_f32(v.r[0], v.r[2]), vaddq_f32(v.r[1], v.r[3]));
  float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
  return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}
/* The largest of 16 numbers. */
static WK_INLINE float lane_max(F32x16 v) {
  return vmaxvq_f32(vmaxq_f32(vmaxq_f32(v.r[0], v.r[2]), vmaxq_f32(v.r[1], v.r[3])));
}
static WK_INLINE int32_t lane_sum(I32x16 v) {
  return vaddvq_s32(vaddq_s32(vaddq_s32(v.r[0], v.r[2]), vaddq_s32(v.r[1], v.r[3])));
}
/* As bytes; values that they cannot hold become the nearest. */
static WK_INLINE void store_bytes(int8_t* p, I32x16 v) {
  int16x8_t low = vcombine_s16(vqmovn_s32(v.r[0]), vqmovn_s32(v.r[1]));
  int16x8_t high = vcombine_s16(vqmovn_s32(v.r[2]), vqmovn_s32(v.r[3]));
  vst1q_s8(p, vcombine_s8(vqmovn_s16(low), vqmovn_s16(high)));
}
#endif

/* Sixteen float16, widened exactly. */
static WK_INLINE F32x16 widen_f16(const uint16_t* p) {
  F32x16 o;
  WK_EACH_REG o.r[i] = r_widen_f16(p + i * kRegLanes);
  return o;
}
static WK_INLINE I32x16 set1_int(int32_t value) {
  I32x16 o;
  WK_EACH_REG o.r[i] = r_iset1(value);
  return o;
}

/* exp as NUMERICS.md has it, the same bits as Exp.java, where x is at most 0 or NaN. */
static WK_INLINE F32x16 exp_to_one(F32x16 x) {
  const F32x16 round = set1(0x1.8p+23f);
  F32x16 n = sub(fma(x, set1(0x1.715476p+0f), round), round);
  F32x16 r = fma(n, set1(-0x1.63p-1f), x);
  r = fma(n, set1(0x1.bd0106p-13f), r);
  F32x16 p = set1(1.0f / 5040);
  p = fma(p, r, set1(1.0f / 720));
  p = fma(p, r, set1(1.0f / 120));
  p = fma(p, r, set1(1.0f / 24));
  p = fma(p, r, set1(1.0f / 6));
  p = fma(p, r, set1(0.5f));
  p = fma(p, r, set1(1));
  p = fma(p, r, set1(1));
  F32x16 o;
#if defined(__AVX512F__)
  WK_EACH_REG o.r[i] = _mm512_scalef_ps(p.r[i], n.r[i]);  // p · 2^n, rounded once
#else
  WK_EACH_REG {
    IReg whole = r_to_int(n.r[i]);
    IReg half = r_sra1(whole);
    IReg bias = r_iset1(127);
    FReg first = r_bits(r_shl23(r_iadd(half, bias)));
    FReg second = r_bits(r_shl23(r_iadd(r_isub(whole, half), bias)));
    o.r[i] = r_mul(r_mul(p.r[i], first), second);
  }
#endif
  return pick_gt(set1(-104.0f), x, set1(0), o);
}
/* exp of anything. */
static WK_INLINE F32x16 exp(F32x16 x) {
  F32x16 o = pick_gt(x, set1(0x1.62e42ep+6f), set1(__builtin_inff()), exp_to_one(x));
  return pick_nan(x, x, o);
}

}  // namespace WK_ISA
}  // namespace wk
