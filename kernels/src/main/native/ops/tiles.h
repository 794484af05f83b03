// SPDX-License-Identifier: Apache-2.0
// The tile registers of AMX, as far as the products need them. WK_EMULATE_TILES computes the same without them, so that
// what stands around the instructions can be tested where there are none.
#pragma once

#include <stdint.h>
#include <string.h>

#include <immintrin.h>

namespace wk {
namespace WK_ISA {

/* Layout of ldtilecfg's operand: palette 1, eight registers. */
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t bytes[16] = {};
  uint8_t rows[16] = {};
};

#if defined(WK_EMULATE_TILES)
struct TileState {
  TileConfig config;
  uint8_t data[8][16][64];
};
inline TileState& tile_state() {
  static thread_local TileState state;
  return state;
}
inline void tiles_configure(const TileConfig& config) { tile_state().config = config; }
inline void tiles_release() {}
template <int R>
inline void tile_zero() {
  memset(tile_state().data[R], 0, sizeof(tile_state().data[R]));
}
template <int R>
inline void tile_load(const void* from, int64_t stride) {
  TileState& s = tile_state();
  memset(s.data[R], 0, sizeof(s.data[R]));
  for (int r = 0; r < s.config.rows[R]; r++) {
    memcpy(s.data[R][r], static_cast<const uint8_t*>(from) + r * stride, s.config.bytes[R]);
  }
}
template <int R>
inline void tile_store(void* to, int64_t stride) {
  TileState& s = tile_state();
  for (int r = 0; r < s.config.rows[R]; r++) {
    memcpy(static_cast<uint8_t*>(to) + r * stride, s.data[R][r], s.config.bytes[R]);
  }
}
/* C[m][n] += Σ_k A[m][k] · B[k / 4][n][k % 4], A signed, B as CODE says. */
template <int C, int A, int B, typename CODE>
inline void tile_dot() {
  TileState& s = tile_state();
  for (int m = 0; m < s.config.rows[A]; m++) {
    for (int n = 0; n < s.config.bytes[B] / 4; n++) {
      int32_t sum;
      memcpy(&sum, s.data[C][m] + n * 4, 4);
      for (int k = 0; k < s.config.bytes[A]; k++) {
        sum += static_cast<int8_t>(s.data[A][m][k]) * static_cast<CODE>(s.data[B][k / 4][n * 4 + k % 4]);
      }
      memcpy(s.data[C][m] + n * 4, &sum, 4);
    }
  }
}
/* C[m][n] += Σ_k A[m][k] · B[k / 2][n][k % 2] as the manual's pseudo-code of TDPBF16PS has it: a chain of fma over the
   even columns and one over the odd ones, each from +0, then the sum of both added to C; subnormals are zeros, in and
   out. */
inline void tile_dot_bf16(int c, int a, int b) {
  TileState& s = tile_state();
  uint32_t before = _mm_getcsr(), flushing = 0x9FC0;
  // Operands are read behind the first and written before the second, so the arithmetic stays between them.
  __asm__ volatile("ldmxcsr %0" : : "m"(flushing) : "memory");
  const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xFFFF0000u));
  for (int m = 0; m < s.config.rows[a]; m++) {
    __m512 chain[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (int k = 0; k < s.config.rows[b]; k++) {
      uint32_t pair;
      memcpy(&pair, s.data[a][m] + k * 4, 4);
      __m512i x = _mm512_set1_epi32(static_cast<int>(pair)), w = _mm512_loadu_si512(s.data[b][k]);
      chain[0] = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_slli_epi32(x, 16)),
                                 _mm512_castsi512_ps(_mm512_slli_epi32(w, 16)), chain[0]);
      chain[1] = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_and_si512(x, upper)),
                                 _mm512_castsi512_ps(_mm512_and_si512(w, upper)), chain[1]);
    }
    __m512 sum = _mm512_add_ps(chain[0], chain[1]);
    _mm512_storeu_ps(s.data[c][m], _mm512_add_ps(_mm512_loadu_ps(s.data[c][m]), sum));
  }
  __asm__ volatile("ldmxcsr %0" : : "m"(before) : "memory");
}
#else
inline void tiles_configure(const TileConfig& config) {
  // GCC 12 takes the instruction to read 8 bytes only, and would drop the stores to the others.
  __asm__ volatile("" : : "r"(&config) : "memory");
  _tile_loadconfig(&config);
}
inline void tiles_release() { _tile_release(); }
#endif

}  // namespace WK_ISA
}  // namespace wk

// Macros, because GCC's intrinsics put the numbers of registers into assembly as they are written.
#if defined(WK_EMULATE_TILES)
#define WK_TILE_ZERO(r) tile_zero<r>()
#define WK_TILE_LOAD(r, from, stride) tile_load<r>(from, stride)
#define WK_TILE_STORE(r, to, stride) tile_store<r>(to, stride)
#define WK_TILE_DOT_UNSIGNED(c, a, b) tile_dot<c, a, b, uint8_t>()
#define WK_TILE_DOT_SIGNED(c, a, b) tile_dot<c, a, b, int8_t>()
#define WK_TILE_DOT_BF16(c, a, b) tile_dot_bf16(c, a, b)
#else
#define WK_TILE_ZERO(r) _tile_zero(r)
#define WK_TILE_LOAD(r, from, stride) _tile_loadd(r, from, stride)
#define WK_TILE_STORE(r, to, stride) _tile_stored(r, to, stride)
#define WK_TILE_DOT_UNSIGNED(c, a, b) _tile_dpbsud(c, a, b)
#define WK_TILE_DOT_SIGNED(c, a, b) _tile_dpbssd(c, a, b)
#define WK_TILE_DOT_BF16(c, a, b) _tile_dpbf16ps(c, a, b)
#endif
