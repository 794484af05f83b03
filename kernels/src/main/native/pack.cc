// SPDX-License-Identifier: Apache-2.0
// Matrices into panels of 16 outputs, [rows/16][cols][16]. NUMERICS.md: pack and embed. Test: MatmulTest,
// GroupedMatmulTest.
#include <string.h>

#include "ops.h"

namespace {

using wk::code_vectors;
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

/* Pairs of columns; those behind the last one are zeros. */
void pack_tiles(void* data, int32_t first, int32_t count, int64_t cols, const float* source) {
  int64_t pairs = wk::tiles_of(cols) * wk::kTileColumns / 2;
  uint16_t* out = static_cast<uint16_t*>(data) + first / kPanel * pairs * 2 * kPanel;
  for (int32_t r = 0; r < count; r += kPanel) {
    for (int64_t pair = 0; pair < pairs; pair++) {
      for (int32_t n = 0; n < kPanel; n++) {
        for (int64_t k = 2 * pair; k < 2 * pair + 2; k++) {
          *out++ = r + n < count && k < cols ? to_bf16(source[(r + n) * cols + k]) : 0;
        }
      }
    }
  }
}

/* Four columns of one output as they lie in a vector: for nibbles, 4 columns and the next 4. */
uint32_t four_columns(int32_t format, const uint8_t* source) {
  uint32_t low, high;
  memcpy(&low, source, 4);
  if (format == WK_INT8) return low;
  memcpy(&high, source + 4, 4);
  return (low & 0x0F0F0F0Fu) | (high & 0x0F0F0F0Fu) << 4;
}

template <int32_t format>
void pack_codes(uint8_t* out, const uint8_t* source, int32_t rows, int64_t cols) {
  constexpr int64_t kColumns = format == WK_INT8 ? 4 : 8;
  // Some vectors at a time, so that they stay in the first-level cache until all outputs are in them.
  constexpr int64_t kBlock = 32;
  int64_t whole = cols / kColumns, all = code_vectors(format, cols);
  for (int64_t from = 0; from < all; from += kBlock) {
    int64_t to = from + kBlock < all ? from + kBlock : all;
    if (rows < kPanel || to > whole) memset(out + from * 64, 0, (to - from) * 64);
    for (int32_t n = 0; n < rows; n++) {
      const uint8_t* line = source + n * cols;
      int64_t v = from;
      for (; v < to && v < whole; v++) {
        uint32_t word = four_columns(format, line + v * kColumns);
        memcpy(out + v * 64 + n * 4, &word, 4);
      }
      // Vectors behind the last column stay zeros.
      int64_t left = cols - v * kColumns;
      if (v < to && left > 0) {
        uint8_t rest[8] = {0};
        memcpy(rest, line + v * kColumns, left);
        uint32_t word = four_columns(format, rest);
        memcpy(out + v * 64 + n * 4, &word, 4);
      }
    }
  }
}

template <class T>
void pack_scales(void* data, const void* source, int32_t first, int32_t count, int64_t groups) {
  T* out = static_cast<T*>(data) + first / kPanel * groups * kPanel;
  const T* in = static_cast<const T*>(source);
  for (int32_t r = 0; r < count; r += kPanel) {
    for (int64_t g = 0; g < groups; g++) {
      for (int32_t n = 0; n < kPanel; n++) {
        *out++ = r + n < count ? in[(r + n) * groups + g] : static_cast<T>(0);
      }
    }
  }
}

bool in_panels(const wk_weight& weight, int32_t first, int32_t count) {
  bool last = first + count == weight.rows;
  return first % kPanel == 0 && (count % kPanel == 0 || last) && first >= 0 && count >= 1
      && first + count <= weight.rows;
}

}  // namespace

int64_t wk_packed_bytes(int32_t format, int64_t rows, int64_t cols) {
  if (rows < 1 || cols < 1) return -1;
  int64_t panels = wk::panels_of_outputs(rows);
  // A tile of the last panel's end may be read as a whole.
  if (format == WK_INT8 || format == WK_INT4) return panels * code_vectors(format, cols) * 64 + 1024;
  if (format == WK_BF16_TILES) return panels * wk::tiles_of(cols) * wk::kTileBytes;
  int64_t each = bytes_of(format);
  return each < 0 ? -1 : panels * kPanel * cols * each;
}

int32_t wk_pack(const wk_weight* weight, void* data, int32_t first, int32_t count, const float* source) {
  if (!in_panels(*weight, first, count)) return WK_BAD_SHAPE;
  if (weight->format == WK_F32) {
    pack<float>(data, first, count, weight->cols, source);
  } else if (weight->format == WK_BF16) {
    pack<uint16_t>(data, first, count, weight->cols, source);
  } else if (weight->format == WK_BF16_TILES) {
    pack_tiles(data, first, count, weight->cols, source);
  } else {
    return WK_BAD_SHAPE;
  }
  return WK_OK;
}

int32_t wk_pack_codes(const wk_weight* weight, void* data, void* scales, void* mins, int32_t first, int32_t count,
                      const uint8_t* codes, const void* source_scales, const void* source_mins) {
  if (!in_panels(*weight, first, count) || !wk::is_integer(*weight)) {
    return WK_BAD_SHAPE;
  }
  int64_t cols = weight->cols, panel = code_vectors(weight->format, cols) * 64;
  uint8_t* out = static_cast<uint8_t*>(data) + first / kPanel * panel;
  auto pack_all_codes = weight->format == WK_INT8 ? pack_codes<WK_INT8> : pack_codes<WK_INT4>;
  for (int32_t r = 0; r < count; r += kPanel, out += panel) {
    pack_all_codes(out, codes + r * cols, count - r < kPanel ? count - r : kPanel, cols);
  }
  int64_t groups = wk::groups_of(*weight);
  auto pack_all = weight->half ? pack_scales<uint16_t> : pack_scales<float>;
  pack_all(scales, source_scales, first, count, groups);
  if (mins != nullptr) pack_all(mins, source_mins, first, count, groups);
  return WK_OK;
}
