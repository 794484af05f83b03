#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Many short prompts through the real engine loop with a made-up model, in one JVM of 1 GiB that is driver and executor: memory
# must not grow with the input. Run twice; the second time there is nothing to do.
#   PROMPTS   how many (1000000)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/winnow-scale.XXXXXX")
trap 'rm -rf "$work"' EXIT
prompts=${PROMPTS:-1000000}

awk -v n="$prompts" 'BEGIN { for (i = 0; i < n; i++)
  printf "{\"id\":\"p%07d\",\"question\":\"%d + %d?\",\"answer\":\"%d\"}\n", i, i, i % 97, i + i % 97 }' >"$work/prompts.jsonl"

for run in first second; do
  WINNOW_JAVA_OPTS=-Xmx1g "$root/winnow" generate --prompts "$work/prompts.jsonl" --id-column id --samples 1 --verify math \
    --model scripted:tokens=4,tail=0 --max-sequences 256 --out "$work/traces" | tee "$work/$run"
done
grep -q "^accounted .* + 0 to do" "$work/first"
grep -q "^nothing to do" "$work/second"
echo "ok scale: $prompts prompts in 1 GiB"
