#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The native kernels under the sanitizers of the compiler: small random shapes of all operations with hostile values,
# against plain loops, and a stress of the team of threads. No finding, no byte left, or exit 1.
#   COUNT=150 SEED=7c1f tests/native-sanitizers.sh
set -euo pipefail
cd "$(dirname "$0")/.."
count=${COUNT:-150}
seed=${SEED:-$(printf '%x' $((RANDOM * 32768 + RANDOM)))}
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
for sanitizers in address,undefined thread; do
  echo "$sanitizers, seed $seed:"
  SANITIZE=$sanitizers tests/kernbench.sh fuzz --count="$count" --seed="$seed"
  EMULATE_AMX=ON SANITIZE=$sanitizers tests/kernbench.sh fuzz --count="$count" --seed="$seed"
  SANITIZE=$sanitizers tests/kernbench.sh team --mode=correct --shape=24 --seed="$seed"
done
