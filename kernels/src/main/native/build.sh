#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the native kernels for this machine, where a C++ compiler and CMake are found; Maven calls it.
#   build.sh BUILD_FOLDER RESOURCE_FOLDER JDK
# Leaves RESOURCE_FOLDER/linux-ARCH/libwinnow_kernels.so. Without the tools: one line, and the Java reference computes.
set -eu
source=$(cd "$(dirname "$0")" && pwd)
build=$1
resources=$2
jdk=$3
arch=$(uname -m)
# More for CMake, such as -DWK_EMULATE_AMX=ON; built apart, since CMake remembers it.
options=${WINNOW_NATIVE_OPTIONS:-}
[ -z "$options" ] || build=$build-options

lacks=
[ "$(uname -s)" = Linux ] || lacks="Linux"
command -v cmake >/dev/null 2>&1 || lacks=${lacks:-CMake}
command -v "${CXX:-c++}" >/dev/null 2>&1 || lacks=${lacks:-"a C++ compiler"}
[ -f "$jdk/include/jni.h" ] || lacks=${lacks:-"the JDK's jni.h"}
case $arch in x86_64 | aarch64) ;; *) lacks=${lacks:-"an x86-64 or arm64 processor"} ;; esac
if [ -n "$lacks" ]; then
  echo "winnow: no native kernels are built ($lacks not found); the Java reference will compute, some times slower."
  exit 0
fi

# CMake refuses a folder that was made for sources elsewhere, as in a copied checkout.
if [ -f "$build/CMakeCache.txt" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$source" "$build/CMakeCache.txt"; then
  rm -rf "$build"
fi
mkdir -p "$build"
log=$build/build.log
generator=
command -v ninja >/dev/null 2>&1 && generator="-G Ninja"
# shellcheck disable=SC2086  # words or none
if ! { cmake -S "$source" -B "$build" $generator -DWK_JAVA_HOME="$jdk" $options && cmake --build "$build"; } >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  echo "winnow: the native kernels cannot be built; all of the output is in $log." >&2
  exit 1
fi
mkdir -p "$resources/linux-$arch"
# A library that is in use must not change under its users: a new file takes its place.
cp "$build/libwinnow_kernels.so" "$resources/linux-$arch/.new"
mv -f "$resources/linux-$arch/.new" "$resources/linux-$arch/libwinnow_kernels.so"
