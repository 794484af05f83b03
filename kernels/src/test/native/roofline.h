// SPDX-License-Identifier: Apache-2.0
// What the machine can do at most, by loops that do nothing else.
#pragma once

#include <stdint.h>

#include "bench.h"

namespace kernbench {

/* Loops of one instruction set. */
struct Loops {
  /* Fused multiply-adds of float32, all operands in registers; returns floating point operations done. */
  double (*fma)(int64_t rounds, float* sink);
  /* Integer dot products of bytes (vpdpbusd, or what AVX2 has in its place); returns operations done. */
  double (*dot)(int64_t rounds, float* sink);
  /* Reads all of it, `streams` (1 or 8) pieces side by side. */
  void (*read)(const void* data, int64_t bytes, int32_t streams, float* sink);
};

/* Rates by a team of threads. */
class Roofline {
 public:
  Roofline(int32_t isa, int32_t threads);
  ~Roofline();
  Roofline(const Roofline&) = delete;
  Roofline& operator=(const Roofline&) = delete;
  /* Floating point operations a second. */
  Limit fma() const;
  /* Integer operations a second. */
  Limit dot() const;
  /* Operations a second of AMX's products of bfloat16, operands in tiles; only where there are some. */
  Limit tiles() const;
  /* Bytes a second over these buffers, one after the other; the better of one and eight streams. */
  Limit read(const std::vector<const void*>& buffers, int64_t bytes_each) const;

 private:
  struct Crew;
  Limit compute(double (*loop)(int64_t, float*)) const;
  Crew* crew_;
};

}  // namespace kernbench
