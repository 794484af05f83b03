// SPDX-License-Identifier: Apache-2.0
// out = (x · 1/sqrt(mean(x²) + eps)) · weight, row by row; the squares are summed in 16 lanes. NUMERICS.md: rmsNorm.
//
// Operands: x, out float [rows][cols], may be the same; weight float [cols]. Tail: the last cols mod 16 elements go to
// the first lanes; the others keep what they have. Test: RowOperationsTest.
#include <math.h>

#include "../ops.h"
#include "../simd.h"

namespace wk {
namespace WK_ISA {
namespace {

int32_t tasks(const Run& run) { return row_tasks(run, run.op->cols / 8); }

int64_t scratch(const Run&) { return 0; }

void row(const float* x, const float* weight, int32_t cols, float eps, float* out) {
  int32_t whole = cols & ~15;
  int32_t left = cols - whole;
  F32x16 lanes = set1(0);
  for (int32_t i = 0; i < whole; i += 16) {
    F32x16 e = load(x + i);
    lanes = fma(e, e, lanes);
  }
  if (left > 0) {
    // fma(0, 0, lane) is lane: sums of squares are never −0.
    F32x16 e = load_first(x + whole, left, 0);
    lanes = fma(e, e, lanes);
  }
  float mean = lane_sum(lanes) / static_cast<float>(cols);
  float scale = 1.0f / sqrtf(mean + eps);
  F32x16 factor = set1(scale);
  for (int32_t i = 0; i < whole; i += 16) store(out + i, mul(mul(load(x + i), factor), load(weight + i)));
  for (int32_t i = whole; i < cols; i++) out[i] = x[i] * scale * weight[i];
}

void run_task(const Run& run, int32_t task, char*) {
  const wk_op& op = *run.op;
  int32_t from, to;
  row_range(run, tasks(run), task, &from, &to);
  for (int64_t r = from; r < to; r++) row(op.x + r * op.cols, op.a, op.cols, op.scale, op.out + r * op.cols);
}

}  // namespace

extern const Operation rms_norm;
const Operation rms_norm = {tasks, scratch, run_task};

}  // namespace WK_ISA
}  // namespace wk
