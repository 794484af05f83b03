// SPDX-License-Identifier: Apache-2.0
// grouped_matmul with AMX's tile registers: the same integers, so the same bits. See grouped_matmul.cc for the operation
// and its operands.
//
// A tile of A is 16 rows × 64 columns of input codes (signed), one of B the same columns × 16 outputs of weight codes. Sums
// of a group must be scaled before the next is added, so they leave the tile unit at each group's end, and that is what
// costs. Measured on a Sapphire Rapids in cycles for 16 rows × 16 outputs: a product 16 (of 32 columns as well), its
// operands 26, sums to memory 20, and to the chains 31; nothing of it overlaps. So a group of 32 columns takes some 95, where
// vpdpbusd needs 100 of which all can be had, and narrow groups take that path; of 128 columns 136 against 280. Few rows are
// bound by memory and take it as well. The chains of 16 rows × 16 outputs stay in registers through all groups, the scales of
// 16 rows stand together, and the weights' codes are made signed once for all rows of a task, which saves taking their zero
// off each sum.
//
// Tails: columns are padded with inputs and codes of 0; of the last tile of rows, what is beyond the last one is
// computed from whatever lies there and not used. Test:
// GroupedMatmulTest, in a build with WK_EMULATE_TILES where there is no AMX.
#include "../isa.h"
#include "grouped.h"
#include "tiles.h"

namespace wk {
namespace avx512 {
extern const Operation grouped_matmul;
}

namespace WK_ISA {
namespace {

constexpr int32_t kFew = 16;
constexpr int32_t kTile = 16;  // rows of a tile
constexpr int32_t kWidth = 64;  // columns of a tile
constexpr int32_t kAhead = 2, kRing = 4;  // groups between the sums and their use, and places for them
static_assert(kRowBlock % kTile == 0, "a task is whole tiles");
static_assert(kAhead < kRing && kAhead % 2 == 0, "even groups have registers of their own, and odd ones");
constexpr int64_t kRingBytes = kRing * kTile * kPanel * sizeof(int32_t);

typedef Quantized<1, kTile> Inputs;

const Operation& plain() { return avx512::grouped_matmul; }

bool is_plain(const Run& run) { return run.count < kFew || run.op->weight->group < kWidth; }

int64_t panel_bytes(const wk_weight& w) { return Inputs::padded(w) * kPanel; }

int64_t scratch(const Run& run) {
  return is_plain(run) ? plain().scratch(run) : kSumBytes + kRingBytes + panel_bytes(*run.op->weight);
}

int32_t tasks(const Run& run) {
  return is_plain(run) ? plain().tasks(run) : GroupedCut<kTile>(run).tasks();
}

int64_t shared(const Run& run) { return is_plain(run) ? plain().shared(run) : Inputs::bytes(run); }

void first(const Run& run, int32_t task, char* scratch) {
  if (is_plain(run)) {
    plain().first(run, task, scratch);
  } else {
    quantize_rows<1, kTile>(run, task, 0);
  }
}

bool takes_silu(const Run& run) { return !is_plain(run) || plain().takes_silu(run); }

/* Whether codes less their zero fit signed bytes. */
bool becomes_signed(const wk_weight& w) { return w.format == WK_INT4 || w.zero == 128; }

/* A panel of codes as bytes, less their zero where that fits. */
void copy_panel(const wk_weight& w, const uint8_t* in, uint8_t* out) {
  int64_t vectors = code_vectors(w.format, w.cols), whole = panel_bytes(w);
  if (w.format == WK_INT4) {
    const IReg low = _mm512_set1_epi8(15), zero = _mm512_set1_epi8(static_cast<char>(w.zero));
    for (int64_t v = 0; v < vectors; v++) {
      IReg both = _mm512_loadu_si512(in + v * 64);
      IReg high = _mm512_and_si512(_mm512_srli_epi16(both, 4), low);
      _mm512_storeu_si512(out + v * 128, _mm512_sub_epi8(_mm512_and_si512(both, low), zero));
      _mm512_storeu_si512(out + v * 128 + 64, _mm512_sub_epi8(high, zero));
    }
    vectors *= 2;
  } else {
    const IReg flip = _mm512_set1_epi8(static_cast<char>(becomes_signed(w) ? 128 : 0));
    for (int64_t v = 0; v < vectors; v++) {
      _mm512_storeu_si512(out + v * 64, _mm512_xor_si512(_mm512_loadu_si512(in + v * 64), flip));
    }
  }
  if (vectors * 64 < whole) memset(out + vectors * 64, 0, whole - vectors * 64);
}

struct Panel {
  const wk_weight* w;
  const Inputs* q;
  const uint8_t* codes;  // of the panel, as bytes
  int32_t* ring;         // sums, [kRing][16][16]
  int64_t scales;        // where those of the panel begin, in elements
};

/* The sums of a group, into `to`. Numbers of registers: of the sums, of inputs and codes. */
#define WK_GROUP(s, i, c)                                                                 \
  {                                                                                       \
    int64_t end = (of + 1) * group < padded ? (of + 1) * group : padded;                  \
    WK_TILE_ZERO(s);                                                                      \
    for (int64_t k = of * group; k < end; k += kWidth) {                                  \
      WK_TILE_LOAD(i, x + k, padded);                                                     \
      WK_TILE_LOAD(c, p.codes + k * kPanel, 64);                                          \
      if (SIGNED) {                                                                       \
        WK_TILE_DOT_SIGNED(s, i, c);                                                      \
      } else {                                                                            \
        WK_TILE_DOT_UNSIGNED(s, i, c);                                                    \
      }                                                                                   \
    }                                                                                     \
    WK_TILE_STORE(s, to, 64);                                                             \
  }

/* The chains of 16 rows from `row` on, which is a tile's first, and the panel. Rows of `out` are kPanelBlock panels apart.
   Reads `ahead` on the way, a panel of codes that is wanted next. */
template <bool SIGNED, bool MINS>
void tile(const Panel& p, int32_t row, const uint8_t* ahead, int32_t ahead_step, float* out) {
  const int64_t padded = p.q->columns, groups = p.q->groups, group = p.w->group;
  const int8_t* x = p.q->codes + row * padded;
  const int64_t first_at = p.q->at(row, 0);
  F32x16 chain[kTile];
  _Pragma("GCC unroll 16") for (int r = 0; r < kTile; r++) chain[r] = set1(0);

  auto multiply = [&](int64_t of) WK_ALWAYS {
    int32_t* to = p.ring + of % kRing * kTile * kPanel;
    if (of % 2 == 0) {
      WK_GROUP(0, 2, 4)
    } else {
      WK_GROUP(1, 3, 5)
    }
  };
  for (int64_t g = 0; g < kAhead && g < groups; g++) multiply(g);
  for (int64_t g = 0; g < groups; g++) {
    if (g + kAhead < groups) multiply(g + kAhead);
    for (int32_t l = 0; l < ahead_step; l += 64) __builtin_prefetch(ahead + l);
    ahead += ahead_step;
    const int32_t* sums = p.ring + g % kRing * kTile * kPanel;
    int64_t at = first_at + g * kTile;
    const float *x_scales = p.q->scales + at, *x_sums = p.q->sums + at;
    const int32_t* starts = p.q->starts + at;
    F32x16 scale = scales_at(*p.w, p.w->scales, p.scales + g * kPanel), min;
    if (MINS) min = scales_at(*p.w, p.w->mins, p.scales + g * kPanel);
    _Pragma("GCC unroll 16") for (int r = 0; r < kTile; r++) {
      I32x16 sum = load_int(sums + r * kPanel);
      if (!SIGNED) sum = add(sum, set1_int(starts[r]));
      chain[r] = fma(to_float(sum), mul(set1(x_scales[r]), scale), chain[r]);
      if (MINS) chain[r] = fma(min, set1(x_sums[r]), chain[r]);
    }
  }
  _Pragma("GCC unroll 16") for (int r = 0; r < kTile; r++) store(out + r * kPanelBlock * kPanel, chain[r]);
}

void run_task(const Run& run, int32_t task, char* scratch) {
  if (is_plain(run)) return plain().run(run, task, scratch);
  const wk_weight& w = *run.op->weight;
  Inputs q(run);
  Part part = GroupedCut<kTile>(run).part(run, task);
  float* sums = reinterpret_cast<float*>(scratch);
  uint8_t* codes = reinterpret_cast<uint8_t*>(scratch + kSumBytes + kRingBytes);
  Panel p = {&w, &q, codes, reinterpret_cast<int32_t*>(scratch + kSumBytes), 0};
  auto tiles = becomes_signed(w) ? (w.mins == nullptr ? tile<true, false> : tile<true, true>)
                                 : (w.mins == nullptr ? tile<false, false> : tile<false, true>);

  TileConfig config;
  for (int t = 0; t < 6; t++) {
    config.bytes[t] = kWidth;  // of sums and codes 16 outputs, of inputs columns
    config.rows[t] = kTile;    // of codes four columns each
  }
  tiles_configure(config);
  const int64_t each = code_vectors(w.format, w.cols) * 64;
  const uint8_t* data = static_cast<const uint8_t*>(w.data);
  const int64_t half = run.silu == nullptr ? 0 : panels_of_outputs(w.rows) / 2;
  const int32_t beside = run.silu == nullptr ? 1 : 2, count = part.panels * beside;
  // With an activation a gate's other half comes behind it.
  auto panel_at = [&](int32_t i) { return part.panel + i / beside + i % beside * half; };
  for (int32_t i = 0; i < count; i++) {
    int64_t panel = panel_at(i);
    copy_panel(w, data + panel * each, codes);
    p.scales = panel * q.groups * kPanel;
    const uint8_t* next = data + panel_at(i + 1 < count ? i + 1 : i) * each;
    for (int32_t r = 0; r < part.rows; r += kTile) {
      int32_t step = r == 0 && i + 1 < count ? static_cast<int32_t>(each / q.groups) : 0;
      tiles(p, part.row + r, next, step, sums + (r * kPanelBlock + i) * kPanel);
    }
    if (run.silu != nullptr && i % 2 == 1) finish_gated(run, part, i / 2, sums);
  }
  tiles_release();
  if (run.silu == nullptr) finish_product(*run.op, run.count, part, sums, kPanelBlock * kPanel);
}

}  // namespace

extern const Operation grouped_matmul, native_matmul;
const Operation grouped_matmul = {tasks, scratch, run_task, quantize_tasks, first, shared, takes_silu};

}  // namespace WK_ISA

/* Everything else is as with AVX-512; and what it alone has. */
const Operations& amx_operations() {
  static const Operations all = [] {
    Operations operations = avx512_operations();
    operations.grouped_matmul = amx::grouped_matmul;
    if (machine_isas() & WK_ISA_AMX_BF16) operations.native_matmul = amx::native_matmul;
    return operations;
  }();
  return all;
}

}  // namespace wk
