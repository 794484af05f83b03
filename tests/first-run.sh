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

# The table by plain Spark: a program of a few lines that knows nothing of Winnow.
cat >"$work/Count.java" <<'JAVA'
import org.apache.spark.sql.SparkSession;

public class Count {
  public static void main(String[] args) {
    SparkSession spark =
        SparkSession.builder().master("local[1]").config("spark.ui.enabled", "false")
            .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
            .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
            .getOrCreate();
    System.out.println(
        "rows=" + spark.read().format("delta").load(args[0]).select("prompt_id", "trace_id").distinct().count());
    spark.stop();
  }
}
JAVA
rows=$(SPARK_LOCAL_IP=127.0.0.1 java --add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/sun.nio.ch=ALL-UNNAMED \
  --add-opens=java.base/java.util=ALL-UNNAMED --add-opens=java.base/java.lang=ALL-UNNAMED \
  -cp 'spark-jobs/target/winnow.jar:spark-jobs/target/spark/jars/*' "$work/Count.java" target/traces 2>"$work/count.log" \
  | sed -n 's/^rows=//p')
[[ -n $rows ]] || failed "plain Spark cannot read the table: $(tail -n 1 "$work/count.log")"
[[ $rows -eq $traces ]] || failed "$rows different row keys in the table and not $traces"
[[ -z $(git status --porcelain) ]] || failed "the run left files that git sees: $(git status --porcelain | head -n 1)"

rm -rf "$work"
echo "ok      first run: $rows traces, $((SECONDS - started)) s"
