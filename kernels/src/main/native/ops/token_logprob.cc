// SPDX-License-Identifier: Apache-2.0
// What the log-probability of a given token of each row is made of: the same numbers as for one that was drawn.
// NUMERICS.md: sample, 12.
//
// Operands: wk_score; rows are independent, and a row is a task. Tails as in sample.cc. Test: TokenLogprobTest.
#include "../ops.h"
#include "logit_rows.h"

namespace wk {
namespace WK_ISA {
namespace {

void score_row(const wk_score& s, int32_t row) {
  const float* x = s.logits + static_cast<int64_t>(row) * s.vocab;
  float most;
  if (!largest(x, s.vocab, &most)) {
    s.raw_sum[row] = 0;
    return;
  }
  s.raw_max[row] = most;
  s.raw_token[row] = x[s.token[row]];
  s.raw_sum[row] = exp_sum(x, s.vocab, most);
}

}  // namespace

extern const Scoring scoring;
const Scoring scoring = {score_row};

}  // namespace WK_ISA
}  // namespace wk
