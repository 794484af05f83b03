#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Decontamination beside datatrove's on the same files in the same run, and how time grows with the documents:
#   SIZES="10000 100000 1000000" ROWS=10000 CORES=2 VENV=DIR WORK=DIR tests/bench-decontaminate.sh
# datatrove is installed from PyPI into VENV (a virtual environment) when it is not there. It is measured on sizes up to
# PEER_MOST documents. The machine should have nothing else to do.
set -euo pipefail
cd "$(dirname "$0")/.."
sizes=${SIZES:-10000 100000 1000000}
rows=${ROWS:-10000}
cores=${CORES:-2}
peer_most=${PEER_MOST:-1000000}
venv=${VENV:-tests/target/datatrove}
work=${WORK:-$(mktemp -d "${TMPDIR:-/tmp}/winnow-decontaminate.XXXXXX")}
[[ -n ${WORK:-} ]] || trap 'rm -rf "$work"' EXIT

if [[ ! -x $venv/bin/python ]]; then
  command -v python3 >/dev/null || { echo "bench-decontaminate: python3 is not found; datatrove needs it." >&2; exit 2; }
  echo "bench-decontaminate: installing datatrove into $venv ..." >&2
  python3 -m venv "$venv"
fi
if ! "$venv/bin/python" -c "import datatrove, spacy, pyarrow" 2>/dev/null; then
  "$venv/bin/pip" install --quiet --disable-pip-version-check 'datatrove[io,processing]==0.10.1' spacy
fi
./winnow --help >/dev/null

# Prints "seconds documents-that-stayed" of one run; seconds are of the step, and of the whole process with JVM and session.
ours() {
  local folder=$1 started log
  shift
  rm -rf "$folder/out.parquet"
  started=$(date +%s.%N)
  log=$(./winnow decontaminate --in "$folder/documents" --column text --against "bench=$folder/benchmark.parquet:problem" \
    --cleanup --out "$folder/out.parquet" --master "local[$cores]" "$@" 2>/dev/null)
  echo "$(date +%s.%N) $started" | awk -v log_="$log" '{
    whole = $1 - $2; rows = log_; sub(/.*\nrows +/, "", rows); sub(/\n.*/, "", rows); gsub(",", "", rows)
    hit = log_; sub(/.*\ncontaminated +/, "", hit); sub(/ .*/, "", hit); gsub(",", "", hit)
    speed = log_; sub(/.*\nrows\/s +/, "", speed); sub(/\n.*/, "", speed); gsub(",", "", speed)
    printf "%.1f %.1f %d\n", rows / speed, whole, rows - hit }'
}

printf '%-10s %-30s %10s %10s %12s %10s\n' documents what 's, step' 's, whole' 'documents/s' stayed
line() { # documents, what, seconds of the step, of the whole, that stayed
  awk -v d="$1" -v w="$2" -v s="$3" -v a="$4" -v k="$5" \
    'BEGIN { printf "%-10d %-30s %10.1f %10.1f %12.0f %10d\n", d, w, s, a, d / a, k }'
}
for size in $sizes; do
  folder=$work/$size
  [[ -f $folder/truth.txt ]] || "$venv/bin/python" tests/decontaminate/documents.py "$folder" "$size" "$rows"
  echo "# $size documents, $(cat "$folder/truth.txt") of them with 20 words of the benchmark's $rows rows"
  read -r step whole stayed < <(ours "$folder" --mode strict)
  line "$size" "winnow, strict, 13-grams" "$step" "$whole" "$stayed"
  read -r step whole stayed < <(ours "$folder")
  line "$size" "winnow, open-r1, 8-grams" "$step" "$whole" "$stayed"
  if ((size <= peer_most)); then
    started=$(date +%s.%N)
    read -r index filter stayed < <("$venv/bin/python" tests/decontaminate/datatrove_side.py "$folder" 13 "$cores" 2>/dev/null)
    whole=$(echo "$(date +%s.%N) $started" | awk '{ print $1 - $2 }')
    line "$size" "datatrove, 13-grams" "$(echo "$index $filter" | awk '{ print $1 + $2 }')" "$whole" "$stayed"
  fi
  rm -rf "$folder/clean" "$folder/out.parquet"
done
