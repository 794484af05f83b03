// SPDX-License-Identifier: Apache-2.0
// out[r][n] = chain over k of fma(x[r][k], w[n][k], acc), then + bias[n], then residual[r][n] + acc. NUMERICS.md: matmul.
//
// Operands: x float [rows][cols]; w in panels [rows/16][cols][16] of float or of the upper halves of float; out float
// [rows][outputs]. Vector lanes run over the 16 outputs of a panel, so a chain is never split; sums that wait between
// blocks of k lie in memory as float32, which changes no bit.
//
// A task is some panels times some rows. With few rows the weights are read once, several panels at a time, and memory is
// the limit. With many, tiles of rows × panels of sums stay in registers, and blocks of k keep what they read (weights
// of the task, its rows of x) in half of the second-level cache; the multipliers are the limit.
//
// Tails: fewer rows than a tile take the tile of their own height; outputs beyond the last are computed (their weights
// are zeros) and not written. Test: MatmulTest, kernbench matmul.
#include "../ops.h"
#include "../simd.h"

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

constexpr int32_t kRowBlock = 96;    // rows of a task; a multiple of each kTileRows
constexpr int32_t kPanelBlock = 4;   // panels of a task
constexpr int32_t kColumnBlock = 512;

WK_INLINE F32x16 weights(const float* p) { return load(p); }
WK_INLINE F32x16 weights(const uint16_t* p) { return widen_bf16(p); }

// sums[r][p] += chain over `depth` columns. Panels of w are `panel` elements apart.
template <class T, int R, int P>
void tile(const float* x, int64_t ldx, const T* w, int64_t panel, int32_t depth, float* sums) {
  constexpr int32_t ld = kPanelBlock * kPanel;
  F32x16 c[R][P];
  for (int r = 0; r < R; r++) {
    for (int p = 0; p < P; p++) c[r][p] = load(sums + r * ld + p * kPanel);
  }
  for (int32_t k = 0; k < depth; k++) {
    F32x16 b[P];
    for (int p = 0; p < P; p++) b[p] = weights(w + p * panel + k * kPanel);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      F32x16 a = set1(x[r * ldx + k]);
#pragma GCC unroll 4
      for (int p = 0; p < P; p++) c[r][p] = fma(a, b[p], c[r][p]);
    }
  }
  for (int r = 0; r < R; r++) {
    for (int p = 0; p < P; p++) store(sums + r * ld + p * kPanel, c[r][p]);
  }
}

template <class T, int R>
void strip(const float* x, int64_t ldx, const T* w, int64_t panel, int32_t panels, int32_t depth, float* sums) {
  constexpr int P = panels_of(R);
  int32_t p = 0;
  for (; p + P <= panels; p += P) tile<T, R, P>(x, ldx, w + p * panel, panel, depth, sums + p * kPanel);
  for (; p < panels; p++) tile<T, R, 1>(x, ldx, w + p * panel, panel, depth, sums + p * kPanel);
}

template <class T>
void rows_of(int32_t r, const float* x, int64_t ldx, const T* w, int64_t panel, int32_t panels, int32_t depth,
             float* sums) {
  switch (r) {
#define WK_STRIP(n) \
  case n:           \
    return strip<T, n>(x, ldx, w, panel, panels, depth, sums);
    WK_STRIP(1)
    WK_STRIP(2)
    WK_STRIP(3)
    WK_STRIP(4)
    WK_STRIP(5)
    WK_STRIP(6)
#if defined(__AVX512F__)
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

// What a task adds to its sums on their way to memory.
void finish(const Run& run, int32_t row, int32_t rows, int32_t panel, int32_t panels, const float* sums) {
  const wk_op& op = *run.op;
  int64_t outputs = op.weight->rows;
  for (int32_t r = 0; r < rows; r++) {
    for (int32_t p = 0; p < panels; p++) {
      int64_t n = static_cast<int64_t>(panel + p) * kPanel;
      int64_t at = (row + r) * outputs + n;
      F32x16 sum = load(sums + (r * kPanelBlock + p) * kPanel);
      if (n + kPanel <= outputs) {
        if (op.a != nullptr) sum = add(sum, load(op.a + n));
        if (op.b != nullptr) sum = add(load(op.b + at), sum);
        store(op.out + at, sum);
      } else {
        int left = static_cast<int>(outputs - n);
        if (op.a != nullptr) sum = add(sum, load_first(op.a + n, left, 0));
        if (op.b != nullptr) sum = add(load_first(op.b + at, left, 0), sum);
        store_first(op.out + at, left, sum);
      }
    }
  }
}

template <class T>
void product(const Run& run, int32_t row, int32_t rows, int32_t panel, int32_t panels, float* sums) {
  const wk_op& op = *run.op;
  int64_t cols = op.weight->cols;
  const T* w = static_cast<const T*>(op.weight->data) + panel * cols * kPanel;
  const float* x = op.x + row * cols;
  memset(sums, 0, rows * kPanelBlock * kPanel * sizeof(float));
  // Few rows: one pass over the weights, as long as it goes.
  int32_t block = rows <= kTileRows ? static_cast<int32_t>(cols) : kColumnBlock;
  for (int32_t k = 0; k < cols; k += block) {
    int32_t depth = static_cast<int32_t>(cols - k < block ? cols - k : block);
    for (int32_t r = 0; r < rows; r += kTileRows) {
      int32_t height = rows - r < kTileRows ? rows - r : kTileRows;
      rows_of<T>(height, x + r * cols + k, cols, w + k * kPanel, cols * kPanel, panels, depth,
                 sums + r * kPanelBlock * kPanel);
    }
  }
  finish(run, row, rows, panel, panels, sums);
}

int32_t panel_blocks(const Run& run) {
  int32_t panels = (run.op->weight->rows + kPanel - 1) / kPanel;
  return (panels + kPanelBlock - 1) / kPanelBlock;
}

int32_t tasks(const Run& run) {
  return run.count == 0 ? 0 : panel_blocks(run) * ((run.count + kRowBlock - 1) / kRowBlock);
}

int64_t scratch(const Run&) { return kRowBlock * kPanelBlock * kPanel * sizeof(float); }

void run_task(const Run& run, int32_t task, char* scratch) {
  int32_t blocks = panel_blocks(run);
  int32_t row = task / blocks * kRowBlock;
  int32_t rows = run.count - row < kRowBlock ? run.count - row : kRowBlock;
  int32_t panel = task % blocks * kPanelBlock;
  int32_t all = (run.op->weight->rows + kPanel - 1) / kPanel;
  int32_t panels = all - panel < kPanelBlock ? all - panel : kPanelBlock;
  float* sums = reinterpret_cast<float*>(scratch);
  if (run.op->weight->format == WK_F32) {
    product<float>(run, row, rows, panel, panels, sums);
  } else {
    product<uint16_t>(run, row, rows, panel, panels, sums);
  }
}

}  // namespace

extern const Operation matmul;
const Operation matmul = {tasks, scratch, run_task};

}  // namespace WK_ISA
}  // namespace wk
