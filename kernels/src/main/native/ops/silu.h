// SPDX-License-Identifier: Apache-2.0
// The activation of silu_mul, for those that do it along with something else. NUMERICS.md: siluMul.
#pragma once

#include "../ops.h"
#include "../simd.h"

namespace wk {
namespace WK_ISA {

static WK_INLINE F32x16 activate(F32x16 gate, F32x16 up) {
  return mul(div(gate, add(set1(1), exp(neg(gate)))), up);
}

}  // namespace WK_ISA
}  // namespace wk
