// SPDX-License-Identifier: Apache-2.0
// The product with integer weights. Input rows are quantized to ±127 by row and group of columns; then
// acc = fma((float) Σ (code − zero) · q, sx · scale, acc), and acc = fma(min, sx · Σ q, acc) where there are minimums, for
// groups in ascending order. NUMERICS.md: Integer weights.
//
// Operands: x float [rows][cols]; codes as winnow_kernels.h has them, [panel][4 columns][16 outputs][4] bytes or nibbles;
// scales, mins [panel][groups][16]; out float [rows][outputs]. Sums of a group are exact integers, so their order is free:
// lanes run over 16 outputs, four columns at a time (vpdpbusd, or vpmaddubsw of the code's size by the signed input). What
// is to be taken off the codes is the group's first sum: −zero · Σ q.
//
// First the rows are quantized (tasks: rows), then a task is some panels times some rows. With few rows the weights are
// read once, four panels beside each other, and memory is the limit. Otherwise tiles of rows × panels of integer sums stay
// in registers through a group, and beside them their chains where there are registers for both; else chains lie in the
// first-level cache, since a group costs one step of each.
//
// Tails: columns are padded to vectors with inputs of 0; fewer rows than a tile take the tile of their own height; outputs
// beyond the last are computed and not written. Test: GroupedMatmulTest.
#include <type_traits>

#include "../simd_codes.h"
#include "grouped.h"

namespace wk {
namespace WK_ISA {
namespace {

constexpr int kTileRows = kRegs == 1 ? 6 : 4;
constexpr int32_t kFewRows = 4;
// Whether a tile's chains stay in registers beside its integer sums, 12 and 12 of 32: stores of them cost a quarter of the
// multiplications' time on Zen 4, which writes 32 bytes a cycle.
constexpr bool keeps_chains(int rows, int panels) { return kRegs == 1 && rows * panels <= 12; }
constexpr int panels_of(int rows) { return kRegs != 1 ? 1 : rows <= kFewRows ? 4 : 2; }
constexpr int32_t kBlockBytes = 20 << 10;  // many rows: codes that stay in the first-level cache, about
constexpr int32_t kFetch = 4096;  // few rows: bytes from what is used to what is fetched, over all panels

static_assert(kRowBlock % kTileRows == 0, "a task is whole tiles of rows");

int64_t shared(const Run& run) { return Quantized<kTileRows>::bytes(run); }

void first(const Run& run, int32_t task, char*) { 
  quantize_rows<kTileRows>(run, task, run.op->weight->format == WK_INT8 ? kByteShift : 0);
}

// What a tile needs to know of its weights and rows.
struct Tile {
  const wk_weight* w;
  const uint8_t* codes;  // of the first panel
  int64_t first_panel;
  int64_t panel;    // bytes between the panels of codes that are beside each other in a tile
  int64_t apart;    // the same in panels
  int32_t from, to;        // groups
  int32_t vectors, groups; // of a panel
  const int8_t* x;  // of the first row, as the other three
  const float* x_scales;
  const float* x_sums;
  const int32_t* starts;
  const uint8_t* ahead;  // what is fetched meanwhile: a line of each panel at each vector
  int32_t ahead_step;
  float* out;       // of the first row of the task at the first panel; null where its lines are not to be fetched
};

#define WK_ROWS _Pragma("GCC unroll 16") for (int r = 0; r < R; r++)
#define WK_PANELS _Pragma("GCC unroll 4") for (int p = 0; p < P; p++)

/* Sums of a group, to which vectors of codes are added. EACH as below. */
template <int R, int P, int EACH>
struct ByteGroup {
  I32x16 s[R][P];

  WK_INLINE void start(const int32_t* starts) {
    WK_ROWS {
      WK_PANELS s[r][p] = set1_int(starts[r]);
    }
  }
  WK_INLINE void add_vector(const uint8_t* codes, int64_t panel, const int8_t* x) {
    ByteCodes w[P];
    WK_PANELS w[p] = byte_codes(codes + p * panel);
    WK_ROWS {
      WK_PANELS s[r][p] = dot(s[r][p], w[p], x + r * 4);
    }
  }
  WK_INLINE void end(const int32_t*) {}
};

template <int R, int P, int EACH>
struct NibbleGroup {
  // Groups that are not unrolled may be longer than their sums have room for.
  static_assert(EACH * 2 <= kNibbleDots, "a group's sums must hold it");
  NibbleSums n[R][P];
  I32x16 s[R][P];

  WK_INLINE void start(const int32_t* starts) {
    WK_ROWS {
      WK_PANELS {
        n[r][p] = nibble_sums(EACH > 0 ? starts[r] : 0);
        s[r][p] = set1_int(starts[r]);
      }
    }
  }
  WK_INLINE void add_vector(const uint8_t* codes, int64_t panel, const int8_t* x) {
    NibbleCodes w[P];
    WK_PANELS w[p] = low_nibbles(codes + p * panel);
    WK_ROWS {
      WK_PANELS n[r][p] = dot(n[r][p], w[p], x + r * 4);
    }
    x += kTileRows * 4;
    WK_PANELS w[p] = high_nibbles(codes + p * panel);
    WK_ROWS {
      WK_PANELS n[r][p] = dot(n[r][p], w[p], x + r * 4);
    }
    if (EACH == 0) {
      WK_ROWS {
        WK_PANELS {
          s[r][p] = add(s[r][p], total(n[r][p], 0));
          n[r][p] = nibble_sums(0);
        }
      }
    }
  }
  WK_INLINE void end(const int32_t* starts) {
    if (EACH > 0) {
      WK_ROWS {
        WK_PANELS s[r][p] = total(n[r][p], starts[r]);
      }
    }
  }
};

/* EACH: vectors of a group, 4 columns each in bytes and 8 in nibbles, where they are to be unrolled; else 0. */
template <int R, int P, bool NIBBLES, int EACH>
void tile(const Tile& t, float* sums) {
  constexpr int32_t ld = kPanelBlock * kPanel, step = kTileRows * (NIBBLES ? 8 : 4);
  const int32_t each = t.w->group / (NIBBLES ? 8 : 4);
  const int64_t panel = t.panel;
  const int8_t* x = t.x + t.from * each * step;
  const uint8_t *codes = t.codes + t.from * each * 64, *ahead = t.ahead;
  constexpr bool kept = keeps_chains(R, P);
  // Where memory is the limit, what is fetched is spread over the multiplications.
  constexpr bool spread = !kept || R <= kFewRows;
  F32x16 chain[R][P];
  if (t.from == 0) {
    WK_ROWS {
      WK_PANELS {
        chain[r][p] = set1(0);
        if (!kept) store(sums + r * ld + p * kPanel, chain[r][p]);
      }
    }
  } else if (kept) {
    WK_ROWS {
      WK_PANELS chain[r][p] = load(sums + r * ld + p * kPanel);
    }
  }
  for (int32_t g = t.from; g < t.to; g++) {
    const float* x_sums = t.x_sums + g * kTileRows;
    const int32_t* starts = t.starts + g * kTileRows;
    // Or the compiler keeps the chains in registers that there are none of.
    __asm__ volatile("" : "+r"(sums));
    const float* x_scales = t.x_scales + g * kTileRows;
    typename std::conditional<NIBBLES, NibbleGroup<R, P, EACH>, ByteGroup<R, P, EACH>>::type group;
    group.start(starts);
    int32_t count = (g + 1) * each <= t.vectors ? each : t.vectors - g * each;
    auto vector = [&](int32_t v) WK_ALWAYS {
      if (spread) WK_PANELS __builtin_prefetch(ahead + v * t.ahead_step + p * panel);
      group.add_vector(codes + v * 64, panel, x + v * step);
    };
    if (EACH > 0 && count == EACH) {
      _Pragma("GCC unroll 8") for (int v = 0; v < EACH; v++) vector(v);
    } else {
      for (int32_t v = 0; v < count; v++) vector(v);
    }
    group.end(starts);
    I32x16 (&s)[R][P] = group.s;
    if (!spread) {
      for (int32_t b = 0; b < count * t.ahead_step; b += 64) {
        WK_PANELS __builtin_prefetch(ahead + b + p * panel);
      }
    }
    codes += count * 64;
    x += count * step;
    ahead += count * t.ahead_step;
    F32x16 scale[P];
    WK_PANELS scale[p] = scales_at(*t.w, t.w->scales, ((t.first_panel + p * t.apart) * t.groups + g) * kPanel);
    if (t.w->mins == nullptr) {
      WK_ROWS {
        F32x16 sx = set1(x_scales[r]);
        WK_PANELS {
          float* sum = sums + r * ld + p * kPanel;
          F32x16 next = fma(to_float(s[r][p]), mul(sx, scale[p]), kept ? chain[r][p] : load(sum));
          kept ? void(chain[r][p] = next) : store(sum, next);
        }
      }
    } else {
      F32x16 min[P];
      WK_PANELS min[p] = scales_at(*t.w, t.w->mins, ((t.first_panel + p * t.apart) * t.groups + g) * kPanel);
      WK_ROWS {
        F32x16 sx = set1(x_scales[r]), sum_x = set1(x_sums[r]);
        WK_PANELS {
          float* sum = sums + r * ld + p * kPanel;
          F32x16 next = fma(to_float(s[r][p]), mul(sx, scale[p]), kept ? chain[r][p] : load(sum));
          next = fma(min[p], sum_x, next);
          kept ? void(chain[r][p] = next) : store(sum, next);
        }
      }
    }
  }
  if (kept) {
    WK_ROWS {
      WK_PANELS store(sums + r * ld + p * kPanel, chain[r][p]);
    }
  }
}

template <int R, int P>
void any_tile(const Tile& t, float* sums) {
  constexpr int nibbles = 4, bytes = 8;  // of groups of 32
  if (t.w->format == WK_INT4) {
    t.w->group == 32 ? tile<R, P, true, nibbles>(t, sums) : tile<R, P, true, 0>(t, sums);
  } else {
    t.w->group == 32 ? tile<R, P, false, bytes>(t, sums) : tile<R, P, false, 0>(t, sums);
  }
}

/* A tile of so many rows and the panels beside each other that go with them. */
template <int P>
void tile_of(int32_t rows, const Tile& t, float* sums) {
  switch (rows) {
#define WK_TILE(n) \
  case n:          \
    return any_tile<n, P>(t, sums);
    WK_TILE(1)
    WK_TILE(2)
    WK_TILE(3)
    WK_TILE(4)
#if defined(__AVX512F__)
    WK_TILE(5)
    WK_TILE(6)
#endif
#undef WK_TILE
  }
}

/* P panels and all rows of a task: some groups of the panels stay in the first-level cache while the rows pass, and what
   comes next is fetched meanwhile: the groups behind them, at the end the beginning of `next`. Each tile's sums are given
   to finish(row of the task, rows, sums) when they are complete. */
template <int P, typename FINISH>
void all_rows(const Quantized<kTileRows>& q, const Part& part, Tile t, const uint8_t* next, float* sums, FINISH finish) {
  int32_t tiles = (part.rows + kTileRows - 1) / kTileRows;
  int32_t group = t.w->group / (t.w->format == WK_INT4 ? 8 : 4) * 64;  // bytes
  // One tile: memory is the limit, and a short last block fetches what the others are too late for.
  int32_t last = (kFetch / P + group - 1) / group;
  int32_t blocks = tiles == 1 ? (last < t.groups ? 2 : 1) : (P * t.vectors * 64 + kBlockBytes - 1) / kBlockBytes;
  if (blocks > t.groups) blocks = t.groups;
  for (int32_t block = 0; block < blocks; block++) {
    t.from = block == 0 ? 0 : t.to;
    t.to = tiles == 1 && block + 1 < blocks ? t.groups - last : t.groups * (block + 1) / blocks;
    const uint8_t* behind = t.codes + (tiles == 1 ? t.from + last : t.to) * group;
    t.ahead = block + 1 < blocks ? behind : next;
    t.ahead_step = 64 / tiles;
    for (int32_t r = 0; r < part.rows; r += kTileRows) {
      // A task's first row is the first of a tile.
      t.x = q.codes + (part.row + r) * q.columns;
      t.x_scales = q.scales + (part.row + r) * q.groups;
      t.x_sums = q.sums + (part.row + r) * q.groups;
      t.starts = q.starts + (part.row + r) * q.groups;
      int32_t rows = part.rows - r < kTileRows ? part.rows - r : kTileRows;
      if (block + 1 == blocks && t.out != nullptr) {
        for (int32_t i = r; i < r + rows; i++) {
          WK_PANELS __builtin_prefetch(t.out + i * int64_t{t.w->rows} + p * kPanel, 1);
        }
      }
      float* own = sums + r * kPanelBlock * kPanel;
      tile_of<P>(rows, t, own);
      t.ahead += t.ahead_step * (t.to - t.from) * (group / 64);
      if (block + 1 == blocks) finish(r, rows, own);
    }
  }
}

int64_t scratch(const Run&) { return kSumBytes; }

int32_t tasks(const Run& run) { return GroupedCut<kTileRows>(run).tasks(); }

bool takes_silu(const Run& run) { return run.count > kFewRows; }

/* As run_task, with the activation: panels of gates meet those of what they gate, half of all panels behind. */
void run_gated(const Run& run, const Part& part, const Quantized<kTileRows>& q, Tile t, const uint8_t* next, float* sums) {
  constexpr bool both = panels_of(kTileRows) == 2;
  int64_t half = panels_of_outputs(t.w->rows) / 2, width = run.silu->cols;
  int64_t each = t.panel;
  const uint8_t* codes = t.codes;
  t.out = nullptr;
  auto later = [](int32_t, int32_t, const float*) {};
  for (int32_t p = 0; p < part.panels; p++) {
    auto finish = [&](int32_t r, int32_t rows, const float* gate) {
      finish_gated(run, {part.row + r, rows, part.panel + p, 1}, 0, gate);
    };
    float* out = run.silu->out + part.row * width + (part.panel + p) * int64_t{kPanel};
    for (int32_t r = 0; r < part.rows; r++) __builtin_prefetch(out + r * width, 1);
    const uint8_t* then = p + 1 < part.panels ? codes + each : next;
    t.codes = codes;
    t.first_panel = part.panel + p;
    if (both) {
      t.apart = half;
      t.panel = half * each;
      all_rows<both ? 2 : 1>(q, part, t, then, sums, finish);
    } else {
      all_rows<1>(q, part, t, codes + half * each, sums, later);
      t.codes += half * each;
      t.first_panel += half;
      all_rows<1>(q, part, t, then, sums + kPanel, later);
      finish(0, part.rows, sums);
    }
    codes += each;
  }
}

void run_task(const Run& run, int32_t task, char* scratch) {
  const wk_weight& w = *run.op->weight;
  Quantized<kTileRows> q(run);
  GroupedCut<kTileRows> cut(run);
  Part part = cut.part(run, task);
  float* sums = reinterpret_cast<float*>(scratch);

  Tile t;
  t.w = &w;
  t.first_panel = part.panel;
  t.vectors = static_cast<int32_t>(code_vectors(w.format, w.cols));
  t.panel = t.vectors * 64LL;
  t.apart = 1;
  t.codes = static_cast<const uint8_t*>(w.data) + part.panel * t.panel;
  t.groups = static_cast<int32_t>(q.groups);
  bool streaming = streams(*run.op, run.count);
  t.out = streaming
      ? nullptr : run.op->out + part.row * static_cast<int64_t>(w.rows) + static_cast<int64_t>(part.panel) * kPanel;
  // Where this member probably goes on.
  int32_t then = task + 1 < cut.tasks() ? cut.part(run, task + 1).panel - part.panel : 0;
  if (run.silu != nullptr) {
    run_gated(run, part, q, t, t.codes + then * t.panel, sums);
    return;
  }
  for (int32_t p = 0; p < part.panels;) {
    constexpr int few = panels_of(kFewRows), many = panels_of(kTileRows);
    int32_t left = part.panels - p, beside = part.rows <= kFewRows ? few : many;
    if (left < beside) beside = 1;
    const uint8_t* next = t.codes + (left > beside ? beside : then - p) * t.panel;
    auto finish = [&](int32_t r, int32_t rows, const float* done) {
      finish_part(*run.op, run.count, {part.row + r, rows, part.panel + p, beside}, done, kPanelBlock * kPanel);
    };
    if (beside == 1) {
      all_rows<1>(q, part, t, next, sums, finish);
    } else if (beside == few) {
      all_rows<few>(q, part, t, next, sums, finish);
    } else {
      all_rows<many>(q, part, t, next, sums, finish);
    }
    p += beside;
    t.first_panel += beside;
    t.codes += beside * t.panel;
    if (t.out != nullptr) t.out += beside * kPanel;
  }
  if (streaming) stream_end();
}

}  // namespace

extern const Operation grouped_matmul;
const Operation grouped_matmul = {tasks, scratch, run_task, quantize_tasks, first, shared, takes_silu};

}  // namespace WK_ISA
}  // namespace wk
