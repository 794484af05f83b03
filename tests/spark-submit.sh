#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs winnow.jar on a real Spark distribution: spark-submit and PySpark in local mode, then a standalone master with two
# workers on loopback. Takes the distribution in SPARK_HOME, else the one that pip brings. Ends with "N passed, N failed".
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$root/tests/target/spark-submit
spark_version=4.1.3
jar=$root/spark-jobs/target/winnow.jar
passed=0
failed=0
export SPARK_LOCAL_IP=127.0.0.1

mkdir -p "$work"
if [[ -z ${SPARK_HOME:-} ]]; then
  home=$work/pyspark-$spark_version
  if [[ ! -x $home/deps/bin/spark-submit ]]; then
    echo "Fetching Spark $spark_version with pip (about 450 MB) ..."
    python3 -m pip download -q --no-deps --no-binary :all: -d "$work" "pyspark==$spark_version" \
      && tar -xzf "$work/pyspark-$spark_version.tar.gz" -C "$work" && rm "$work/pyspark-$spark_version.tar.gz" \
      || { echo "Cannot fetch Spark with pip; set SPARK_HOME to a Spark $spark_version distribution." >&2; exit 1; }
  fi
  export SPARK_HOME=$home/deps
fi

check() { # name, command ...
  local name=$1
  shift
  if "$@" >"$work/$name.log" 2>&1; then
    passed=$((passed + 1))
    echo "ok      $name"
  else
    failed=$((failed + 1))
    echo "FAILED  $name; its output ends:"
    tail -n 40 "$work/$name.log"
  fi
}

submit() { # profile, master, table, further generate options ...
  local profile=$1 master=$2 table=$3
  shift 3
  "$SPARK_HOME/bin/spark-submit" --properties-file "$root/conf/$profile.conf" --master "$master" \
    --class io.winnow.jobs.Winnow "$jar" \
    generate --prompts "$root/examples/prompts.jsonl" --model "$root/examples/model" --out "$table" \
    --limit 12 --samples 2 --max-tokens 256 --verify math "$@"
}

nothing_of_spark_in_the_jar() {
  unzip -Z1 "$jar" | grep '\.class$' | sort >"$work/ours"
  for shipped in "$SPARK_HOME"/jars/*.jar; do
    unzip -Z1 "$shipped" 2>/dev/null
  done | grep '\.class$' | grep -v -e '^META-INF/' -e module-info | sort -u >"$work/shipped"
  [[ -s $work/ours && -s $work/shipped ]] || { echo "no list of classes: is unzip there, and $SPARK_HOME/jars?"; return 1; }
  [[ -z $(comm -12 "$work/ours" "$work/shipped" | tee "$work/both" | head -n 20 | tee /dev/stderr) ]]
}

pyspark_example() { # on the session of pip's pyspark, or of the distribution's
  local libraries=$SPARK_HOME/python/lib
  [[ -d $libraries ]] || libraries=$SPARK_HOME/../lib
  PYTHONPATH="$libraries/pyspark.zip:$(echo "$libraries"/py4j-*-src.zip):$root/examples/pyspark" PYTHONDONTWRITEBYTECODE=1 \
    WINNOW_JAR="$jar" python3 "$root/examples/pyspark/verify_example.py"
}

same_number_of_rows() { # of two tables, by their logs alone
  python3 - "$1" "$2" <<'PY'
import json, pathlib, sys
# The newest state of each table without a Delta reader: adds minus removes.
def files(table):
    live = set()
    for log in sorted(pathlib.Path(table, "_delta_log").glob("*.json")):
        for line in log.read_text().splitlines():
            action = json.loads(line)
            if "add" in action:
                live.add((action["add"]["path"], json.loads(action["add"]["stats"])["numRecords"]))
            if "remove" in action:
                live = {f for f in live if f[0] != action["remove"]["path"]}
    return sum(n for _, n in live)
a, b = (files(t) for t in sys.argv[1:])
print(a, "rows and", b, "rows")
sys.exit(0 if a == b == 24 else 1)
PY
}

rm -rf "$work"/traces-*
check jar-holds-nothing-of-spark nothing_of_spark_in_the_jar
check local submit local 'local[2]' "$work/traces-local"
check pyspark-example pyspark_example
check local-again-decodes-nothing bash -c "$(declare -f submit); root='$root' jar='$jar' submit local 'local[2]' '$work/traces-local' | grep -i 'nothing'"

master_log=$work/master.log
"$SPARK_HOME/bin/spark-class" org.apache.spark.deploy.master.Master --host 127.0.0.1 --port 17077 --webui-port 18080 \
  >"$master_log" 2>&1 &
pids=($!)
for worker in 1 2; do
  SPARK_WORKER_CORES=1 SPARK_WORKER_MEMORY=1g SPARK_WORKER_DIR=$work/worker-$worker \
    "$SPARK_HOME/bin/spark-class" org.apache.spark.deploy.worker.Worker --host 127.0.0.1 \
    --webui-port $((18080 + worker)) spark://127.0.0.1:17077 >"$work/worker-$worker.log" 2>&1 &
  pids+=($!)
done
trap 'kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null' EXIT
for _ in $(seq 60); do
  grep -qs 'Registering worker' "$master_log" && [[ $(grep -c 'Registering worker' "$master_log") -ge 2 ]] && break
  sleep 0.5
done
check standalone-two-workers submit standalone spark://127.0.0.1:17077 "$work/traces-standalone"
check same-number-of-rows same_number_of_rows "$work/traces-local" "$work/traces-standalone"

echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
