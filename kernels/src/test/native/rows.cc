// SPDX-License-Identifier: Apache-2.0
// The row-wise operations: rms_norm and silu_mul, --shape=ROWSxCOLS. They are a small part of a step and have checks
// alone.
#include <stdio.h>

#include "bench.h"
#include "plain.h"

namespace kernbench {

int check_rows(const Options& options, const std::string& name, const std::vector<int64_t>& shape) {
  int64_t rows = shape[0], cols = shape[1];
  bool norm = name == "rms_norm";
  Random random(options.seed);
  Buffer<float> x(rows * cols * (norm ? 1 : 2)), weight(cols), expected(rows * cols);
  fill(random, x, options.hostile);
  fill(random, weight, options.hostile);
  float eps = random.below(2) == 0 ? 0 : 1e-5f;
  for (int64_t r = 0; r < rows; r++) {
    if (norm) {
      plain::rms_norm(x.data() + r * cols, weight.data(), cols, eps, expected.data() + r * cols);
      continue;
    }
    const float* row = x.data() + r * 2 * cols;
    for (int64_t i = 0; i < cols; i++) expected[r * cols + i] = plain::silu_mul(row[i], row[cols + i]);
  }
  int failures = 0;
  for (int32_t isa : options.isas) {
    for (int32_t threads : options.threads) {
      Context context(isa, threads);
      Buffer<float> out(rows * cols);
      wk_op op = {};
      op.kind = norm ? WK_RMS_NORM : WK_SILU_MUL;
      op.row_set = WK_FIXED_ROWS;
      op.rows = static_cast<int32_t>(rows);
      op.cols = static_cast<int32_t>(cols);
      op.x = x.data();
      op.a = weight.data();
      op.scale = eps;
      op.out = out.data();
      context.run(&op, 1, wk_rows{});
      int64_t at = first_difference(expected.data(), out.data(), out.size());
      if (at < 0) continue;
      failures += fail(name + " --shape=" + text_of(shape) + " --isa=" + isa_name(isa) + " --threads="
                           + std::to_string(threads) + (options.hostile ? " --hostile" : ""),
                       options.seed,
                       "first difference at [" + std::to_string(at / cols) + "," + std::to_string(at % cols) + "]");
    }
  }
  return failures;
}

int bench_rows(const Options& options) {
  int failures = 0;
  for (const char* name : {"rms_norm", "silu_mul"}) {
    if (!options.op.empty() && options.op != name) continue;
    std::vector<std::vector<int64_t>> shapes = {{1, 576}, {64, 1536}, {3, 14337}, {7, 15}};
    if (!options.shape.empty()) shapes = {options.shape};
    for (const std::vector<int64_t>& shape : shapes) failures += check_rows(options, name, shape);
    printf("%s: %s\n", name, failures == 0 ? "the same bits as the plain loop, on every instruction set and team"
                                           : "FAILED");
  }
  return failures;
}

}  // namespace kernbench
