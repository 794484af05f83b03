#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Holds the NEON kernels to those of this machine: builds both, runs the arm64 ones under qemu-user, and compares the
# hashes of what every operation gives (bits.cc). Needs CMake, a C++ compiler, g++-aarch64-linux-gnu and qemu-user; the
# latter two are installed by apt-get if they are missing.
#   arm64.sh BUILD_FOLDER [SEED …]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$here/../../main/native
build=$1
shift
seeds=("${@:-1}")

packages=()
command -v aarch64-linux-gnu-g++ >/dev/null || packages+=(g++-aarch64-linux-gnu)
command -v qemu-aarch64 >/dev/null || packages+=(qemu-user)
if [[ ${#packages[@]} -gt 0 ]]; then
  echo "winnow: installing ${packages[*]} by apt-get ..." >&2
  if ! { apt-get update && apt-get install -y --no-install-recommends "${packages[@]}"; } >/dev/null; then
    echo "winnow: cannot install ${packages[*]}: install them by hand, then run this again." >&2
    exit 1
  fi
fi

mkdir -p "$build"
log=$build/build.log
generator=()
command -v ninja >/dev/null && generator=(-G Ninja)
if ! {
  cmake -S "$source" -B "$build/here" "${generator[@]}" && cmake --build "$build/here" --target winnow_bits \
    && cmake -S "$source" -B "$build/arm64" "${generator[@]}" -DCMAKE_SYSTEM_NAME=Linux \
      -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DCMAKE_EXE_LINKER_FLAGS=-static \
    && cmake --build "$build/arm64" --target winnow_bits
} >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  echo "winnow: the kernels cannot be built; all of the output is in $log." >&2
  exit 1
fi

for seed in "${seeds[@]}"; do
  "$build/here/winnow_bits" "$seed" >"$build/here.txt" 2>"$build/here.log" || { cat "$build/here.log" >&2; exit 1; }
  qemu-aarch64 "$build/arm64/winnow_bits" "$seed" >"$build/arm64.txt" 2>"$build/arm64.log" \
    || { cat "$build/arm64.log" >&2; exit 1; }
  if ! diff "$build/here.txt" "$build/arm64.txt"; then
    echo "winnow: arm64 (>) gives other bits than this machine (<); the cases: $build/*/winnow_bits -v $seed" >&2
    exit 1
  fi
  cat "$build/arm64.txt"
  echo "seed $seed: NEON gives the bits of $(tr '\n' ' ' <"$build/here.log")"
done
