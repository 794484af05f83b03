// SPDX-License-Identifier: Apache-2.0
// The loops of roofline.h; compiled once for each instruction set.
#include "../../main/native/simd.h"
#include "roofline.h"

namespace wk {
namespace WK_ISA {
namespace {

// Enough independent chains for two multipliers with a latency of four or five cycles, few enough for the registers.
constexpr int kChains = 12 / kRegs < 6 ? 6 : 12 / kRegs;

double fma_loop(int64_t rounds, float* sink) {
  F32x16 c[kChains];
  for (int i = 0; i < kChains; i++) c[i] = set1(sink[i]);
  F32x16 a = set1(sink[0] * 0.5f + 0.75f), b = set1(sink[1] * 0.5f + 0.25f);
  for (int64_t n = 0; n < rounds; n++) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; i++) c[i] = fma(c[i], a, b);
  }
  for (int i = 1; i < kChains; i++) c[0] = add(c[0], c[i]);
  store(sink, c[0]);
  return 2.0 * 16 * kChains * static_cast<double>(rounds);
}

#if defined(__AVX512F__)
double dot_loop(int64_t rounds, float* sink) {
  __m512i c[12], a = _mm512_set1_epi8(3), b = _mm512_loadu_si512(sink);
  for (int i = 0; i < 12; i++) c[i] = _mm512_set1_epi32(i);
  for (int64_t n = 0; n < rounds; n++) {
#pragma GCC unroll 12
    for (int i = 0; i < 12; i++) c[i] = _mm512_dpbusd_epi32(c[i], a, b);
    __asm__ volatile("" : "+v"(a));
  }
  for (int i = 1; i < 12; i++) c[0] = _mm512_xor_si512(c[0], c[i]);
  _mm512_storeu_si512(sink, c[0]);
  return 2.0 * 64 * 12 * static_cast<double>(rounds);
}
typedef __m512i Line;
WK_INLINE Line line_at(const char* p) { return _mm512_loadu_si512(p); }
WK_INLINE Line mix(Line a, Line b) { return _mm512_xor_si512(a, b); }
#elif defined(__AVX2__)
double dot_loop(int64_t rounds, float* sink) {
  __m256i c[6], a = _mm256_set1_epi8(3), b = _mm256_loadu_si256(reinterpret_cast<__m256i*>(sink));
  __m256i ones = _mm256_set1_epi16(1);
  for (int i = 0; i < 6; i++) c[i] = _mm256_set1_epi32(i);
  for (int64_t n = 0; n < rounds; n++) {
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) {
      __asm__ volatile("" : "+x"(a));
      c[i] = _mm256_add_epi32(c[i], _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
    }
  }
  for (int i = 1; i < 6; i++) c[0] = _mm256_xor_si256(c[0], c[i]);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(sink), c[0]);
  return 2.0 * 32 * 6 * static_cast<double>(rounds);
}
typedef __m256i Line;
WK_INLINE Line line_at(const char* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
WK_INLINE Line mix(Line a, Line b) { return _mm256_xor_si256(a, b); }
#else
double dot_loop(int64_t, float*) { return 0; }
typedef int32x4_t Line;
WK_INLINE Line line_at(const char* p) { return vld1q_s32(reinterpret_cast<const int32_t*>(p)); }
WK_INLINE Line mix(Line a, Line b) { return veorq_s32(a, b); }
#endif

template <int S>
void read_streams(const char* data, int64_t bytes, float* sink) {
  constexpr int64_t step = sizeof(Line) * 4;
  Line c[4] = {line_at(data), line_at(data), line_at(data), line_at(data)};
  int64_t piece = bytes / S / step * step;
  for (int64_t at = 0; at < piece; at += step) {
#pragma GCC unroll 8
    for (int s = 0; s < S; s++) {
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) {
        c[i] = mix(c[i], line_at(data + s * piece + at + i * static_cast<int64_t>(sizeof(Line))));
      }
    }
  }
  Line all = mix(mix(c[0], c[1]), mix(c[2], c[3]));
  int32_t word;
  memcpy(&word, &all, 4);
  sink[0] = static_cast<float>(word & 1);
}

void read_loop(const void* data, int64_t bytes, int32_t streams, float* sink) {
  const char* p = static_cast<const char*>(data);
  if (bytes < 8192) return;
  streams == 1 ? read_streams<1>(p, bytes, sink) : read_streams<8>(p, bytes, sink);
}

}  // namespace
}  // namespace WK_ISA
}  // namespace wk

#define WK_NAME2(isa) isa##_loops
#define WK_NAME(isa) WK_NAME2(isa)

namespace kernbench {
const Loops& WK_NAME(WK_ISA)() {
  static const Loops loops = {wk::WK_ISA::fma_loop, wk::WK_ISA::dot_loop, wk::WK_ISA::read_loop};
  return loops;
}
}  // namespace kernbench
