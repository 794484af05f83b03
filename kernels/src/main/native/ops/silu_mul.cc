// SPDX-License-Identifier: Apache-2.0
// out = (g / (1 + exp(−g))) · up, where a row of x is gate then up. NUMERICS.md: siluMul.
//
// Operands: x float [rows][2 · cols], out float [rows][cols]. Tail: the last cols mod 16 elements as a vector that is
// filled up with zeros. Test: RowOperationsTest.
#include "silu.h"

namespace wk {
namespace WK_ISA {
namespace {

int32_t tasks(const Run& run) { return row_tasks(run, run.op->cols); }

int64_t scratch(const Run&) { return 0; }

void run_task(const Run& run, int32_t task, char*) {
  const wk_op& op = *run.op;
  int32_t from, to;
  row_range(run, tasks(run), task, &from, &to);
  for (int64_t r = from; r < to; r++) {
    const float* gate = op.x + r * 2 * op.cols;
    const float* up = gate + op.cols;
    float* out = op.out + r * op.cols;
    int32_t i = 0;
    for (; i + 16 <= op.cols; i += 16) store(out + i, activate(load(gate + i), load(up + i)));
    int left = op.cols - i;
    if (left > 0) store_first(out + i, left, activate(load_first(gate + i, left, 0), load_first(up + i, left, 0)));
  }
}

}  // namespace

extern const Operation silu_mul;
const Operation silu_mul = {tasks, scratch, run_task};

}  // namespace WK_ISA
}  // namespace wk
