#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The native kernels beside the machine's limits; then tokens a second of the engine alone and inside Spark, on the
# shipped model and on a model of your own:
#   MODEL=FILE.gguf PROMPTS=FILE.jsonl KERNELS=smollm2-135m,qwen2.5-1.5b tests/bench.sh
# KERNELS= (empty) leaves the kernels out; by default it is SmolLM2's shapes.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ -n ${KERNELS-smollm2-135m} ]] && command -v cmake >/dev/null && command -v "${CXX:-c++}" >/dev/null; then
  tests/kernbench.sh --mode=speed --model="${KERNELS-smollm2-135m}"
  echo
fi
echo "examples/model: 64 prompts x 4 samples"
./winnow bench --prompts examples/prompts.jsonl --model examples/model --limit 64 --samples 4 --max-tokens 256 --verify math
if [[ -n ${MODEL:-} ]]; then
  echo
  echo "$(basename "$MODEL"): 16 prompts x 1 sample, 64 new tokens"
  ./winnow bench --prompts "${PROMPTS:-examples/prompts.jsonl}" --model "$MODEL" --limit 16 --samples 1 --max-tokens 64
fi
