// SPDX-License-Identifier: Apache-2.0
// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): the same numbers everywhere.
#pragma once

#include <stdint.h>

class SplitMix64 {
 public:
  explicit SplitMix64(uint64_t state) : state_(state) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }

 private:
  uint64_t state_;
};
