// SPDX-License-Identifier: Apache-2.0
// out[r][n] = chain over k of fma(x[r][k], w[n][k], acc), then + bias[n], then residual[r][n] + acc. NUMERICS.md: matmul.
//
// Operands: x float [rows][cols]; w in panels [rows/16][cols][16] of float or of the upper halves of float; out float
// [rows][outputs]. Vector lanes run over the 16 outputs of a panel, so a chain is never split; sums that wait between
// blocks of k lie in memory as float32, which changes no bit.
//
// A task is some panels times some rows. With few rows the weights are read once, several panels side by side, and
// memory is the limit. With many, the multipliers are: tiles of rows × panels of sums stay in registers; a block of k of
// a tile's panels stays in the first-level cache while all rows of the task pass, widened once; and meanwhile the panels
// that come next are fetched.
//
// Tails: fewer rows than a tile take the tile of their own height; outputs beyond the last are computed (their weights
// are zeros) and not written. Test: MatmulTest, kernbench matmul.
#include "product.h"

namespace wk {
namespace WK_ISA {
namespace {

// Sums in registers: rows of a tile and panels beside each other, with room for the weights and one factor.
constexpr int kTileRows = kRegisters == 16 ? 6 : kRegs == 1 ? 12 : 6;
constexpr int panels_of(int rows) {
  int room = kRegisters == 16 ? 12 : 24;
  int fit = room / (rows * kRegs);
  return fit >= 4 ? 4 : fit >= 2 ? 2 : 1;
}

/* How many rows work: tiles of so many rows and panels, over so many columns at a time. */
struct Many {
  static constexpr int kRows = kTileRows, kPanels = panels_of(kTileRows), kColumns = 256;
};
/* Where few rows leave room for one panel alone: fewer rows and two panels, since memory is faster by several streams. */
struct Narrow {
  static constexpr int kRows = 3, kPanels = 2, kColumns = 128;
};
constexpr bool narrow(int rows) { return rows <= kTileRows && rows > Narrow::kRows && panels_of(rows) == 1; }
constexpr int32_t kWidened = Many::kPanels * Many::kColumns > Narrow::kPanels * Narrow::kColumns
    ? Many::kPanels * Many::kColumns : Narrow::kPanels * Narrow::kColumns;

constexpr int32_t kRowBlock = 12 * kTileRows;  // most rows of a task
constexpr int32_t kPanelBlock = 8;             // most panels of a task
constexpr int32_t kFetch = 4096;               // few rows: bytes from what is used to what is fetched, over all panels

WK_INLINE F32x16 weights(const float* p) { return load(p); }
WK_INLINE F32x16 weights(const uint16_t* p) { return widen_bf16(p); }

/* What a tile fetches while it computes: at each column `step` bytes further, in as many lines as it has panels. */
struct Ahead {
  const char* at;
  int64_t step, panel;
};

// sums[r][p] += chain over `depth` columns. Panels of w are `panel` elements apart, rows of sums `ld`.
template <class T, int R, int P>
void tile(const float* x, int64_t ldx, const T* w, int64_t panel, int32_t depth, Ahead ahead, float* sums,
          int64_t ld) {
  F32x16 c[R][P];
  each<R>(WK_EACH(r) { each<P>(WK_EACH(p) { c[r][p] = load(sums + r * ld + p * kPanel); }); });
  // Three rows to a pointer: an address has room for one multiple of ldx, and a pointer a row is more than there are.
  constexpr int kPointers = (R + 2) / 3;
  const float* rows[kPointers];
  each<kPointers>(WK_EACH(i) { rows[i] = x + 3 * i * ldx; });
  for (int32_t k = 0; k < depth; k++) {
    F32x16 b[P];
    each<P>(WK_EACH(p) {
      b[p] = weights(w + p * panel);
      __builtin_prefetch(ahead.at + p * ahead.panel);
    });
    each<R>(WK_EACH(r) {
      F32x16 a = set1(rows[r / 3][r % 3 * ldx]);
      each<P>(WK_EACH(p) { c[r][p] = fma(a, b[p], c[r][p]); });
    });
    each<kPointers>(WK_EACH(i) {
      rows[i]++;
      __asm__("" : "+r"(rows[i]));
    });
    w += kPanel;
    ahead.at += ahead.step;
  }
  each<R>(WK_EACH(r) { each<P>(WK_EACH(p) { store(sums + r * ld + p * kPanel, c[r][p]); }); });
}

#if defined(__AVX512F__)
#define WK_EACH_HEIGHT(call) \
  call(1) call(2) call(3) call(4) call(5) call(6) call(7) call(8) call(9) call(10) call(11) call(12)
#else
#define WK_EACH_HEIGHT(call) call(1) call(2) call(3) call(4) call(5) call(6)
#endif

// P panels and any number of rows up to a tile's.
template <class T, int P>
void strip(int32_t rows, const float* x, int64_t ldx, const T* w, int64_t panel, int32_t depth, Ahead ahead,
           float* sums, int64_t ld) {
  switch (rows) {
#define WK_TILE(n) \
  case n:          \
    return tile<T, n, P>(x, ldx, w, panel, depth, ahead, sums, ld);
    WK_EACH_HEIGHT(WK_TILE)
#undef WK_TILE
  }
}

template <class T, int R, int P>
void few_panels(const float* x, const T* w, int32_t cols, float* sums, int64_t ld) {
  int64_t panel = static_cast<int64_t>(cols) * kPanel;
  Ahead ahead = {nullptr, kPanel * sizeof(T), static_cast<int64_t>(panel * sizeof(T))};
  // The last columns fetch the beginnings of the panels behind these.
  int32_t last = kFetch / P / ahead.step, first = cols > last ? cols - last : 0;
  ahead.at = reinterpret_cast<const char*>(w + last * kPanel);
  tile<T, R, P>(x, cols, w, panel, first, ahead, sums, ld);
  ahead.at = reinterpret_cast<const char*>(w + P * panel);
  tile<T, R, P>(x + first, cols, w + first * kPanel, panel, cols - first, ahead, sums, ld);
}

// Rows of one tile: one pass over the weights.
template <class T, int R>
void few_rows(const wk_op& op, const Part& part, float* sums) {
  constexpr int P = panels_of(R);
  int32_t cols = op.weight->cols;
  int64_t panel = static_cast<int64_t>(cols) * kPanel, ld = part.panels * kPanel;
  const T* w = static_cast<const T*>(op.weight->data) + part.panel * panel;
  const float* x = op.x + static_cast<int64_t>(part.row) * cols;
  for (int32_t p = 0; p < part.panels;) {
    if (p + P <= part.panels) {
      few_panels<T, R, P>(x, w + p * panel, cols, sums + p * kPanel, ld);
      p += P;
    } else {
      few_panels<T, R, 1>(x, w + p * panel, cols, sums + p * kPanel, ld);
      p++;
    }
  }
}

/* Panels of `depth` columns, as the tiles of many rows read them: float as they stand, others widened into `room`. */
WK_INLINE const float* wide(const float* w, int64_t, int32_t, int32_t, float*) { return w; }
WK_INLINE const float* wide(const uint16_t* w, int64_t panel, int32_t panels, int32_t depth, float* room) {
  for (int32_t p = 0; p < panels; p++) {
    for (int32_t k = 0; k < depth; k++) store(room + (p * depth + k) * kPanel, weights(w + p * panel + k * kPanel));
  }
  return room;
}

template <class T, class Tile>
void many_rows(const wk_op& op, const Part& part, float* sums, float* room) {
  int32_t cols = op.weight->cols;
  int64_t panel = static_cast<int64_t>(cols) * kPanel, ld = part.panels * kPanel;
  const T* w = static_cast<const T*>(op.weight->data) + part.panel * panel;
  const float* x = op.x + static_cast<int64_t>(part.row) * cols;
  int32_t strips = (part.rows + Tile::kRows - 1) / Tile::kRows, blocks = (cols + Tile::kColumns - 1) / Tile::kColumns;
  for (int32_t block = 0; block < blocks; block++) {
    int32_t k = cols * static_cast<int64_t>(block) / blocks;
    int32_t depth = static_cast<int32_t>(cols * static_cast<int64_t>(block + 1) / blocks) - k;
    for (int32_t p = 0; p < part.panels;) {
      int32_t beside = part.panels - p < Tile::kPanels ? 1 : Tile::kPanels;
      const T* here = w + p * panel + k * kPanel;
      bool more = p + beside < part.panels;
      const T* next = more ? here + beside * panel : block + 1 < blocks ? w + (k + depth) * kPanel : here;
      const float* b = wide(here, panel, beside, depth, room);
      int64_t apart = sizeof(T) == sizeof(float) ? panel : depth * kPanel;
      Ahead ahead = {reinterpret_cast<const char*>(next), static_cast<int64_t>(kPanel * sizeof(T)) / strips,
                     static_cast<int64_t>(panel * sizeof(T))};
      for (int32_t i = 0; i < strips; i++) {
        int32_t r = part.rows * i / strips, height = part.rows * (i + 1) / strips - r;
        float* s = sums + r * ld + p * kPanel;
        if (beside == 1) {
          strip<float, 1>(height, x + static_cast<int64_t>(r) * cols + k, cols, b, apart, depth, ahead, s, ld);
        } else {
          strip<float, Tile::kPanels>(height, x + static_cast<int64_t>(r) * cols + k, cols, b, apart, depth, ahead, s,
                                      ld);
        }
        ahead.at += ahead.step * depth;
      }
      p += beside;
    }
  }
}

template <class T>
void product(const Run& run, const Part& part, float* sums) {
  const wk_op& op = *run.op;
  float* room = sums + part.rows * part.panels * kPanel;
  memset(sums, 0, part.rows * part.panels * kPanel * sizeof(float));
  switch (part.rows) {
#define WK_FEW(n) \
  case n:                                         \
    if constexpr (narrow(n) && sizeof(T) == 4) {  \
      many_rows<T, Narrow>(op, part, sums, room); \
    } else {                                      \
      few_rows<T, n>(op, part, sums);             \
    }                                             \
    break;
    WK_EACH_HEIGHT(WK_FEW)
#undef WK_FEW
    default:
      many_rows<T, Many>(op, part, sums, room);
  }
  finish_product(op, run.count, part, sums, part.panels * kPanel);
}

/* How the output is cut into tasks: sizes only, no bits. */
struct Cut {
  int32_t rows, panels, row_blocks, panel_blocks;
};

Cut cut(const Run& run) {
  Cut c;
  int32_t panels = static_cast<int32_t>(panels_of_outputs(run.op->weight->rows));
  c.row_blocks = (run.count + kRowBlock - 1) / kRowBlock;
  c.rows = (run.count + c.row_blocks - 1) / c.row_blocks;
  // Enough tasks that a member which is late delays little, in whole groups of panels.
  int32_t wanted = static_cast<int32_t>(static_cast<int64_t>(panels) * c.row_blocks / (8 * run.threads));
  int32_t group = c.rows <= kTileRows ? 4 : Many::kPanels;
  c.panels = wanted < group ? group : wanted > kPanelBlock ? kPanelBlock : wanted / group * group;
  c.panel_blocks = (panels + c.panels - 1) / c.panels;
  return c;
}

int32_t tasks(const Run& run) {
  if (run.count == 0) return 0;
  Cut c = cut(run);
  return c.row_blocks * c.panel_blocks;
}

int64_t scratch(const Run& run) {
  Cut c = cut(run);
  return (c.rows * c.panels + kWidened) * static_cast<int64_t>(kPanel * sizeof(float));
}

void run_task(const Run& run, int32_t task, char* scratch) {
  Cut c = cut(run);
  // Blocks of rows that meet the same weights stand side by side.
  Part part = {task % c.row_blocks * c.rows, c.rows, task / c.row_blocks * c.panels, c.panels};
  int32_t panels = static_cast<int32_t>(panels_of_outputs(run.op->weight->rows));
  if (run.count - part.row < part.rows) part.rows = run.count - part.row;
  if (panels - part.panel < part.panels) part.panels = panels - part.panel;
  float* sums = reinterpret_cast<float*>(scratch);
  if (run.op->weight->format == WK_F32) {
    product<float>(run, part, sums);
  } else {
    product<uint16_t>(run, part, sums);
  }
}

}  // namespace

extern const Operation matmul;
const Operation matmul = {tasks, scratch, run_task};

}  // namespace WK_ISA
}  // namespace wk
