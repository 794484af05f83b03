#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a newcomer does: clones the repository and runs the README's first command, which builds Winnow. Takes the state of
# HEAD. Ends with one line, "ok" or "FAILED" with the reason; the folder is kept when it failed.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/winnow-first-run.XXXXXX")
started=$SECONDS

failed() { # reason
  echo "FAILED  first run: $1; see $work" >&2
  exit 1
}

git clone -q --no-hardlinks "$root" "$work/winnow" 2>"$work/clone.log" || failed "git clone"
cd "$work/winnow" || failed "no clone"

command=$(grep -m 1 '^\./winnow generate ' README.md)
[[ -n $command ]] || failed "README.md has no ./winnow generate"
bash -c "$command" >"$work/out.log" 2>"$work/err.log"
code=$?
[[ $code -eq 0 ]] || failed "exit code $code: $(tail -n 1 "$work/err.log")"

prompts=$(grep -c . examples/prompts.jsonl)
traces=$((4 * prompts))
for line in "prompts +$prompts" "traces +$traces" "verified +" "failed +0" "tokens +[0-9,]+" "tokens/s +[0-9.]+" \
    "wall time +" "table +target/traces" "Look at it:"; do
  grep -qE "^$line" "$work/out.log" || failed "no line '$line' in the summary"
done
! grep -q "Exception" "$work/err.log" || failed "an exception in what it said"

# Rows of the table by its log alone: all that was added, as nothing is ever taken away.
rows=$(cat target/traces/_delta_log/*.json | grep -oE 'numRecords\\?":[0-9]+' | grep -oE '[0-9]+$' \
  | awk '{ n += $1 } END { print n + 0 }')
[[ $rows -eq $traces ]] || failed "$rows rows in the table and not $traces"
[[ -z $(git status --porcelain) ]] || failed "the run left files that git sees: $(git status --porcelain | head -n 1)"

rm -rf "$work"
echo "ok      first run: $rows traces, $((SECONDS - started)) s"
