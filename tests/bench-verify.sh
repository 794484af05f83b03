#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The mathematics verifier beside pip's math-verify on the same replies:
#   ORACLE=DIR ROUNDS=5 ITEMS=400 SETS=boxed,math VENV=DIR tests/bench-verify.sh
# ORACLE holds math/*.jsonl with the fields case, config, gold and answer. math-verify is installed from PyPI into VENV (a
# virtual environment, 60 MB) when it is not there. The machine should have nothing else to do.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ ! -d ${ORACLE:-}/math ]]; then
  echo "usage: make bench-verify ORACLE=DIR [ROUNDS=5] [ITEMS=400] [SETS=plain,boxed,math,symbolic] [VENV=DIR]" >&2
  exit 2
fi
venv=${VENV:-tests/target/math-verify}
if [[ ! -x $venv/bin/python ]]; then
  command -v python3 >/dev/null || { echo "bench-verify: python3 is not found; math-verify needs it." >&2; exit 2; }
  echo "bench-verify: installing math-verify into $venv ..." >&2
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check math-verify==0.9.0
fi
jar=${WINNOW_JAR:-}
if [[ -z $jar ]]; then
  ./winnow --help >/dev/null
  jar="spark-jobs/target/winnow.jar:spark-jobs/target/spark/jars/*"
fi
exec "$venv/bin/python" tests/verify/compare.py --oracle "$ORACLE" --class-path "$jar" --rounds "${ROUNDS:-5}" \
  --items "${ITEMS:-400}" ${SETS:+--sets "$SETS"}
