// SPDX-License-Identifier: Apache-2.0
// Matrices into panels of 16 outputs, [rows/16][cols][16]. NUMERICS.md: pack and embed. Test: PackTest.
#include <string.h>

#include "ops.h"

namespace {

using wk::kPanel;

int64_t bytes_of(int32_t format) { return format == WK_F32 ? 4 : format == WK_BF16 ? 2 : -1; }

/* Nearest, ties to even, on the bits; a NaN stays one. */
uint16_t to_bf16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  if (value != value) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

float to_element(float value, float*) { return value; }
uint16_t to_element(float value, uint16_t*) { return to_bf16(value); }

template <class T>
void pack_panel(T* out, const float* source, int32_t rows, int64_t cols) {
  // In blocks of columns, so that the 16 lines that are read stay in the first-level cache.
  for (int64_t from = 0; from < cols; from += 64) {
    int64_t to = from + 64 < cols ? from + 64 : cols;
    for (int64_t k = from; k < to; k++) {
      for (int32_t n = 0; n < kPanel; n++) {
        out[k * kPanel + n] = n < rows ? to_element(source[n * cols + k], out) : static_cast<T>(0);
      }
    }
  }
}

template <class T>
void pack(void* data, int32_t first, int32_t count, int64_t cols, const float* source) {
  T* out = static_cast<T*>(data) + first / kPanel * cols * kPanel;
  for (int32_t r = 0; r < count; r += kPanel) {
    int32_t rows = count - r < kPanel ? count - r : kPanel;
    pack_panel(out + r / kPanel * cols * kPanel, source + r * cols, rows, cols);
  }
}

}  // namespace

int64_t wk_packed_bytes(int32_t format, int64_t rows, int64_t cols) {
  int64_t each = bytes_of(format);
  if (each < 0 || rows < 1 || cols < 1) return -1;
  return (rows + kPanel - 1) / kPanel * kPanel * cols * each;
}

int32_t wk_pack(const wk_weight* weight, void* data, int32_t first, int32_t count, const float* source) {
  bool last = first + count == weight->rows;
  if (first % kPanel != 0 || (count % kPanel != 0 && !last) || first < 0 || count < 1
      || first + count > weight->rows) {
    return WK_BAD_SHAPE;
  }
  if (weight->format == WK_F32) {
    pack<float>(data, first, count, weight->cols, source);
  } else if (weight->format == WK_BF16) {
    pack<uint16_t>(data, first, count, weight->cols, source);
  } else {
    return WK_BAD_SHAPE;
  }
  return WK_OK;
}
