// SPDX-License-Identifier: Apache-2.0
// out[r][c] = w[tokens[r]][c], widened exactly; and gather: out[i] = x[picked[i]]. NUMERICS.md: pack and embed.
//
// Operands: w in panels of 16 rows (see matmul.cc), out float [rows][cols]. A row of w lies strided in its panel. Ids are
// checked before a run. Test: RowOperationsTest, KernelsAgreeTest.
#include "../ops.h"
#include "../simd.h"

namespace wk {
namespace WK_ISA {
namespace {

int64_t scratch(const Run&) { return 0; }

int32_t embed_tasks(const Run& run) { return row_tasks(run, run.op->weight->cols * 4); }

void embed_task(const Run& run, int32_t task, char*) {
  const wk_weight& w = *run.op->weight;
  int64_t cols = w.cols;
  int32_t from, to;
  row_range(run, embed_tasks(run), task, &from, &to);
  for (int64_t r = from; r < to; r++) {
    int32_t id = run.rows->tokens[r];
    int64_t at = id / kPanel * cols * kPanel + id % kPanel;
    float* out = run.op->out + r * cols;
    if (w.format == WK_F32) {
      const float* in = static_cast<const float*>(w.data) + at;
      for (int64_t k = 0; k < cols; k++) out[k] = in[k * kPanel];
    } else {
      const uint16_t* in = static_cast<const uint16_t*>(w.data) + at;
      for (int64_t k = 0; k < cols; k++) {
        uint32_t bits = static_cast<uint32_t>(in[k * kPanel]) << 16;
        memcpy(out + k, &bits, 4);
      }
    }
  }
}

int32_t gather_tasks(const Run&) { return 1; }

void gather_task(const Run& run, int32_t, char*) {
  const wk_op& op = *run.op;
  int64_t cols = op.cols;
  for (int32_t i = 0; i < run.rows->picked_count; i++) {
    memcpy(op.out + i * cols, op.x + run.rows->picked[i] * cols, cols * sizeof(float));
  }
}

}  // namespace

extern const Operation embed;
const Operation embed = {embed_tasks, scratch, embed_task};
extern const Operation gather;
const Operation gather = {gather_tasks, scratch, gather_task};

}  // namespace WK_ISA
}  // namespace wk
