#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds kernbench, which checks and measures the native kernels alone, and runs it; kernbench.cc tells its options:
#   tests/kernbench.sh matmul --mode=speed --model=smollm2-135m --threads=1,2
#   SANITIZE=thread tests/kernbench.sh fuzz        with sanitizers of the compiler
#   EMULATE_AMX=ON tests/kernbench.sh fuzz         with AMX's tiles in plain C++, where there are none
set -euo pipefail
cd "$(dirname "$0")/.."
build=kernels/target/kernbench${SANITIZE:+-${SANITIZE%%,*}}${EMULATE_AMX:+-emulated}
if ! command -v cmake >/dev/null || ! command -v "${CXX:-c++}" >/dev/null; then
  echo "kernbench is not built: CMake or a C++ compiler is not found." >&2
  exit 2
fi
mkdir -p "$build"
if ! { cmake -S kernels/src/main/native -B "$build" -DWK_BENCH=ON -DWK_SANITIZE="${SANITIZE:-}" \
  -DWK_EMULATE_AMX="${EMULATE_AMX:-OFF}" \
  && cmake --build "$build" -j 2; } \
  >"$build/build.log" 2>&1; then
  tail -n 40 "$build/build.log" >&2
  exit 1
fi
exec "$build/kernbench" "$@"
