#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What Winnow gets out of a server beside the barest load generator, at the same number of open requests:
#   MODEL=FILE.gguf ROUNDS=3 PROMPTS=32 SAMPLES=1 MAX_TOKENS=64 CONCURRENCY=8 THREADS=2 \
#     STREAM=true tests/bench-endpoint.sh
# The server is llama.cpp's, from PyPI's xllamacpp, in VENV (a virtual environment, 40 MB) when it is not there; URL
# takes one that runs already. The machine should have nothing else to do.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ ! -f ${MODEL:-} && -z ${URL:-} ]]; then
  echo "usage: make bench-endpoint MODEL=FILE.gguf [ROUNDS=3] [PROMPTS=32] [MAX_TOKENS=64] [CONCURRENCY=8]" >&2
  exit 2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
java_options=(--add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/sun.nio.ch=ALL-UNNAMED
  --add-opens=java.base/java.lang=ALL-UNNAMED --add-opens=java.base/java.util=ALL-UNNAMED
  --add-opens=java.base/java.lang.invoke=ALL-UNNAMED --add-opens=java.base/sun.util.calendar=ALL-UNNAMED
  -Dwinnow.log.spark=error -Dbench.stream="${STREAM:-true}")
class_path=${WINNOW_CLASS_PATH:-}
if [[ -z $class_path ]]; then
  ./winnow --help >/dev/null
  class_path="spark-jobs/target/winnow.jar:spark-jobs/target/spark/jars/*"
fi
if [[ -z ${URL:-} ]]; then
  venv=${VENV:-tests/target/llamacpp}
  if [[ ! -x $venv/bin/python ]]; then
    command -v python3 >/dev/null || { echo "bench-endpoint: python3 is not found; the server needs it." >&2; exit 2; }
    echo "bench-endpoint: installing xllamacpp into $venv ..." >&2
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps xllamacpp==2026.10.11549
  fi
  # The server ends with its standard input, which this script holds open.
  mkfifo "$work/alive"
  "$venv/bin/python" tests/peers/llamacpp_server.py --until-stdin-ends --model "$(realpath "$MODEL")" \
    --parallel "${CONCURRENCY:-8}" --ctx-size $((512 * ${CONCURRENCY:-8})) --threads "${THREADS:-2}" \
    <"$work/alive" >"$work/url" 2>"$work/log" &
  exec 7>"$work/alive"
  until [[ -s $work/url ]]; do
    kill -0 $! 2>/dev/null || { tail -n 20 "$work/log" >&2; exit 1; }
    sleep 0.1
  done
  URL=$(sed 's/.*"url": *"\([^"]*\)".*/\1/' "$work/url")
fi
head -n "${PROMPTS:-32}" examples/prompts.jsonl >"$work/prompts.jsonl"
java "${java_options[@]}" -cp "$class_path" tests/endpoint/EndpointBench.java "$URL" "$work/prompts.jsonl" \
  "${CONCURRENCY:-8}" "${MAX_TOKENS:-64}" "${SAMPLES:-1}" "${ROUNDS:-3}" 2>"$work/winnow.log" \
  || { tail -n 30 "$work/winnow.log" >&2; exit 1; }
