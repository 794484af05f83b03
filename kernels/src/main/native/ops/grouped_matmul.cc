// SPDX-License-Identifier: Apache-2.0
// The product with integer weights. Input rows are quantized to ±127 by row and group of columns; then
// acc = fma((float) Σ (code − zero) · q, sx · scale, acc), and acc = fma(min, sx · Σ q, acc) where there are minimums, for
// groups in ascending order. NUMERICS.md: Integer weights.
//
// Operands: x float [rows][cols]; codes as winnow_kernels.h has them, [panel][4 columns][16 outputs][4] bytes or nibbles;
// scales, mins [panel][groups][16]; out float [rows][outputs]. Sums of a group are exact integers, so their order is free:
// lanes run over 16 outputs, four columns at a time (vpdpbusd, or vpmaddubsw of the code's size by the signed input). What
// is to be taken off the codes is the group's first sum: −zero · Σ q.
//
// First the rows are quantized (tasks: rows), then a task is some panels times some rows. With few rows the weights are
// read once, four panels beside each other, and memory is the limit. Otherwise tiles of rows × panels of integer sums stay
// in registers through a group; chains lie in the first-level cache, since a group costs one step of each.
//
// Tails: columns are padded to vectors with inputs of 0; fewer rows than a tile take the tile of their own height; outputs
// beyond the last are computed and not written. Test: GroupedMatmulTest, KernelsAgreeTest.
#include <math.h>

#include "product.h"

namespace wk {
namespace WK_ISA {
namespace {

constexpr int kTileRows = kRegisters == 16 ? 4 : kRegs == 1 ? 12 : 4;
constexpr int panels_of(int rows) { return kRegs != 1 ? 1 : rows <= 4 ? 4 : 2; }

constexpr int32_t kRowBlock = 96;

// Input rows as run.shared holds them: in tiles of kTileRows rows, whose four columns stand together, so that a tile reads
// one stream.
struct Quantized {
  int64_t columns;  // padded to 64
  int64_t groups;
  int8_t* codes;    // [tiles][columns / 4][kTileRows][4]
  float* scales;    // [tiles][groups][kTileRows]
  float* sums;      // likewise: scale · Σ codes, for minimums
  int32_t* starts;  // likewise: what integer sums begin with, which takes the zero off the weights' codes
};

int64_t padded_rows(const Run& run) { return (run.count + kTileRows - 1) / kTileRows * kTileRows; }

Quantized quantized(const Run& run) {
  const wk_weight& w = *run.op->weight;
  Quantized q;
  q.columns = (static_cast<int64_t>(w.cols) + 63) & ~63LL;
  q.groups = (w.cols + w.group - 1) / w.group;
  q.codes = reinterpret_cast<int8_t*>(run.shared);
  q.scales = reinterpret_cast<float*>(run.shared + padded_rows(run) * q.columns);
  q.sums = q.scales + padded_rows(run) * q.groups;
  q.starts = reinterpret_cast<int32_t*>(q.sums + padded_rows(run) * q.groups);
  return q;
}

int64_t shared(const Run& run) {
  const wk_weight& w = *run.op->weight;
  int64_t columns = (static_cast<int64_t>(w.cols) + 63) & ~63LL;
  return padded_rows(run) * (columns + (w.cols + w.group - 1) / w.group * 12LL);
}

int32_t first_tasks(const Run& run) { return row_tasks(run, run.op->weight->cols / 4); }

// Codes of a group, four columns every kTileRows · 4 bytes.
void quantize_group(const float* x, int32_t count, int8_t* codes, float* scale, int32_t* sum) {
  F32x16 most = set1(0), bad = set1(0);
  int32_t whole = count & ~15, left = count - whole;
  for (int32_t i = 0; i < whole; i += 16) {
    F32x16 size = abs(load(x + i));
    most = max(size, most);
    // Only numbers give 0; an infinity or a NaN gives NaN.
    bad = add(bad, sub(size, size));
  }
  if (left > 0) {
    F32x16 size = abs(load_first(x + whole, left, 0));
    most = max(size, most);
    bad = add(bad, sub(size, size));
  }
  float amax = lane_max(most);
  *sum = 0;
  if (lane_sum(bad) != 0 || amax < 0x1p-110f) {
    *scale = lane_sum(bad) != 0 ? NAN : 0;
    for (int32_t i = 0; i < count; i += 4) memset(codes + i * kTileRows, 0, 4);
    return;
  }
  *scale = amax / 127.0f;
  F32x16 factor = set1(127.0f / amax), round = set1(0x1.8p+23f), least = set1(-127), largest = set1(127);
  I32x16 total = set1_int(0);
  alignas(64) int32_t line[16];
  for (int32_t i = 0; i < count; i += 16) {
    int n = count - i < 16 ? count - i : 16;
    F32x16 e = n == 16 ? load(x + i) : load_first(x + i, n, 0);
    // Adding and subtracting 1.5 · 2^23 rounds to the nearest even integer.
    e = sub(add(mul(e, factor), round), round);
    e = max(min(e, largest), least);
    I32x16 code = to_int(e);
    total = add(total, code);
    store(line, code);
    // Columns beyond the last have code 0.
    for (int j = 0; j < n; j += 4) {
      int8_t four[4] = {static_cast<int8_t>(line[j]), static_cast<int8_t>(line[j + 1]),
                        static_cast<int8_t>(line[j + 2]), static_cast<int8_t>(line[j + 3])};
      memcpy(codes + (i + j) * kTileRows, four, 4);
    }
  }
  store(line, total);
  for (int j = 0; j < 16; j++) *sum += line[j];
}

void first(const Run& run, int32_t task, char*) {
  const wk_weight& w = *run.op->weight;
  Quantized q = quantized(run);
  int32_t from, to;
  row_range(run, first_tasks(run), task, &from, &to);
  for (int64_t r = from; r < to; r++) {
    int64_t tile = r / kTileRows, lane = r % kTileRows;
    int8_t* codes = q.codes + tile * kTileRows * q.columns + lane * 4;
    for (int64_t k = (w.cols + 3) & ~3; k < q.columns; k += 4) memset(codes + k * kTileRows, 0, 4);
    for (int64_t g = 0; g < q.groups; g++) {
      int64_t k = g * w.group, at = (tile * q.groups + g) * kTileRows + lane;
      int32_t count = static_cast<int32_t>(w.cols - k < w.group ? w.cols - k : w.group);
      int32_t sum;
      quantize_group(run.op->x + r * w.cols + k, count, codes + k * kTileRows, q.scales + at, &sum);
      q.sums[at] = q.scales[at] * static_cast<float>(sum);
      q.starts[at] = (kCodeShift - w.zero) * sum;
    }
  }
}

// What a tile needs to know of its weights and rows; pointers to its first panel and row.
struct Tile {
  const uint8_t* codes;
  int64_t panel;  // bytes between panels
  const char* scales;
  const char* mins;
  int64_t scale_panel;  // bytes between panels of scales
  int32_t group;
  int32_t groups;
  int32_t vectors;  // of a panel
  bool half;
  bool nibbles;
  const int8_t* x;
  const float* x_scales;
  const float* x_sums;
  const int32_t* starts;
};

WK_INLINE F32x16 scales_at(bool half, const char* p, int32_t g) {
  return half ? widen_f16(reinterpret_cast<const uint16_t*>(p) + g * kPanel)
              : load(reinterpret_cast<const float*>(p) + g * kPanel);
}

#define WK_ROWS _Pragma("GCC unroll 16") for (int r = 0; r < R; r++)
#define WK_PANELS _Pragma("GCC unroll 4") for (int p = 0; p < P; p++)

template <int R, int P, bool NIBBLES>
void tile(const Tile& t, float* sums) {
  constexpr int32_t ld = kPanelBlock * kPanel;
  // Vectors of a group: 4 columns each in bytes, 8 in nibbles.
  const int32_t each = t.group / (NIBBLES ? 8 : 4);
  const int64_t panel = t.panel;
  const int8_t* x = t.x;
  const uint8_t* codes = t.codes;
  for (int32_t g = 0; g < t.groups; g++) {
    const float* x_sums = t.x_sums + g * kTileRows;
    const int32_t* starts = t.starts + g * kTileRows;
    // Or the compiler keeps the chains in registers that there are none of.
    __asm__ volatile("" : "+r"(sums));
    const float* x_scales = t.x_scales + g * kTileRows;
    I32x16 s[R][P];
    WK_ROWS {
      WK_PANELS s[r][p] = set1_int(starts[r]);
    }
    int32_t count = (g + 1) * each <= t.vectors ? each : t.vectors - g * each;
    for (int32_t v = 0; v < count; v++, codes += 64) {
      Codes w[P];
      if (NIBBLES) {
        WK_PANELS w[p] = low_codes(codes + p * panel);
        WK_ROWS {
          WK_PANELS s[r][p] = dot(s[r][p], w[p], x + r * 4);
        }
        x += kTileRows * 4;
        WK_PANELS w[p] = high_codes(codes + p * panel);
      } else {
        WK_PANELS w[p] = load_codes(codes + p * panel);
      }
      WK_ROWS {
        WK_PANELS s[r][p] = dot(s[r][p], w[p], x + r * 4);
      }
      x += kTileRows * 4;
    }
    F32x16 scale[P];
    WK_PANELS scale[p] = scales_at(t.half, t.scales + p * t.scale_panel, g);
    if (t.mins == nullptr) {
      WK_ROWS {
        F32x16 sx = set1(x_scales[r]);
        WK_PANELS {
          float* sum = sums + r * ld + p * kPanel;
          store(sum, fma(to_float(s[r][p]), mul(sx, scale[p]), load(sum)));
        }
      }
    } else {
      F32x16 min[P];
      WK_PANELS min[p] = scales_at(t.half, t.mins + p * t.scale_panel, g);
      WK_ROWS {
        F32x16 sx = set1(x_scales[r]), sum_x = set1(x_sums[r]);
        WK_PANELS {
          float* sum = sums + r * ld + p * kPanel;
          F32x16 chain = fma(to_float(s[r][p]), mul(sx, scale[p]), load(sum));
          store(sum, fma(min[p], sum_x, chain));
        }
      }
    }
  }
}

template <int R, int P>
void any_tile(const Tile& t, float* sums) {
  t.nibbles ? tile<R, P, true>(t, sums) : tile<R, P, false>(t, sums);
}

template <int R>
void strip(Tile t, int32_t panels, float* sums) {
  constexpr int P = panels_of(R);
  int32_t p = 0;
  while (p < panels) {
    int32_t step = panels - p >= P ? P : 1;
    if (step == P) {
      any_tile<R, P>(t, sums + p * kPanel);
    } else {
      any_tile<R, 1>(t, sums + p * kPanel);
    }
    p += step;
    t.codes += step * t.panel;
    t.scales += step * t.scale_panel;
    if (t.mins != nullptr) t.mins += step * t.scale_panel;
  }
}

void rows_of(int32_t rows, const Tile& t, int32_t panels, float* sums) {
  switch (rows) {
#define WK_STRIP(n) \
  case n:           \
    return strip<n>(t, panels, sums);
    WK_STRIP(1)
    WK_STRIP(2)
    WK_STRIP(3)
    WK_STRIP(4)
#if defined(__AVX512F__)
    WK_STRIP(5)
    WK_STRIP(6)
    WK_STRIP(7)
    WK_STRIP(8)
    WK_STRIP(9)
    WK_STRIP(10)
    WK_STRIP(11)
    WK_STRIP(12)
#endif
#undef WK_STRIP
  }
}

int32_t panel_blocks(const Run& run) {
  int32_t panels = (run.op->weight->rows + kPanel - 1) / kPanel;
  return (panels + kPanelBlock - 1) / kPanelBlock;
}

int32_t tasks(const Run& run) { return panel_blocks(run) * ((run.count + kRowBlock - 1) / kRowBlock); }

int64_t scratch(const Run&) { return kRowBlock * kPanelBlock * kPanel * sizeof(float); }

void run_task(const Run& run, int32_t task, char* scratch) {
  const wk_weight& w = *run.op->weight;
  Quantized q = quantized(run);
  int32_t blocks = panel_blocks(run);
  int32_t row = task / blocks * kRowBlock, rows = run.count - row < kRowBlock ? run.count - row : kRowBlock;
  int64_t panel = task % blocks * kPanelBlock;
  int32_t all = (w.rows + kPanel - 1) / kPanel;
  int32_t panels = static_cast<int32_t>(all - panel < kPanelBlock ? all - panel : kPanelBlock);
  float* sums = reinterpret_cast<float*>(scratch);
  memset(sums, 0, rows * kPanelBlock * kPanel * sizeof(float));

  Tile t;
  t.nibbles = w.format == WK_INT4;
  t.half = w.half != 0;
  t.vectors = t.nibbles ? (w.cols + 7) / 8 : (w.cols + 3) / 4;
  t.panel = t.vectors * 64LL;
  t.codes = static_cast<const uint8_t*>(w.data) + panel * t.panel;
  t.group = w.group;
  t.groups = static_cast<int32_t>(q.groups);
  t.scale_panel = q.groups * kPanel * (t.half ? 2 : 4);
  t.scales = static_cast<const char*>(w.scales) + panel * t.scale_panel;
  t.mins = w.mins == nullptr ? nullptr : static_cast<const char*>(w.mins) + panel * t.scale_panel;
  for (int32_t r = 0; r < rows; r += kTileRows) {
    // A task's first row is the first of a tile.
    t.x = q.codes + (row + r) * q.columns;
    t.x_scales = q.scales + (row + r) * q.groups;
    t.x_sums = q.sums + (row + r) * q.groups;
    t.starts = q.starts + (row + r) * q.groups;
    rows_of(rows - r < kTileRows ? rows - r : kTileRows, t, panels, sums + r * kPanelBlock * kPanel);
  }
  finish_product(run, row, rows, static_cast<int32_t>(panel), panels, sums);
}

}  // namespace

extern const Operation grouped_matmul;
const Operation grouped_matmul = {tasks, scratch, run_task, first_tasks, first, shared};

}  // namespace WK_ISA
}  // namespace wk
