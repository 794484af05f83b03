// SPDX-License-Identifier: Apache-2.0
// matmul of WK_BF16_TILES: products of bfloat16 by AMX's TDPBF16PS. NUMERICS.md: native products.
//
// Operands: x float [rows][cols], rounded to bfloat16 once a product into tiles [rows/16][cols/32][16][32]; w in tiles
// [rows/16][cols/32][16][16][2], 1 KiB each; out float [rows][outputs].
//
// Two tiles of rows meet two panels: four tiles of sums stay in their registers through all columns, and each operand
// that is loaded serves two products. A product of 16 rows × 16 outputs × 32 columns keeps the unit busy for 16 cycles,
// and has one load of 16 lines; where these overlap that is 512 multiplications a cycle, where nothing does (as was seen
// of the integer products, 13 cycles a load) some 280. Whatever the number of rows, the instruction, and so its order
// over the columns, is the same; few rows are bound by reading the weights, which are fetched ahead.
//
// Tails: columns are padded with zeros on both sides, which is part of the contract; rows and outputs beyond the last
// are computed from whatever lies there and not used. Test: NativeProductTest, kernbench matmul --format=bf16-native;
// both in a build with WK_EMULATE_AMX where there is no AMX.
#include "grouped.h"
#include "tiles.h"

namespace wk {
namespace WK_ISA {
namespace {

constexpr int32_t kTile = 16;   // rows of a tile
constexpr int64_t kAhead = 4;   // tiles from what is used to what is fetched
constexpr int64_t kElements = kTileBytes / 2;

typedef GroupedCut<2 * kTile> Cut;

int32_t tasks(const Run& run) { return Cut(run).tasks(); }
int64_t scratch(const Run&) { return kSumBytes; }
bool takes_silu(const Run&) { return true; }

int32_t round_tasks(const Run& run) { return row_tasks(run, run.op->weight->cols / 4); }

int64_t shared(const Run& run) {
  return (run.count + kTile - 1) / kTile * tiles_of(run.op->weight->cols) * kTileBytes;
}

/* To the nearest, ties to even, on the bits; a NaN stays one. */
WK_INLINE __m256i to_bf16(__m512 value) {
  __m512i bits = _mm512_castps_si512(value), high = _mm512_srli_epi32(bits, 16);
  __m512i odd = _mm512_and_si512(high, _mm512_set1_epi32(1));
  __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7FFF)), odd), 16);
  __mmask16 nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
  return _mm512_cvtepi32_epi16(_mm512_mask_or_epi32(rounded, nan, high, _mm512_set1_epi32(0x40)));
}

void round_rows(const Run& run, int32_t task, char*) {
  int64_t cols = run.op->weight->cols, tiles = tiles_of(cols);
  int32_t from, to;
  row_range(run, round_tasks(run), task, &from, &to);
  for (int64_t r = from; r < to; r++) {
    const float* x = run.op->x + r * cols;
    char* out = run.shared + r / kTile * tiles * kTileBytes + r % kTile * 64;
    for (int64_t k = 0; k < tiles * kTileColumns; k += 16) {
      int64_t left = cols - k;
      __mmask16 some = left >= 16 ? 0xFFFF : left <= 0 ? 0 : static_cast<__mmask16>((1 << left) - 1);
      __m256i line = to_bf16(_mm512_maskz_loadu_ps(some, x + k));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + k / kTileColumns * kTileBytes + k % kTileColumns * 2), line);
    }
  }
}

/* Two panels, or one; and where those that come next begin, or null where these have been read before. */
struct Panels {
  const uint16_t* at[2];
  const uint16_t* next[2];
};

WK_INLINE void fetch(const Panels& w, int p, int64_t k, int64_t tiles) {
  const uint16_t* from = k + kAhead < tiles ? w.at[p] + (k + kAhead) * kElements
                                            : w.next[p] + (k + kAhead - tiles) * kElements;
  for (int64_t line = 0; line < kElements; line += 32) __builtin_prefetch(from + line);
}

/* Sums of R tiles of rows and P panels; rows of sums are kPanelBlock panels apart. */
template <int R, int P>
void multiply(const uint16_t* x, const Panels& w, int64_t tiles, float* sums) {
  constexpr int64_t kBytes = kPanelBlock * kPanel * sizeof(float);
  const uint16_t* below = x + tiles * kElements;
  WK_TILE_ZERO(0);
  if (P == 2) WK_TILE_ZERO(1);
  if (R == 2) WK_TILE_ZERO(2);
  if (R == 2 && P == 2) WK_TILE_ZERO(3);
  for (int64_t k = 0; k < tiles; k++) {
    if (w.next[0] != nullptr) {
      for (int p = 0; p < P; p++) fetch(w, p, k, tiles);
    }
    WK_TILE_LOAD(4, x + k * kElements, 64);
    WK_TILE_LOAD(6, w.at[0] + k * kElements, 64);
    WK_TILE_DOT_BF16(0, 4, 6);
    if (R == 2) {
      WK_TILE_LOAD(5, below + k * kElements, 64);
      WK_TILE_DOT_BF16(2, 5, 6);
    }
    if (P == 2) {
      WK_TILE_LOAD(7, w.at[1] + k * kElements, 64);
      WK_TILE_DOT_BF16(1, 4, 7);
      if (R == 2) WK_TILE_DOT_BF16(3, 5, 7);
    }
  }
  float* sums_below = sums + kTile * kPanelBlock * kPanel;
  WK_TILE_STORE(0, sums, kBytes);
  if (P == 2) WK_TILE_STORE(1, sums + kPanel, kBytes);
  if (R == 2) WK_TILE_STORE(2, sums_below, kBytes);
  if (R == 2 && P == 2) WK_TILE_STORE(3, sums_below + kPanel, kBytes);
}

void run_task(const Run& run, int32_t task, char* scratch) {
  const wk_weight& w = *run.op->weight;
  Part part = Cut(run).part(run, task);
  const int64_t tiles = tiles_of(w.cols);
  float* sums = reinterpret_cast<float*>(scratch);
  const uint16_t* x = reinterpret_cast<const uint16_t*>(run.shared) + part.row / kTile * tiles * kElements;
  TileConfig config;
  for (int t = 0; t < 8; t++) {
    config.bytes[t] = 64;
    config.rows[t] = kTile;
  }
  tiles_configure(config);
  // With an activation a gate's other half comes behind it.
  const int64_t half = run.silu == nullptr ? 0 : panels_of_outputs(w.rows) / 2;
  const int32_t beside = run.silu == nullptr ? 1 : 2, count = part.panels * beside;
  const uint16_t* data = static_cast<const uint16_t*>(w.data);
  auto panel = [&](int32_t i) { return data + (part.panel + i / beside + i % beside * half) * tiles * kElements; };
  for (int32_t i = 0; i < count; i += 2) {
    const bool two = i + 1 < count, more = i + 3 < count;
    Panels these = {{panel(i), two ? panel(i + 1) : nullptr},
                    {more ? panel(i + 2) : panel(i), two ? panel(more ? i + 3 : i + 1) : nullptr}};
    for (int32_t r = 0; r < part.rows; r += 2 * kTile) {
      const bool both = part.rows - r > kTile;
      auto tile = both ? two ? multiply<2, 2> : multiply<2, 1> : two ? multiply<1, 2> : multiply<1, 1>;
      tile(x + r / kTile * tiles * kElements, these, tiles, sums + (r * kPanelBlock + i) * kPanel);
      these.next[0] = nullptr;
    }
    if (run.silu != nullptr) finish_gated(run, part, i / 2, sums);
  }
  tiles_release();
  if (run.silu == nullptr) finish_product(*run.op, run.count, part, sums, kPanelBlock * kPanel);
}

}  // namespace

extern const Operation native_matmul;
const Operation native_matmul = {tasks, scratch, run_task, round_tasks, round_rows, shared, takes_silu};

}  // namespace WK_ISA
}  // namespace wk
