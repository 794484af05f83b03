// SPDX-License-Identifier: Apache-2.0
// out[r][c] = w[tokens[r]][c], widened exactly; and gather: out[i] = x[picked[i]]. NUMERICS.md: pack and embed.
//
// Operands: w in panels of 16 rows (see matmul.cc), out float [rows][cols]. A row of w lies strided in its panel. Ids are
// checked before a run. Test: RowOperationsTest, GroupedMatmulTest.
#include "../ops.h"
#include "../simd.h"

namespace wk {
namespace WK_ISA {
namespace {

int64_t scratch(const Run&) { return 0; }

float scale_at(const void* scales, int32_t half, int64_t at) {
  if (!half) return static_cast<const float*>(scales)[at];
  alignas(64) uint16_t line[16] = {static_cast<const uint16_t*>(scales)[at]};
  alignas(64) float wide[16];
  store(wide, widen_f16(line));
  return wide[0];
}

// A row of integer weights: (code − zero) · scale, then + min.
void grouped_row(const wk_weight& w, int32_t row, float* out) {
  int64_t panel = row / kPanel, lane = row % kPanel, groups = groups_of(w);
  int64_t vectors = code_vectors(w.format, w.cols);
  const uint8_t* codes = static_cast<const uint8_t*>(w.data) + panel * vectors * 64 + lane * 4;
  for (int64_t g = 0; g < groups; g++) {
    int64_t at = (panel * groups + g) * kPanel + lane, from = g * w.group;
    float scale = scale_at(w.scales, w.half, at);
    float min = w.mins == nullptr ? 0 : scale_at(w.mins, w.half, at);
    for (int64_t k = from; k < w.cols && k < from + w.group; k++) {
      int32_t code = w.format == WK_INT8 ? codes[k / 4 * 64 + k % 4]
                                         : codes[k / 8 * 64 + k % 4] >> (k % 8 < 4 ? 0 : 4) & 15;
      float value = static_cast<float>(code - w.zero) * scale;
      out[k] = w.mins == nullptr ? value : value + min;
    }
  }
}

int32_t embed_tasks(const Run& run) { return row_tasks(run, run.op->weight->cols * 4); }

void embed_task(const Run& run, int32_t task, char*) {
  const wk_weight& w = *run.op->weight;
  int64_t cols = w.cols;
  int32_t from, to;
  row_range(run, embed_tasks(run), task, &from, &to);
  for (int64_t r = from; r < to; r++) {
    int32_t id = run.rows->tokens[r];
    int64_t at = id / kPanel * cols * kPanel + id % kPanel;
    float* out = run.op->out + r * cols;
    if (is_integer(w)) {
      grouped_row(w, id, out);
    } else if (w.format == WK_F32) {
      const float* in = static_cast<const float*>(w.data) + at;
      for (int64_t k = 0; k < cols; k++) out[k] = in[k * kPanel];
    } else {
      bool pairs = w.format == WK_BF16_TILES;
      const uint16_t* in = static_cast<const uint16_t*>(w.data) + at;
      if (pairs) in += (id / kPanel * (tiles_of(cols) * kTileColumns - cols)) * kPanel + id % kPanel;
      for (int64_t k = 0; k < cols; k++) {
        uint32_t bits = static_cast<uint32_t>(in[pairs ? (k & ~1) * kPanel + k % 2 : k * kPanel]) << 16;
        memcpy(out + k, &bits, 4);
      }
    }
  }
}

int32_t gather_tasks(const Run&) { return 1; }

void gather_task(const Run& run, int32_t, char*) {
  const wk_op& op = *run.op;
  int64_t cols = op.cols;
  for (int32_t i = 0; i < run.rows->picked_count; i++) {
    memcpy(op.out + i * cols, op.x + run.rows->picked[i] * cols, cols * sizeof(float));
  }
}

}  // namespace

extern const Operation embed;
const Operation embed = {embed_tasks, scratch, embed_task};
extern const Operation gather;
const Operation gather = {gather_tasks, scratch, gather_task};

}  // namespace WK_ISA
}  // namespace wk
