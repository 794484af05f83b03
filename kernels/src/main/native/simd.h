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

#define WK_INLINE inline __attribute__((always_inline))

namespace wk {
namespace WK_ISA {

// One register: the few operations that everything below is made of.
#if defined(__AVX512F__)
constexpr int kRegs = 1, kRegisters = 32;
typedef __m512 FReg;
typedef __m512i IReg;
static WK_INLINE FReg r_load(const float* p) { return _mm512_loadu_ps(p); }
static WK_INLINE void r_store(float* p, FReg v) { _mm512_storeu_ps(p, v); }
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
#define WK_EACH(i) [&](auto i) __attribute__((always_inline))

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

/* The sum of 16 lanes: 8+8, 4+4, 2+2, 1+1. */
static WK_INLINE float lane_sum(F32x16 v) {
  alignas(64) float lane[16];
  store(lane, v);
  for (int w = 8; w > 0; w >>= 1) {
    for (int i = 0; i < w; i++) lane[i] += lane[i + w];
  }
  return lane[0];
}
static WK_INLINE float lane_max(F32x16 v) {
  alignas(64) float lane[16];
  store(lane, v);
  float most = lane[0];
  for (int i = 1; i < 16; i++) most = lane[i] > most ? lane[i] : most;
  return most;
}

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

/* Codes of 16 outputs and 4 columns, [16][4] bytes, made ready to be multiplied. What is subtracted from a code before
   that, so that it fits what the instructions take, is kCodeShift; the caller makes up for it. */
struct Codes {
#if defined(__AVX512F__)
  __m512i u;
#elif defined(__AVX2__)
  __m256i s[2], size[2];
#else
  int8x16_t s[4];
#endif
};

#if defined(__AVX512F__)
constexpr int32_t kCodeShift = 0;
static WK_INLINE Codes load_codes(const uint8_t* p) { return {_mm512_loadu_si512(p)}; }
static WK_INLINE Codes low_codes(const uint8_t* p) {
  return {_mm512_and_si512(_mm512_loadu_si512(p), _mm512_set1_epi8(15))};
}
static WK_INLINE Codes high_codes(const uint8_t* p) {
  return {_mm512_and_si512(_mm512_srli_epi16(_mm512_loadu_si512(p), 4), _mm512_set1_epi8(15))};
}
/* acc[n] + Σ_j code[n][j] · x[j], for 4 signed bytes of x. */
static WK_INLINE I32x16 dot(I32x16 acc, Codes w, const int8_t* x) {
  int32_t four;
  memcpy(&four, x, 4);
  // GCC 12 keeps two copies of each sum around the intrinsic, half of them on the stack.
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc.r[0]) : "v"(w.u), "v"(_mm512_set1_epi32(four)));
  return acc;
}
#elif defined(__AVX2__)
constexpr int32_t kCodeShift = 128;
static WK_INLINE Codes ready(__m256i a, __m256i b) {
  return {{a, b}, {_mm256_abs_epi8(a), _mm256_abs_epi8(b)}};
}
static WK_INLINE Codes load_codes(const uint8_t* p) {
  const __m256i top = _mm256_set1_epi8(INT8_MIN);
  const __m256i* q = (const __m256i*)p;
  return ready(_mm256_xor_si256(_mm256_loadu_si256(q), top), _mm256_xor_si256(_mm256_loadu_si256(q + 1), top));
}
static WK_INLINE Codes low_codes(const uint8_t* p) {
  const __m256i mask = _mm256_set1_epi8(15), shift = _mm256_set1_epi8(INT8_MIN);
  const __m256i* q = (const __m256i*)p;
  return ready(_mm256_or_si256(_mm256_and_si256(_mm256_loadu_si256(q), mask), shift),
               _mm256_or_si256(_mm256_and_si256(_mm256_loadu_si256(q + 1), mask), shift));
}
static WK_INLINE Codes high_codes(const uint8_t* p) {
  const __m256i mask = _mm256_set1_epi8(15), shift = _mm256_set1_epi8(INT8_MIN);
  const __m256i* q = (const __m256i*)p;
  return ready(
      _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(_mm256_loadu_si256(q), 4), mask), shift),
      _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(_mm256_loadu_si256(q + 1), 4), mask), shift));
}
/* |code| · (x with the code's sign): pairs stay within 2 · 128 · 127, and −128 has a size that unsigned bytes hold. */
static WK_INLINE I32x16 dot(I32x16 acc, Codes w, const int8_t* x) {
  int32_t four;
  memcpy(&four, x, 4);
  const __m256i v = _mm256_set1_epi32(four), ones = _mm256_set1_epi16(1);
  WK_EACH_REG {
    __m256i pairs = _mm256_maddubs_epi16(w.size[i], _mm256_sign_epi8(v, w.s[i]));
    acc.r[i] = _mm256_add_epi32(acc.r[i], _mm256_madd_epi16(pairs, ones));
  }
  return acc;
}
#else
constexpr int32_t kCodeShift = 128;
static WK_INLINE Codes load_codes(const uint8_t* p) {
  Codes o;
  for (int i = 0; i < 4; i++) o.s[i] = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(p + 16 * i), vdupq_n_u8(128)));
  return o;
}
static WK_INLINE Codes low_codes(const uint8_t* p) {
  Codes o;
  for (int i = 0; i < 4; i++) {
    o.s[i] = vreinterpretq_s8_u8(vorrq_u8(vandq_u8(vld1q_u8(p + 16 * i), vdupq_n_u8(15)), vdupq_n_u8(128)));
  }
  return o;
}
static WK_INLINE Codes high_codes(const uint8_t* p) {
  Codes o;
  for (int i = 0; i < 4; i++) {
    o.s[i] = vreinterpretq_s8_u8(vorrq_u8(vshrq_n_u8(vld1q_u8(p + 16 * i), 4), vdupq_n_u8(128)));
  }
  return o;
}
static WK_INLINE I32x16 dot(I32x16 acc, Codes w, const int8_t* x) {
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
#endif

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
