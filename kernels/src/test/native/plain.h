// SPDX-License-Identifier: Apache-2.0
// The operations as kernels/NUMERICS.md writes them: one element after the other, in scalar code.
#pragma once

#include <stdint.h>

namespace kernbench {
namespace plain {

float exp(float x);

/* The value of a weight as a format holds it. */
float as_bf16(float value);

/* One element: the chain over k, then bias, then residual, where they are given. */
float product(const float* x, const float* w, int64_t cols, const float* bias, const float* residual);

/* The value of a float16. */
float of_half(uint16_t bits);

/* One element with integer weights: codes as held [cols], a scale (and a minimum, or null) for each group. */
float grouped_product(const float* x, const uint8_t* codes, const uint16_t* scales, const uint16_t* mins, int64_t cols,
                      int32_t group, int32_t zero, const float* bias, const float* residual);

void rms_norm(const float* x, const float* weight, int64_t cols, float eps, float* out);

float silu_mul(float gate, float up);

/* One query head. key(t) and value(t) stand at keys[t], values[t]; positions first … last are visible. */
void attention(const float* q, const float* const* keys, const float* const* values, int32_t dim, int32_t first,
               int32_t last, float scale, float* out);

}  // namespace plain
}  // namespace kernbench
