// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

namespace wk {

/* Sets of WK_ISA_* that this processor has and the operating system allows. */
int32_t machine_isas();

}  // namespace wk
