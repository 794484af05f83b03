#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Winnow beside llama.cpp and OpenVINO GenAI on one model file:
#   MODEL=FILE.gguf PROMPTS=FILE.jsonl ROUNDS=5 WORKLOADS=32x8x128,256x1x128 tests/bench-peers.sh
# PROMPTS has a column `question`. The peers are installed from PyPI into PEERS (a virtual environment, about 700 MB) when
# they are not there; the machine should have nothing else to do.
set -euo pipefail
cd "$(dirname "$0")/.."
model=${MODEL:-}
if [[ ! -f $model ]]; then
  echo "usage: make bench-peers MODEL=FILE.gguf [PROMPTS=FILE.jsonl] [WORKLOADS=32x8x128,...] [ROUNDS=5] [WINNOW=OPTIONS] [ISA=avx2] [APART=1]" >&2
  exit 2
fi
peers=${PEERS:-tests/target/peers}
if [[ ! -x $peers/bin/python ]]; then
  command -v python3 >/dev/null || { echo "bench-peers: python3 is not found; the peers need it." >&2; exit 2; }
  echo "bench-peers: installing the peers into $peers ..." >&2
  python3 -m venv "$peers"
  "$peers/bin/pip" install --quiet --disable-pip-version-check openvino-genai==2026.4.1.0 xllamacpp==2026.10.11549 numpy
fi
./winnow --version >/dev/null 2>&1 || ./winnow --help >/dev/null
exec "$peers/bin/python" tests/peers/compare.py --model "$(realpath "$model")" --prompts "${PROMPTS:-examples/prompts.jsonl}" \
  --rounds "${ROUNDS:-5}" ${WORKLOADS:+--workloads "$WORKLOADS"} ${SIDES:+--sides "$SIDES"} ${WINNOW:+--winnow "$WINNOW"} ${ISA:+--isa "$ISA"} ${MOST_SECONDS:+--seconds "$MOST_SECONDS"} ${APART:+--apart}
