// SPDX-License-Identifier: Apache-2.0
// What the products share: how sums of a task become outputs.
#pragma once

#include "../ops.h"
#include "../simd.h"

namespace wk {
namespace WK_ISA {

constexpr int32_t kPanelBlock = 4;  // panels of a task

/* Adds bias, then residual, to sums [rows][kPanelBlock][16] and writes the outputs that there are. */
static inline void finish_product(const Run& run, int64_t row, int32_t rows, int64_t panel, int32_t panels,
                                  const float* sums) {
  const wk_op& op = *run.op;
  int64_t outputs = op.weight->rows;
  for (int32_t r = 0; r < rows; r++) {
    for (int32_t p = 0; p < panels; p++) {
      int64_t n = (panel + p) * kPanel;
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

}  // namespace WK_ISA
}  // namespace wk
