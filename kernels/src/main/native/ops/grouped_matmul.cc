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
// beyond the last are computed and not written. Test: GroupedMatmulTest.
#include "grouped.h"

namespace wk {
namespace WK_ISA {
namespace {

constexpr int kTileRows = kRegisters == 16 ? 4 : kRegs == 1 ? 12 : 4;
constexpr int panels_of(int rows) { return kRegs != 1 ? 1 : rows <= 4 ? 4 : 2; }

static_assert(kRowBlock % kTileRows == 0, "a task is whole tiles of rows");

int64_t shared(const Run& run) { return Quantized<kTileRows>::bytes(run); }

void first(const Run& run, int32_t task, char*) { quantize_rows<kTileRows>(run, task, kCodeShift); }

// What a tile needs to know of its weights and rows.
struct Tile {
  const wk_weight* w;
  const uint8_t* codes;  // of the first panel
  int64_t first_panel;
  int64_t panel;    // bytes between panels of codes
  int32_t vectors;  // of a panel
  int32_t groups;
  const int8_t* x;  // of the first row, as the other three
  const float* x_scales;
  const float* x_sums;
  const int32_t* starts;
};

#define WK_ROWS _Pragma("GCC unroll 16") for (int r = 0; r < R; r++)
#define WK_PANELS _Pragma("GCC unroll 4") for (int p = 0; p < P; p++)

template <int R, int P, bool NIBBLES>
void tile(const Tile& t, float* sums) {
  constexpr int32_t ld = kPanelBlock * kPanel;
  // Vectors of a group: 4 columns each in bytes, 8 in nibbles.
  const int32_t each = t.w->group / (NIBBLES ? 8 : 4);
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
    WK_PANELS scale[p] = scales_at(*t.w, t.w->scales, ((t.first_panel + p) * t.groups + g) * kPanel);
    if (t.w->mins == nullptr) {
      WK_ROWS {
        F32x16 sx = set1(x_scales[r]);
        WK_PANELS {
          float* sum = sums + r * ld + p * kPanel;
          store(sum, fma(to_float(s[r][p]), mul(sx, scale[p]), load(sum)));
        }
      }
    } else {
      F32x16 min[P];
      WK_PANELS min[p] = scales_at(*t.w, t.w->mins, ((t.first_panel + p) * t.groups + g) * kPanel);
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
  t.w->format == WK_INT4 ? tile<R, P, true>(t, sums) : tile<R, P, false>(t, sums);
}

template <int R>
void strip(Tile t, int32_t panels, float* sums) {
  constexpr int P = panels_of(R);
  for (int32_t p = 0; p < panels;) {
    int32_t step = panels - p >= P ? P : 1;
    if (step == P) {
      any_tile<R, P>(t, sums + p * kPanel);
    } else {
      any_tile<R, 1>(t, sums + p * kPanel);
    }
    p += step;
    t.first_panel += step;
    t.codes += step * t.panel;
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

int64_t scratch(const Run&) { return kSumBytes; }

void run_task(const Run& run, int32_t task, char* scratch) {
  const wk_weight& w = *run.op->weight;
  Quantized<kTileRows> q(run);
  Part part = grouped_part(run, task);
  constexpr int64_t ld = kPanelBlock * kPanel;
  float* sums = reinterpret_cast<float*>(scratch);
  memset(sums, 0, part.rows * ld * sizeof(float));

  Tile t;
  t.w = &w;
  t.first_panel = part.panel;
  t.vectors = static_cast<int32_t>(code_vectors(w.format, w.cols));
  t.panel = t.vectors * 64LL;
  t.codes = static_cast<const uint8_t*>(w.data) + part.panel * t.panel;
  t.groups = static_cast<int32_t>(q.groups);
  for (int32_t r = 0; r < part.rows; r += kTileRows) {
    // A task's first row is the first of a tile.
    t.x = q.codes + (part.row + r) * q.columns;
    t.x_scales = q.scales + (part.row + r) * q.groups;
    t.x_sums = q.sums + (part.row + r) * q.groups;
    t.starts = q.starts + (part.row + r) * q.groups;
    rows_of(part.rows - r < kTileRows ? part.rows - r : kTileRows, t, part.panels, sums + r * ld);
  }
  finish_product(*run.op, part, sums, ld);
}

}  // namespace

extern const Operation grouped_matmul;
const Operation grouped_matmul = {grouped_tasks, scratch, run_task, quantize_tasks, first, shared};

}  // namespace WK_ISA
}  // namespace wk
