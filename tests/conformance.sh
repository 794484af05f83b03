#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Holds models, tokenizers and chat templates to the references under a folder: a line each, exit 1 if any fails.
set -uo pipefail
cd "$(dirname "$0")/.."
if [[ -z ${1:-} || ! -d $1 ]]; then
  echo "usage: make conformance FIXTURES=DIR (a folder with models/ and tokenizers/)" >&2
  exit 2
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
mvn -q -B -ntp -pl inference-udf -am test -Dtest='ReferenceLogitsTest,*FixturesTest' \
  -Dsurefire.failIfNoSpecifiedTests=false -Dmaven.test.failure.ignore=true \
  -Dwinnow.fixtures="$(cd "$1" && pwd)" -Dwinnow.conformance=true >"$log" 2>&1
status=$?
# Maven writes colour resets in front of the first line even into a file.
sed -i 's/\x1b\[[0-9;]*m//g' "$log"
grep -E '^(ok|FAILED) ' "$log" | sort -k 2 -u
ok=$(grep -cE '^ok ' "$log")
failed=$(grep -cE '^FAILED ' "$log")
if [[ $status -ne 0 || $((ok + failed)) -eq 0 ]]; then
  tail -n 40 "$log" >&2
  exit 1
fi
echo "$ok passed, $failed failed"
[[ $failed -eq 0 ]]
