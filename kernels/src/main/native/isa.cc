// SPDX-License-Identifier: Apache-2.0
// What the processor has. avx512 means the parts that the kernels use: F, BW, DQ, VL and VNNI; a processor without VNNI
// runs as avx2, at no loss for float products worth a set of its own.
#include "isa.h"

#include "winnow_kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace wk {

#if defined(__x86_64__)
namespace {

// Register sets that the system saves at a switch: without them the instructions fault or, worse, lose state.
uint64_t saved_state() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<uint64_t>(high) << 32 | low;
}

#if !defined(WK_EMULATE_TILES)
// Linux gives a process the tile registers only on request: ARCH_REQ_XCOMP_PERM for XFEATURE_XTILEDATA.
bool tiles_permitted() { return syscall(SYS_arch_prctl, 0x1023, 18) == 0; }
#endif

}  // namespace

int32_t machine_isas() {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
  bool fma = c & bit_FMA, f16c = c & bit_F16C, osxsave = c & bit_OSXSAVE;
  if (!osxsave || !fma || !f16c) return 0;
  uint64_t saved = saved_state();
  if ((saved & 6) != 6 || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  if (!(b & bit_AVX2) || !(b & bit_BMI2)) return 0;
  int32_t isas = WK_ISA_AVX2;
  bool avx512 = (b & bit_AVX512F) && (b & bit_AVX512BW) && (b & bit_AVX512DQ) && (b & bit_AVX512VL)
      && (c & bit_AVX512VNNI);
  if (!avx512 || (saved & 0xE6) != 0xE6) return isas;
  isas |= WK_ISA_AVX512;
#if defined(WK_EMULATE_TILES)
  return isas | WK_ISA_AMX | WK_ISA_AMX_BF16 | WK_ISA_AMX_EMULATED;
#else
  bool tiles = (d & 1u << 24) && (d & 1u << 25);  // AMX-TILE, AMX-INT8
  bool bf16 = d & 1u << 22;                       // AMX-BF16
  if (tiles && (saved & 0x60000) == 0x60000 && tiles_permitted()) isas |= WK_ISA_AMX | (bf16 ? WK_ISA_AMX_BF16 : 0);
  return isas;
#endif
}
#elif defined(__aarch64__)
int32_t machine_isas() { return WK_ISA_NEON; }
#else
int32_t machine_isas() { return 0; }
#endif

}  // namespace wk
