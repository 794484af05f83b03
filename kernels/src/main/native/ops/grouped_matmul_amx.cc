// SPDX-License-Identifier: Apache-2.0
// grouped_matmul with AMX's tile registers: the same integers, so the same bits. See grouped_matmul.cc for the operation
// and its operands; four rows and fewer are bound by memory and take that path.
//
// A tile of A is 16 rows × up to 64 columns of input codes (signed), one of B the same columns × 16 outputs of weight codes
// (unsigned), as they lie in the packed weight; 2 × 2 tiles of C. A group that is narrower than 64 columns takes tiles of
// its own width, since its sums must be scaled before the next is added. At a group's end C goes through memory to the
// chains. Nibbles are expanded to bytes once for all rows of a task.
//
// Tails: columns are padded with inputs of 0; of the last tile of rows, what is beyond the last one is
// computed from whatever lies there and not used. Test:
// GroupedMatmulTest, in a build with WK_EMULATE_TILES where there is no AMX.
#include "grouped.h"
#include "tiles.h"

namespace wk {
namespace avx512 {
extern const Operation grouped_matmul;
}

namespace WK_ISA {
namespace {

constexpr int32_t kFew = 4;
constexpr int32_t kUnit = 32;  // rows of a pair of tiles
static_assert(kRowBlock % kUnit == 0, "a task is pairs of tiles");

const Operation& plain() { return avx512::grouped_matmul; }

constexpr int64_t kTileBytes = 4 * 16 * 16 * sizeof(int32_t);

int64_t expanded_panel(const wk_weight& w) { return (Quantized<1>::padded(w)) * kPanel; }

int64_t scratch(const Run& run) {
  if (run.count <= kFew) return plain().scratch(run);
  const wk_weight& w = *run.op->weight;
  return kSumBytes + kTileBytes + (w.format == WK_INT4 ? kPanelBlock * expanded_panel(w) : 0);
}

int32_t tasks(const Run& run) {
  return run.count <= kFew ? plain().tasks(run) : GroupedCut<kUnit>(run).tasks();
}

int64_t shared(const Run& run) {
  // The last tile of rows is read as a whole.
  return run.count <= kFew ? plain().shared(run) : Quantized<1>::bytes(run) + 16 * Quantized<1>::padded(*run.op->weight);
}

void first(const Run& run, int32_t task, char* scratch) {
  if (run.count <= kFew) {
    plain().first(run, task, scratch);
  } else {
    quantize_rows<1>(run, task, 0);
  }
}

struct Block {
  const wk_weight* w;
  const Quantized<1>* q;
  const uint8_t* codes;  // of the first panel, in bytes
  int64_t panel;         // bytes between panels
  Part part;
  float* sums;
  int32_t* tiles;        // [2][2][16][16]
};

// Adds the integer sums of a group, 16 rows × 16 outputs, to the chains.
void drain(const Block& b, const int32_t* tile, int32_t row, int32_t rows, int32_t panel, int64_t g) {
  int64_t scales = ((b.part.panel + panel) * b.q->groups + g) * kPanel;
  F32x16 scale = scales_at(*b.w, b.w->scales, scales);
  F32x16 min = b.w->mins == nullptr ? set1(0) : scales_at(*b.w, b.w->mins, scales);
  for (int32_t r = 0; r < rows; r++) {
    int64_t at = (b.part.row + row + r) * b.q->groups + g;
    float* sum = b.sums + ((row + r) * kPanelBlock + panel) * kPanel;
    I32x16 exact = add(load_int(tile + r * 16), set1_int(b.q->starts[at]));
    F32x16 chain = fma(to_float(exact), mul(set1(b.q->scales[at]), scale), load(sum));
    store(sum, b.w->mins == nullptr ? chain : fma(min, set1(b.q->sums[at]), chain));
  }
}

// Two tiles of rows by two panels; the second of either may be the first again.
void tile_pair(const Block& b, int32_t row, int32_t other_row, int32_t panel, int32_t other_panel) {
  const int64_t columns = b.q->columns;
  const int32_t width = b.w->group < 64 ? b.w->group : 64;
  const int8_t* x0 = b.q->codes + (b.part.row + row) * columns;
  const int8_t* x1 = b.q->codes + (b.part.row + other_row) * columns;
  const uint8_t* w0 = b.codes + panel * b.panel;
  const uint8_t* w1 = b.codes + other_panel * b.panel;
  for (int64_t g = 0; g < b.q->groups; g++) {
    WK_TILE_ZERO(0);
    WK_TILE_ZERO(1);
    WK_TILE_ZERO(2);
    WK_TILE_ZERO(3);
    int64_t end = (g + 1) * b.w->group < b.w->cols ? (g + 1) * b.w->group : b.w->cols;
    for (int64_t k = g * b.w->group; k < end; k += width) {
      WK_TILE_LOAD(4, x0 + k, columns);
      WK_TILE_LOAD(5, x1 + k, columns);
      WK_TILE_LOAD(6, w0 + k * kPanel, 64);
      WK_TILE_LOAD(7, w1 + k * kPanel, 64);
      WK_TILE_DOT(0, 4, 6);
      WK_TILE_DOT(1, 4, 7);
      WK_TILE_DOT(2, 5, 6);
      WK_TILE_DOT(3, 5, 7);
    }
    WK_TILE_STORE(0, b.tiles, 64);
    WK_TILE_STORE(1, b.tiles + 256, 64);
    WK_TILE_STORE(2, b.tiles + 512, 64);
    WK_TILE_STORE(3, b.tiles + 768, 64);
    int32_t rows = b.part.rows - row < 16 ? b.part.rows - row : 16;
    drain(b, b.tiles, row, rows, panel, g);
    if (other_panel != panel) drain(b, b.tiles + 256, row, rows, other_panel, g);
    if (other_row != row) {
      int32_t more = b.part.rows - other_row < 16 ? b.part.rows - other_row : 16;
      drain(b, b.tiles + 512, other_row, more, panel, g);
      if (other_panel != panel) drain(b, b.tiles + 768, other_row, more, other_panel, g);
    }
  }
}

// Panels of nibbles as panels of bytes.
void expand(const wk_weight& w, int64_t panel, int32_t panels, uint8_t* out) {
  int64_t vectors = code_vectors(w.format, w.cols), to = expanded_panel(w);
  const uint8_t* in = static_cast<const uint8_t*>(w.data) + panel * vectors * 64;
  for (int32_t p = 0; p < panels; p++, in += vectors * 64, out += to) {
    memset(out + vectors * 128, 0, to - vectors * 128);
    for (int64_t v = 0; v < vectors; v++) {
      for (int i = 0; i < 64; i++) {
        out[v * 128 + i] = in[v * 64 + i] & 15;
        out[v * 128 + 64 + i] = in[v * 64 + i] >> 4;
      }
    }
  }
}

void run_task(const Run& run, int32_t task, char* scratch) {
  if (run.count <= kFew) return plain().run(run, task, scratch);
  const wk_weight& w = *run.op->weight;
  Quantized<1> q(run);
  Block b;
  b.w = &w;
  b.q = &q;
  b.part = GroupedCut<kUnit>(run).part(run, task);
  b.sums = reinterpret_cast<float*>(scratch);
  b.tiles = reinterpret_cast<int32_t*>(scratch + kSumBytes);
  memset(b.sums, 0, b.part.rows * kPanelBlock * kPanel * sizeof(float));
  if (w.format == WK_INT4) {
    uint8_t* bytes = reinterpret_cast<uint8_t*>(scratch + kSumBytes + kTileBytes);
    expand(w, b.part.panel, b.part.panels, bytes);
    b.codes = bytes;
    b.panel = expanded_panel(w);
  } else {
    b.panel = code_vectors(w.format, w.cols) * 64;
    b.codes = static_cast<const uint8_t*>(w.data) + b.part.panel * b.panel;
  }
  // Rows of A: those that there are, at most 16.
  int32_t height = b.part.rows < 16 ? b.part.rows : 16;
  int32_t width = w.group < 64 ? w.group : 64;
  TileConfig config;
  for (int t = 0; t < 8; t++) {
    config.bytes[t] = static_cast<uint16_t>(t == 4 || t == 5 ? width : 64);
    config.rows[t] = static_cast<uint8_t>(t >= 6 ? width / 4 : height);
  }
  tiles_configure(config);
  for (int32_t r = 0; r < b.part.rows; r += 32) {
    for (int32_t p = 0; p < b.part.panels; p += 2) {
      tile_pair(b, r, r + 16 < b.part.rows ? r + 16 : r, p, p + 1 < b.part.panels ? p + 1 : p);
    }
  }
  tiles_release();
  finish_product(*run.op, run.count, b.part, b.sums, kPanelBlock * kPanel);
}

}  // namespace

extern const Operation grouped_matmul;
const Operation grouped_matmul = {tasks, scratch, run_task, quantize_tasks, first, shared};

}  // namespace WK_ISA

/* Everything else is as with AVX-512. */
const Operations& amx_operations() {
  static const Operations all = [] {
    Operations operations = avx512_operations();
    operations.grouped_matmul = amx::grouped_matmul;
    return operations;
  }();
  return all;
}

}  // namespace wk
