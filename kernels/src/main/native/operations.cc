// SPDX-License-Identifier: Apache-2.0
// The table of an instruction set's operations; compiled once for each set, as the operations are.
#include "ops.h"

namespace wk {
namespace WK_ISA {
extern const Operation embed, grouped_matmul, rms_norm, matmul, rope, store_kv, attention, silu_mul, gather;
extern const Sampling sampling;
extern const Scoring scoring;
}

#define WK_NAME2(isa) isa##_operations
#define WK_NAME(isa) WK_NAME2(isa)

const Operations& WK_NAME(WK_ISA)() {
  static const Operations all = {{
      {},
      WK_ISA::embed,
      WK_ISA::rms_norm,
      WK_ISA::matmul,
      WK_ISA::rope,
      WK_ISA::store_kv,
      WK_ISA::attention,
      WK_ISA::silu_mul,
      WK_ISA::gather,
  }, WK_ISA::grouped_matmul, WK_ISA::sampling, WK_ISA::scoring, {}};
  return all;
}

}  // namespace wk
