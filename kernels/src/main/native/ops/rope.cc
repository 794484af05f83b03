// SPDX-License-Identifier: Apache-2.0
// a' = fma(a, cos, −(b · sin)), b' = fma(b, cos, a · sin) for the pairs (i, i + headDim/2) of each head, in place.
// NUMERICS.md: rope.
//
// Operands: out float [rows][cols], of which the first `heads` heads are rotated; cos, sin float [positions][headDim/2].
// Tail: the last headDim/2 mod 16 pairs one by one. Test: RowOperationsTest.
#include <math.h>

#include "../ops.h"
#include "../simd.h"

namespace wk {
namespace WK_ISA {
namespace {

int32_t tasks(const Run& run) { return row_tasks(run, run.op->heads * run.op->head_dim / 8); }

int64_t scratch(const Run&) { return 0; }

void head(float* x, const float* cos, const float* sin, int32_t half) {
  int32_t i = 0;
  for (; i + 16 <= half; i += 16) {
    F32x16 a = load(x + i), b = load(x + half + i), c = load(cos + i), s = load(sin + i);
    store(x + i, fma(a, c, neg(mul(b, s))));
    store(x + half + i, fma(b, c, mul(a, s)));
  }
  for (; i < half; i++) {
    float a = x[i], b = x[half + i];
    x[i] = fmaf(a, cos[i], -(b * sin[i]));
    x[half + i] = fmaf(b, cos[i], a * sin[i]);
  }
}

void run_task(const Run& run, int32_t task, char*) {
  const wk_op& op = *run.op;
  int32_t half = op.head_dim / 2;
  int32_t from, to;
  row_range(run, tasks(run), task, &from, &to);
  for (int64_t r = from; r < to; r++) {
    int64_t table = static_cast<int64_t>(run.rows->positions[r]) * half;
    for (int32_t h = 0; h < op.heads; h++) {
      head(op.out + r * op.cols + h * op.head_dim, op.a + table, op.b + table, half);
    }
  }
}

}  // namespace

extern const Operation rope;
const Operation rope = {tasks, scratch, run_task};

}  // namespace WK_ISA
}  // namespace wk
