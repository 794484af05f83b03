#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A million made-up traces of about 1.2 KB, exported as Parquet and as JSON lines in one JVM with a heap of 1 GiB:
#   ROWS=1000000 OUT=DIR tests/export-scale.sh
set -euo pipefail
cd "$(dirname "$0")/.."
out=${OUT:-tests/target/export-scale}
./winnow --version >/dev/null 2>&1 || ./winnow --help >/dev/null
rm -rf "$out"
mkdir -p "$out"
opens=()
for package in java.lang java.lang.invoke java.lang.reflect java.io java.net java.nio java.util java.util.concurrent \
    java.util.concurrent.atomic sun.nio.ch sun.nio.cs sun.security.action sun.util.calendar; do
  opens+=("--add-opens=java.base/$package=ALL-UNNAMED")
done
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
"$java" -Xmx1g "${opens[@]}" -Dwinnow.log.spark=error -cp "spark-jobs/target/winnow.jar:spark-jobs/target/spark/jars/*" \
  tests/export/Scale.java "${ROWS:-1000000}" "$out"
rm -rf "$out"
