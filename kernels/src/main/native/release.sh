#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the native kernels for the published jar: Linux with glibc 2.28 or newer, x86-64 and arm64, nothing else asked
# of the machine that runs them. `mvn -Prelease-natives package` calls it in place of build.sh.
#   release.sh BUILD_FOLDER RESOURCE_FOLDER JDK
# The compiler is Zig's (clang with the symbol versions of every glibc, for both processors), which pip brings into
# BUILD_FOLDER; WK_ZIG names one that is there already. Needs CMake, binutils and python3 with venv. Then it looks at
# what it built: symbol versions, libraries, code that two instruction sets would share, and the bits of every operation
# (kernels/src/test/native/bits.cc), those of arm64 under qemu-user where that is installed.
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$1
resources=$2
jdk=$3
glibc=2.28
zig_version=0.17.1

fail() {
  echo "winnow: $*" >&2
  exit 1
}

for tool in cmake readelf nm python3; do
  command -v $tool >/dev/null || fail "cannot build the release natives: $tool is not on the PATH."
done
[[ -f $jdk/include/jni.h ]] || fail "cannot build the release natives: $jdk has no include/jni.h; use a JDK."

mkdir -p "$build"
build=$(cd "$build" && pwd)
log=$build/release.log
: >"$log"
zig=${WK_ZIG:-}
if [[ -z $zig ]]; then
  if [[ ! -x $build/zig-$zig_version/bin/python ]]; then
    echo "winnow: installing ziglang $zig_version by pip into $build ..."
    rm -rf "$build/zig-$zig_version"
    { python3 -m venv "$build/zig-$zig_version.new" \
      && "$build/zig-$zig_version.new/bin/python" -m pip install -q "ziglang==$zig_version"; } >>"$log" 2>&1 \
      || fail "cannot install ziglang $zig_version by pip (see $log); name a zig by WK_ZIG=FILE."
    mv "$build/zig-$zig_version.new" "$build/zig-$zig_version"
  fi
  zig=$(echo "$build/zig-$zig_version"/lib/python3*/site-packages/ziglang/zig)
fi
export ZIG_GLOBAL_CACHE_DIR=$build/zig-cache ZIG_LOCAL_CACHE_DIR=$build/zig-cache
generator=()
command -v ninja >/dev/null && generator=(-G Ninja)

build_for() {
  local arch=$1 folder=$build/release-$1
  # CMake takes further words of CXX as arguments of each call, when it is first configured.
  rm -rf "$folder"
  CXX="$zig c++ -target $arch-linux-gnu.$glibc" cmake -S "$source" -B "$folder" "${generator[@]}" \
    -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$arch" -DCMAKE_SHARED_LINKER_FLAGS=-s -DWK_JAVA_HOME="$jdk" \
    && cmake --build "$folder" && cmake --build "$folder" --target winnow_bits
}

# What the library asks of its machine: nothing newer than glibc, and nothing but glibc's own libraries.
check_library() {
  local arch=$1 library=$2 newest other
  readelf -h "$library" | grep -iE "Machine:.*${arch/_/.}" >/dev/null || fail "$library is not for $arch."
  newest=$(readelf -V "$library" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -n 1)
  [[ $(printf '%s\n' "$newest" "GLIBC_$glibc" | sort -V | tail -n 1) == "GLIBC_$glibc" ]] \
    || fail "$library needs $newest, and hosts with glibc $glibc do not have it."
  other=$(readelf -d "$library" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' \
    | grep -vE '^(libc\.so\.6|libm\.so\.6|libpthread\.so\.0|libdl\.so\.2|ld-linux-.*)$' || true)
  [[ -z $other ]] || fail "$library needs $other, which not every host has."
  if readelf -V "$library" | grep -E 'GLIBCXX|CXXABI|GCC_' >/dev/null; then
    fail "$library needs the C++ runtime of its host."
  fi
  echo "winnow: linux-$arch: needs at most $newest, $(stat -c %s "$library") bytes"
}

# A function that several instruction sets emit under one name is kept once, with instructions that a machine may lack.
check_objects() {
  local objects shared
  objects=$(find "$1" -name '*.o' -path '*/winnow_*.dir/*' ! -path '*/winnow_objects.dir/*' \
    ! -path '*/winnow_kernels.dir/*' ! -path '*/winnow_bits.dir/*')
  [[ -n $objects ]] || fail "no objects of an instruction set lie below $1."
  # shellcheck disable=SC2086  # one name a line, without blanks
  shared=$(nm -C $objects | grep -E ' [WVu] ' | grep -vE 'wk::(avx2|avx512|amx|neon)::|DW\.ref' | sort -u || true)
  [[ -z $shared ]] || fail "instruction sets share code; make it static or move it into WK_ISA: $shared"
}

run_bits() {
  local arch=$1 program=$build/release-$1/winnow_bits
  if [[ $arch == "$(uname -m)" ]]; then
    "$program" 2>>"$log"
  elif command -v "qemu-$arch" >/dev/null; then
    "qemu-$arch" -L "/usr/$arch-linux-gnu" "$program" 2>>"$log"
  fi
}

expected=
for arch in x86_64 aarch64; do
  if ! build_for $arch >>"$log" 2>&1; then
    tail -n 40 "$log" >&2
    fail "the native kernels for $arch cannot be built; all of the output is in $log."
  fi
  library=$build/release-$arch/libwinnow_kernels.so
  check_library $arch "$library"
  check_objects "$build/release-$arch"
  bits=$(run_bits $arch) || fail "the bits of $arch cannot be computed here, or its instruction sets differ; see $log."
  if [[ -z $bits ]]; then
    echo "winnow: linux-$arch: its bits are not looked at: qemu-$arch is not installed (make natives-arm64 does it)"
  else
    [[ -z $expected || $bits == "$expected" ]] || fail "linux-$arch gives other bits: $bits"
    expected=$bits
    echo "winnow: linux-$arch: $(wc -l <<<"$bits") operations give the bits of all instruction sets"
  fi
  mkdir -p "$resources/linux-$arch"
  cp "$library" "$resources/linux-$arch/.new"
  mv -f "$resources/linux-$arch/.new" "$resources/linux-$arch/libwinnow_kernels.so"
done
