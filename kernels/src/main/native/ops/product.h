// SPDX-License-Identifier: Apache-2.0
// What the products share: how the sums of a task become outputs.
#pragma once

#include "../ops.h"
#include "../simd.h"

namespace wk {
namespace WK_ISA {

/* A task's part of the output. */
struct Part {
  int32_t row, rows, panel, panels;
};

/* Whether so many outputs are written past the caches, because they will not be there any more when they are read: those
   of a head, above all. Whole aligned lines only. */
static inline bool streams(const wk_op& op, int32_t rows) {
  constexpr int64_t much = 16 << 20;
  int64_t bytes = static_cast<int64_t>(rows) * op.weight->rows * static_cast<int64_t>(sizeof(float));
  return bytes >= much && op.b == nullptr && op.weight->rows % kPanel == 0
      && reinterpret_cast<uintptr_t>(op.out) % 64 == 0;
}

/* Adds bias, then residual, to sums, whose rows are `ld` apart, and writes the outputs that there are. `rows` are those of
   the whole product. Whoever streams says stream_end at the end of the task. */
static inline void finish_part(const wk_op& op, int32_t rows, const Part& part, const float* sums, int64_t ld) {
  int64_t outputs = op.weight->rows;
  if (streams(op, rows)) {
    for (int32_t r = 0; r < part.rows; r++) {
      for (int32_t p = 0; p < part.panels; p++) {
        int64_t n = static_cast<int64_t>(part.panel + p) * kPanel;
        F32x16 sum = load(sums + r * ld + p * kPanel);
        if (op.a != nullptr) sum = add(sum, load(op.a + n));
        stream(op.out + (part.row + r) * outputs + n, sum);
      }
    }
    return;
  }
  for (int32_t r = 0; r < part.rows; r++) {
    for (int32_t p = 0; p < part.panels; p++) {
      int64_t n = static_cast<int64_t>(part.panel + p) * kPanel;
      int64_t at = (part.row + r) * outputs + n;
      F32x16 sum = load(sums + r * ld + p * kPanel);
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

/* The same for a whole task. */
static inline void finish_product(const wk_op& op, int32_t rows, const Part& part, const float* sums, int64_t ld) {
  finish_part(op, rows, part, sums, ld);
  if (streams(op, rows)) stream_end();
}

}  // namespace WK_ISA
}  // namespace wk
