#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What export writes, read by those it is for: Hugging Face's datasets, TRL's own functions, and the ways in which verl and
# OpenRLHF read their rows.
#   VENV=DIR OUT=DIR tests/export-check.sh
# datasets, transformers and trl are installed from PyPI into VENV (a virtual environment, 450 MB, no PyTorch) when they are
# not there. Nothing is fetched from any hub. Every format is exported from rows of the shipped model and from rows made to
# break things, as Parquet and as JSON lines.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-tests/target/export-venv}
out=${OUT:-tests/target/export-check}
if ! "$venv/bin/python" -c 'import datasets, transformers, trl, jinja2' >/dev/null 2>&1; then
  command -v python3 >/dev/null || { echo "export-check: python3 is not found; the check needs it." >&2; exit 2; }
  echo "export-check: installing datasets, transformers and trl into $venv ..." >&2
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0 transformers==5.23.0 jinja2==3.1.6
  # Without what it needs to train: its functions on rows need none of it.
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps trl==1.16.0
fi
./winnow --version >/dev/null 2>&1 || ./winnow --help >/dev/null
rm -rf "$out"
mkdir -p "$out"
"$venv/bin/python" tests/export/check.py make "$out"
opens=()
for package in java.lang java.lang.invoke java.lang.reflect java.io java.net java.nio java.util java.util.concurrent \
    java.util.concurrent.atomic sun.nio.ch sun.nio.cs sun.security.action sun.util.calendar; do
  opens+=("--add-opens=java.base/$package=ALL-UNNAMED")
done
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
"$java" "${opens[@]}" -Dwinnow.log.spark=error -cp "spark-jobs/target/winnow.jar:spark-jobs/target/spark/jars/*" \
  tests/export/Commands.java <"$out/commands" >"$out/log" 2>&1 || { tail -n 20 "$out/log" >&2; exit 1; }
TRANSFORMERS_VERBOSITY=error HF_HUB_OFFLINE=1 HF_HOME=$(realpath "$out")/hf "$venv/bin/python" tests/export/check.py check "$out"
