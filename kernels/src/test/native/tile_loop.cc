// SPDX-License-Identifier: Apache-2.0
// The loop of Roofline::tiles: products of bfloat16 whose operands stay in their tiles, four sums in turn.
#include "../../main/native/ops/tiles.h"

namespace kernbench {

double tile_loop(int64_t rounds, float* sink) {
  using namespace wk::WK_ISA;
  alignas(64) static const uint16_t zeros[512] = {};
  TileConfig config;
  for (int t = 0; t < 8; t++) {
    config.bytes[t] = 64;
    config.rows[t] = 16;
  }
  tiles_configure(config);
  WK_TILE_ZERO(0);
  WK_TILE_ZERO(1);
  WK_TILE_ZERO(2);
  WK_TILE_ZERO(3);
  WK_TILE_LOAD(4, zeros, 64);
  WK_TILE_LOAD(5, zeros, 64);
  WK_TILE_LOAD(6, zeros, 64);
  WK_TILE_LOAD(7, zeros, 64);
  for (int64_t n = 0; n < rounds / 8; n++) {
    WK_TILE_DOT_BF16(0, 4, 6);
    WK_TILE_DOT_BF16(1, 4, 7);
    WK_TILE_DOT_BF16(2, 5, 6);
    WK_TILE_DOT_BF16(3, 5, 7);
  }
  alignas(64) float sums[256];
  WK_TILE_STORE(0, sums, 64);
  tiles_release();
  sink[0] = sums[0];
  return 2.0 * 4 * 16 * 16 * 32 * static_cast<double>(rounds / 8);
}

}  // namespace kernbench
