// SPDX-License-Identifier: Apache-2.0
#include "plain.h"

#include <math.h>
#include <string.h>

#include <vector>

#include "../../main/native/winnow_kernels.h"

namespace kernbench {
namespace plain {

namespace {

float power_of_two(int32_t n) {
  uint32_t bits = static_cast<uint32_t>(n + 127) << 23;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

float largest(float a, float b) {
  if (a != a || b != b) return NAN;
  return a > b || (a == b && !signbit(a)) ? a : b;
}

float lane_sum(float* lane) {
  for (int w = 8; w > 0; w /= 2) {
    for (int i = 0; i < w; i++) lane[i] += lane[i + w];
  }
  return lane[0];
}

}  // namespace

float exp(float x) {
  if (x != x) return x;
  if (x > 0x1.62e42ep+6f) return INFINITY;
  if (x < -104.0f) return 0;
  float n = fmaf(x, 0x1.715476p+0f, 0x1.8p+23f) - 0x1.8p+23f;
  float r = fmaf(n, -0x1.63p-1f, x);
  r = fmaf(n, 0x1.bd0106p-13f, r);
  float p = 1.0f / 5040;
  for (float c : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 1.0f / 2, 1.0f, 1.0f}) p = fmaf(p, r, c);
  int32_t whole = static_cast<int32_t>(n), half = whole >> 1;
  return p * power_of_two(half) * power_of_two(whole - half);
}

float as_bf16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  bits = value != value ? (bits >> 16 | 0x40) : (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  bits <<= 16;
  memcpy(&value, &bits, 4);
  return value;
}

float product(const float* x, const float* w, int64_t cols, const float* bias, const float* residual) {
  float acc = 0;
  for (int64_t k = 0; k < cols; k++) acc = fmaf(x[k], w[k], acc);
  if (bias != nullptr) acc = acc + *bias;
  if (residual != nullptr) acc = *residual + acc;
  return acc;
}

static float flushed(float value) { return fabsf(value) < 0x1p-126f ? copysignf(0, value) : value; }

/* a · b + c, rounded once; 0 where that, rounded with all exponents at hand, is smaller than the least normal number. */
static float flushed_fma(float a, float b, float c) {
  float sum = fmaf(a, b, c);
  if (fabsf(sum) != 0x1p-126f) return flushed(sum);
  // It may have become normal by the rounding of subnormals. The smaller factor is far from overflow.
  bool small = fabsf(a) < fabsf(b);
  float scaled = fmaf(small ? a * 0x1p64f : a, small ? b : b * 0x1p64f, c * 0x1p64f);
  return fabsf(scaled) < 0x1p-62f ? copysignf(0, sum) : sum;
}

float native_product(const float* x, const float* w, int64_t cols, const float* bias, const float* residual) {
  float acc = 0;
  for (int64_t from = 0; from < cols; from += 32) {
    float chain[2] = {0, 0};
    for (int64_t k = from; k < from + 32; k++) {
      float a = k < cols ? flushed(x[k]) : 0, b = k < cols ? flushed(w[k]) : 0;
      chain[k % 2] = flushed_fma(a, b, chain[k % 2]);
    }
    acc = flushed(acc + flushed(chain[0] + chain[1]));
  }
  if (bias != nullptr) acc = acc + *bias;
  if (residual != nullptr) acc = *residual + acc;
  return acc;
}

float of_half(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float size = exponent == 31 ? (fraction == 0 ? INFINITY : NAN)
               : exponent == 0 ? ldexpf(static_cast<float>(fraction), -24)
                               : ldexpf(static_cast<float>(1024 + fraction), exponent - 25);
  return bits & 0x8000 ? -size : size;
}

/* Codes of a group of inputs; gives its scale. */
static float quantize(const float* x, int64_t count, float* codes, float largest = 127) {
  float amax = 0;
  bool finite = true;
  for (int64_t i = 0; i < count; i++) {
    finite = finite && isfinite(x[i]);
    amax = fabsf(x[i]) > amax ? fabsf(x[i]) : amax;
  }
  bool some = finite && amax >= 0x1p-110f;
  float factor = some ? largest / amax : 0;
  for (int64_t i = 0; i < count; i++) {
    float product = some ? x[i] * factor : 0;
    float code = nearbyintf(product);
    codes[i] = code > largest ? largest : code < -largest ? -largest : code;
  }
  return !finite ? NAN : some ? amax / largest : 0;
}

float grouped_product(const float* x, const uint8_t* codes, const uint16_t* scales, const uint16_t* mins, int64_t cols,
                      int32_t group, int32_t zero, const float* bias, const float* residual) {
  float acc = 0;
  for (int64_t from = 0; from < cols; from += group) {
    int64_t to = from + group < cols ? from + group : cols;
    float q[128];
    float sx = quantize(x + from, to - from, q);
    int64_t isum = 0, qsum = 0;
    for (int64_t k = from; k < to; k++) {
      int64_t code = static_cast<int64_t>(q[k - from]);
      isum += (codes[k] - zero) * code;
      qsum += code;
    }
    float both = sx * of_half(scales[from / group]);
    acc = fmaf(static_cast<float>(isum), both, acc);
    if (mins != nullptr) {
      float sum = sx * static_cast<float>(qsum);
      acc = fmaf(of_half(mins[from / group]), sum, acc);
    }
  }
  if (bias != nullptr) acc = acc + *bias;
  if (residual != nullptr) acc = *residual + acc;
  return acc;
}

void rms_norm(const float* x, const float* weight, int64_t cols, float eps, float* out) {
  float lane[16] = {};
  for (int64_t i = 0; i < cols; i++) lane[i % 16] = fmaf(x[i], x[i], lane[i % 16]);
  float mean = lane_sum(lane) / static_cast<float>(cols);
  float root = sqrtf(mean + eps);
  float scale = 1 / root;
  for (int64_t i = 0; i < cols; i++) out[i] = (x[i] * scale) * weight[i];
}

float silu_mul(float gate, float up) { return gate / (1 + exp(-gate)) * up; }

float held(int32_t cache_format, const float* x, int64_t dim, float* elements) {
  if (cache_format == WK_KV_INT8) return quantize(x, dim, elements);
  for (int64_t d = 0; d < dim; d++) elements[d] = cache_format == WK_KV_BF16 ? as_bf16(x[d]) : x[d];
  return 1;
}

// To codes of 0 … 32767; returns their scale.
static float quantize_weights(std::vector<float>& weights) {
  float most = 0;
  bool finite = true;
  for (float w : weights) {
    finite = finite && w < INFINITY;
    most = w > most ? w : most;
  }
  if (!finite || most < 0x1p-110f) {
    for (float& w : weights) w = 0;
    return finite ? 0 : NAN;
  }
  float factor = 32767.0f / most;
  for (float& w : weights) {
    float product = w * factor;
    float code = nearbyintf(product);
    w = code > 32767 ? 32767 : code;
  }
  return most / 32767.0f;
}

void attention(int32_t cache_format, const float* q, const Held& keys, const Held& values, int32_t dim, int32_t first,
               int32_t last, float scale, float* out) {
  bool codes = cache_format == WK_KV_INT8;
  float most = 0, sum = 0;
  std::vector<float> total(dim), chunk(dim), query(q, q + dim);
  float of_query = codes ? quantize(q, dim, query.data(), 16256) : 1;
  bool any = false;
  for (int32_t c = first / 256 * 256; c <= last; c += 256) {
    int32_t from = first > c ? first : c, to = last < c + 255 ? last : c + 255;
    float p[256], m = -INFINITY;
    for (int32_t t = from; t <= to; t++) {
      float s = 0;
      if (codes) {
        int64_t whole = 0;
        for (int32_t d = 0; d < dim; d++) {
          whole += static_cast<int64_t>(query[d]) * static_cast<int64_t>(keys.elements[t][d]);
        }
        s = static_cast<float>(whole);
        s = s * of_query;
      } else {
        for (int32_t d = 0; d < dim; d++) s = fmaf(q[d], keys.elements[t][d], s);
      }
      float factor = keys.scales[t] * scale;
      p[t - c] = s * factor;
      m = largest(m, p[t - c]);
    }
    float lane[16] = {};
    for (int32_t t = from; t <= to; t++) {
      p[t - c] = exp(p[t - c] - m);
      lane[(t - c) % 16] += p[t - c];
    }
    float l = lane_sum(lane);
    float of_weights = 1;
    std::vector<float> weights;
    for (int32_t t = from; t <= to; t++) weights.push_back(p[t - c] * values.scales[t]);
    if (codes) of_weights = quantize_weights(weights);
    for (int32_t d = 0; d < dim; d++) {
      int64_t whole = 0;
      chunk[d] = 0;
      for (int32_t t = from; t <= to; t++) {
        float weight = weights[t - from], value = values.elements[t][d];
        if (codes) {
          whole += static_cast<int64_t>(weight) * static_cast<int64_t>(value);
        } else {
          chunk[d] = fmaf(weight, value, chunk[d]);
        }
      }
      if (codes) chunk[d] = static_cast<float>(whole) * of_weights;
    }
    if (!any) {
      any = true;
      most = m;
      sum = l;
      total = chunk;
      continue;
    }
    float both = largest(most, m);
    float f = exp(most - both), g = exp(m - both);
    sum = fmaf(sum, f, l * g);
    for (int32_t d = 0; d < dim; d++) total[d] = fmaf(total[d], f, chunk[d] * g);
    most = both;
  }
  for (int32_t d = 0; d < dim; d++) out[d] = total[d] / sum;
}

}  // namespace plain
}  // namespace kernbench
