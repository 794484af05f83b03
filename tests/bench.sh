#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tokens a second of the engine alone and inside Spark, on the shipped model and on a model of your own:
#   MODEL=FILE.gguf PROMPTS=FILE.jsonl tests/bench.sh
set -euo pipefail
cd "$(dirname "$0")/.."
echo "examples/model: 64 prompts x 4 samples"
./winnow bench --prompts examples/prompts.jsonl --model examples/model --limit 64 --samples 4 --max-tokens 256 --verify math
if [[ -n ${MODEL:-} ]]; then
  echo
  echo "$(basename "$MODEL"): 16 prompts x 1 sample, 64 new tokens"
  ./winnow bench --prompts "${PROMPTS:-examples/prompts.jsonl}" --model "$MODEL" --limit 16 --samples 1 --max-tokens 64
fi
