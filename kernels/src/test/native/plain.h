// SPDX-License-Identifier: Apache-2.0
// The operations as kernels/NUMERICS.md writes them: one element after the other, in scalar code.
#pragma once

#include <stdint.h>

#include <vector>

namespace kernbench {
namespace plain {

float exp(float x);

/* The value of a weight as a format holds it. */
float as_bf16(float value);

/* One element: the chain over k, then bias, then residual, where they are given. */
float product(const float* x, const float* w, int64_t cols, const float* bias, const float* residual);

/* One element of a native product; x and w as bfloat16 holds them. */
float native_product(const float* x, const float* w, int64_t cols, const float* bias, const float* residual);

/* The value of a float16. */
float of_half(uint16_t bits);

/* One element with integer weights: codes as held [cols], a scale (and a minimum, or null) for each group. */
float grouped_product(const float* x, const uint8_t* codes, const uint16_t* scales, const uint16_t* mins, int64_t cols,
                      int32_t group, int32_t zero, const float* bias, const float* residual);

void rms_norm(const float* x, const float* weight, int64_t cols, float eps, float* out);

float silu_mul(float gate, float up);

/* A token's key or value as a cache of WK_KV_... holds it: floats or codes; the scale is 1 where there is none. */
float held(int32_t cache_format, const float* x, int64_t dim, float* elements);

/* Keys or values of a sequence's positions as they are held. */
struct Held {
  std::vector<const float*> elements;
  std::vector<float> scales;
};

/* One query head; positions first … last are visible. */
void attention(int32_t cache_format, const float* q, const Held& keys, const Held& values, int32_t dim, int32_t first, int32_t last,
               float scale, float* out);

}  // namespace plain
}  // namespace kernbench
