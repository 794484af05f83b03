// SPDX-License-Identifier: Apache-2.0
// What the products with integer weights share: the quantized input rows, and how the output is cut into tasks.
// NUMERICS.md: Integer weights.
#pragma once

#include <math.h>

#include "../simd_keep.h"
#include "product.h"
#include "silu.h"

namespace wk {
namespace WK_ISA {

/* Input rows as run.shared holds them: in tiles of T rows, whose four columns stand together, so that a tile of sums reads
   one stream. With T = 1 rows are plain. What belongs to a row and group stands together for L rows. */
template <int T, int L = T>
struct Quantized {
  int64_t columns;  // padded to 64
  int64_t groups;
  int8_t* codes;    // [tiles][columns / 4][T][4]
  float* scales;    // [rows / L][groups][L]
  float* sums;      // likewise: scale · Σ codes, for minimums
  int32_t* starts;  // likewise: what integer sums begin with, which takes the zero off the weights' codes

  explicit Quantized(const Run& run) {
    const wk_weight& w = *run.op->weight;
    int64_t rows = padded_rows(run);
    columns = padded(w);
    groups = groups_of(w);
    codes = reinterpret_cast<int8_t*>(run.shared);
    scales = reinterpret_cast<float*>(run.shared + rows * columns);
    sums = scales + rows * groups;
    starts = reinterpret_cast<int32_t*>(sums + rows * groups);
  }

  static int64_t padded(const wk_weight& w) { return (static_cast<int64_t>(w.cols) + 63) & ~63LL; }
  static int64_t padded_rows(const Run& run) { return (run.count + L - 1) / L * L; }
  int64_t at(int64_t row, int64_t group) const { return (row / L * groups + group) * L + row % L; }
  static int64_t bytes(const Run& run) {
    const wk_weight& w = *run.op->weight;
    return padded_rows(run) * (padded(w) + groups_of(w) * 12);
  }
};

/* Codes of a group, four columns every T · 4 bytes. */
template <int T>
void quantize_group(const float* x, int32_t count, int8_t* codes, float* scale, int32_t* sum) {
  F32x16 most = set1(0);
  uint32_t finite = 0xFFFF;
  int32_t whole = count & ~15, left = count - whole;
  for (int32_t i = 0; i < whole; i += 16) {
    F32x16 size = abs(load(x + i));
    most = max(size, most);
    finite &= gt_bits(set1(INFINITY), size);
  }
  if (left > 0) {
    F32x16 size = abs(load_first(x + whole, left, 0));
    most = max(size, most);
    finite &= gt_bits(set1(INFINITY), size);
  }
  float amax = lane_max(most);
  if (finite != 0xFFFF || amax < 0x1p-110f) {
    *sum = 0;
    *scale = finite != 0xFFFF ? NAN : 0;
    for (int32_t i = 0; i < count; i += 4) memset(codes + i * T, 0, 4);
    return;
  }
  *scale = amax / 127.0f;
  F32x16 factor = set1(127.0f / amax), least = set1(-127), largest = set1(127);
  I32x16 total = set1_int(0);
  for (int32_t i = 0; i < count; i += 16) {
    int n = count - i < 16 ? count - i : 16;
    F32x16 e = n == 16 ? load(x + i) : load_first(x + i, n, 0);
    I32x16 code = nearest(max(min(mul(e, factor), largest), least));
    total = add(total, code);
    int8_t line[16];
    store_bytes(line, code);
    // Columns beyond the last have code 0.
    for (int j = 0; j < n; j += 4) memcpy(codes + (i + j) * T, line + j, 4);
  }
  *sum = lane_sum(total);
}

#if defined(__AVX512F__)
/* Lane i of the result is OP over all lanes of v[i]. */
#define WK_FOUR(OP512, OP256, OP128)                                                                             \
  __m512i ab = OP512(_mm512_unpacklo_epi32(v[0], v[1]), _mm512_unpackhi_epi32(v[0], v[1]));                      \
  __m512i cd = OP512(_mm512_unpacklo_epi32(v[2], v[3]), _mm512_unpackhi_epi32(v[2], v[3]));                      \
  __m512i all = OP512(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));                             \
  __m256i half = OP256(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));                          \
  return OP128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
static WK_INLINE __m128i four_sums(const __m512i* v) { WK_FOUR(_mm512_add_epi32, _mm256_add_epi32, _mm_add_epi32) }
static WK_INLINE __m128i four_most(const __m512i* v) { WK_FOUR(_mm512_max_epu32, _mm256_max_epu32, _mm_max_epu32) }
#undef WK_FOUR

/* quantize_group of four whole groups of 32 beside each other, whose folds and divisions go together; `every` lies between
   the scales, and between the sums. False, with nothing written, where a group is of the kinds that quantize_group treats
   by themselves. Sizes are compared as integers, among which NaN and infinity come last; what is multiplied by 127 / amax
   needs no limits, because it cannot round to more than 127. */
template <int T>
bool quantize_four(const float* x, int8_t* codes, int64_t every, float* scales, int32_t* sums) {
  const __m512i size = _mm512_set1_epi32(INT32_MAX);
  __m512i v[4];
  for (int g = 0; g < 4; g++) {
    __m512i a = _mm512_loadu_si512(x + g * 32), b = _mm512_loadu_si512(x + g * 32 + 16);
    v[g] = _mm512_max_epu32(_mm512_and_si512(a, size), _mm512_and_si512(b, size));
  }
  const __m128i amax = four_most(v), least = _mm_castps_si128(_mm_set1_ps(0x1p-110f));
  const __m128i plain = _mm_and_si128(_mm_cmplt_epi32(amax, _mm_castps_si128(_mm_set1_ps(INFINITY))),
                                      _mm_cmpgt_epi32(amax, _mm_sub_epi32(least, _mm_set1_epi32(1))));
  if (_mm_movemask_epi8(plain) != 0xFFFF) return false;
  alignas(16) float scale[4], factor[4];
  alignas(16) int32_t sum[4];
  _mm_store_ps(scale, _mm_div_ps(_mm_castsi128_ps(amax), _mm_set1_ps(127)));
  _mm_store_ps(factor, _mm_div_ps(_mm_set1_ps(127), _mm_castsi128_ps(amax)));
  for (int g = 0; g < 4; g++) {
    const __m512 by = _mm512_set1_ps(factor[g]);
    int8_t line[32];
    __m512i a = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + g * 32), by));
    __m512i b = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + g * 32 + 16), by));
    v[g] = _mm512_add_epi32(a, b);
    _mm_storeu_si128((__m128i*)line, _mm512_cvtepi32_epi8(a));
    _mm_storeu_si128((__m128i*)(line + 16), _mm512_cvtepi32_epi8(b));
    for (int j = 0; j < 32; j += 4) memcpy(codes + (g * 32 + j) * T, line + j, 4);
  }
  _mm_store_si128((__m128i*)sum, four_sums(v));
  for (int g = 0; g < 4; g++) {
    scales[g * every] = scale[g];
    sums[g * every] = sum[g];
  }
  return true;
}
#endif

inline int32_t quantize_tasks(const Run& run) { return row_tasks(run, run.op->weight->cols / 2); }

/* One of quantize_tasks; `shift` is what the products take off the weights' codes by themselves. */
template <int T, int L = T>
void quantize_rows(const Run& run, int32_t task, int32_t shift) {
  static_assert(L % T == 0, "rows are padded to L");
  const wk_weight& w = *run.op->weight;
  Quantized<T, L> q(run);
  int32_t from, to;
  row_range(run, quantize_tasks(run), task, &from, &to);
  for (int64_t r = from; r < to; r++) {
    int64_t tile = r / T, lane = r % T;
    int8_t* codes = q.codes + tile * T * q.columns + lane * 4;
    for (int64_t k = (w.cols + 3) & ~3; k < q.columns; k += 4) memset(codes + k * T, 0, 4);
    for (int64_t g = 0; g < q.groups;) {
      int64_t k = g * w.group, end = g + 1;
#if defined(__AVX512F__)
      if (w.group == 32 && k + 128 <= w.cols
          && quantize_four<T>(run.op->x + r * w.cols + k, codes + k * T, L, q.scales + q.at(r, g), q.starts + q.at(r, g))) {
        end = g + 4;
      }
#endif
      if (end == g + 1) {
        int32_t count = static_cast<int32_t>(w.cols - k < w.group ? w.cols - k : w.group);
        quantize_group<T>(run.op->x + r * w.cols + k, count, codes + k * T, q.scales + q.at(r, g), q.starts + q.at(r, g));
      }
      for (; g < end; g++) {
        int64_t at = q.at(r, g);
        int32_t sum = q.starts[at];
        q.sums[at] = q.scales[at] * static_cast<float>(sum);
        q.starts[at] = (shift - w.zero) * sum;
      }
    }
  }
}

constexpr int32_t kRowBlock = 144;  // most rows of a task
constexpr int32_t kOwnRows = 32;    // rows from which on a member gets some of its own: all weights pass them
constexpr int32_t kPanelBlock = 4;  // most panels of a task; rows of its sums are so many panels apart
constexpr int64_t kSumBytes = kRowBlock * kPanelBlock * kPanel * sizeof(float);

/* How the output is cut into tasks of whole tiles of UNIT rows: sizes only, no bits. With rows enough each member of the
   team has some of its own, which it has quantized itself; else they share the panels. */
template <int UNIT>
struct GroupedCut {
  int32_t all, rows, row_blocks, panels, panel_blocks;

  explicit GroupedCut(const Run& run) {
    // With an activation a task's panels are gates, each of which brings its other half along.
    int32_t beside = run.silu == nullptr ? 1 : 2;
    all = static_cast<int32_t>(panels_of_outputs(run.op->weight->rows)) / beside;
    int32_t own = run.count / kOwnRows < run.threads ? run.count / kOwnRows : run.threads;
    int32_t least = (run.count + kRowBlock - 1) / kRowBlock;
    row_blocks = own > least ? own : least;
    rows = ((run.count + row_blocks - 1) / row_blocks + UNIT - 1) / UNIT * UNIT;
    row_blocks = (run.count + rows - 1) / rows;
    // Enough tasks that a member which is late delays little; few rows read by several panels at once.
    bool small = run.count > 4 && static_cast<int64_t>(all) * row_blocks < 8LL * kPanelBlock * run.threads;
    panels = (small ? 2 : kPanelBlock) / beside;
    panel_blocks = (all + panels - 1) / panels;
  }

  int32_t tasks() const { return row_blocks * panel_blocks; }

  Part part(const Run& run, int32_t task) const {
    int32_t row = task / panel_blocks * rows, panel = task % panel_blocks * panels;
    int32_t left = all - panel;
    return {row, run.count - row < rows ? run.count - row : rows, panel, left < panels ? left : panels};
  }
};

/* Adds the biases and activates: sums of a gate stand beside those of what it gates, 2 · kPanel apart from the next gate's,
   rows kPanelBlock · kPanel apart. `panel` is one of the task's. */
static inline void finish_gated(const Run& run, const Part& part, int32_t panel, const float* sums) {
  constexpr int64_t ld = kPanelBlock * kPanel;
  int64_t width = run.silu->cols;
  float* out = run.silu->out + part.row * width + (part.panel + panel) * int64_t{kPanel};
  const float* bias = run.op->a == nullptr ? nullptr : run.op->a + (part.panel + panel) * kPanel;
  for (int32_t r = 0; r < part.rows; r++) {
    F32x16 gate = load(sums + r * ld + 2 * panel * kPanel), up = load(sums + r * ld + (2 * panel + 1) * kPanel);
    if (bias != nullptr) {
      gate = add(gate, load(bias));
      up = add(up, load(bias + width));
    }
    store(out + r * width, activate(gate, up));
  }
}

/* The scales (or minimums) at `at`, in elements. */
static WK_INLINE F32x16 scales_at(const wk_weight& w, const void* scales, int64_t at) {
  return w.half ? widen_f16(static_cast<const uint16_t*>(scales) + at) : load(static_cast<const float*>(scales) + at);
}

}  // namespace WK_ISA
}  // namespace wk
