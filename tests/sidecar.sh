#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Servers beside executors on a real Spark distribution: a standalone master, a worker with two made-up GPUs, and llama.cpp's
# server (pip's xllamacpp) with a GGUF of yours as the side-car. Executors, driver and worker are killed on the way, and no
# server may outlive them. MODEL=FILE.gguf; takes Spark from SPARK_HOME, else from pip; ONLY="NAME NAME" runs some checks.
# Ends with "N passed, N failed".
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$root/tests/target/sidecar
spark_version=4.1.3
jar=$root/spark-jobs/target/winnow.jar
[[ -f ${MODEL:-} ]] || { echo "usage: MODEL=FILE.gguf tests/sidecar.sh (or make sidecar MODEL=FILE.gguf)" >&2; exit 2; }
model=$(realpath "$MODEL")
passed=0
failed=0
export SPARK_LOCAL_IP=127.0.0.1 WINNOW_FAKE_GPUS="0 1"

rm -rf "$work"/{worker,traces-*,*.log}
mkdir -p "$work"
if [[ -z ${SPARK_HOME:-} ]]; then
  export SPARK_HOME=$root/tests/target/spark-submit/pyspark-$spark_version/deps
  [[ -x $SPARK_HOME/bin/spark-submit ]] \
    || { echo "Run make spark-submit first, which fetches Spark, or set SPARK_HOME." >&2; exit 1; }
fi
if [[ ! -d $work/python/xllamacpp ]]; then
  python3 -m pip install -q --no-deps --target "$work/python" xllamacpp \
    || { echo "Cannot install xllamacpp with pip." >&2; exit 1; }
fi
export PYTHONPATH=$work/python
server="python3 $root/tests/peers/llamacpp_server.py --model {model} --alias {name} --host {host} --port {port}"
server+=" --threads 1 {args}"

check() { # name, command ...; only those that ONLY names, if it names any
  local name=$1
  shift
  [[ -z ${ONLY:-} || " $ONLY " == *" $name "* ]] || return 0
  if "$@" >"$work/$name.log" 2>&1; then
    passed=$((passed + 1))
    echo "ok      $name"
  else
    failed=$((failed + 1))
    echo "FAILED  $name; its output ends:"
    tail -n 40 "$work/$name.log"
  fi
}

submit() { # master, table, further words ...
  local master=$1 table=$2
  shift 2
  "$SPARK_HOME/bin/spark-submit" --properties-file "$root/conf/sidecar-standalone.conf" --master "$master" \
    --driver-memory 1g --executor-memory 768m --executor-cores 1 \
    --conf spark.executor.resource.gpu.amount=1 --conf spark.executor.heartbeatInterval=1s \
    --conf spark.sql.shuffle.partitions=2 --conf spark.databricks.delta.snapshotPartitions=1 "${confs[@]}" \
    --conf "spark.winnow.sidecar=$server" --conf "spark.winnow.sidecarModel=$model" \
    --conf "spark.winnow.sidecarArgs=--parallel 4 --ctx-size 4096" --conf spark.winnow.sidecarStartupTimeout=5m \
    --conf spark.winnow.endpointConcurrency=1-4 --class io.winnow.jobs.Winnow "$jar" \
    generate --prompts "$root/examples/prompts.jsonl" --model smol@sidecar --out "$table" --sidecar-grace 2 \
    --limit 12 --max-tokens 48 --commit-interval 1 --verify math "$@"
}

servers() { # their processes, by the mark in the environment
  grep -ls WINNOW_SIDECAR= /proc/[0-9]*/environ 2>/dev/null | tr -dc '0-9\n' | while read -r pid; do
    [[ $pid != "$$" ]] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q llamacpp_server && echo "$pid"
  done
}

await() { # what, seconds, command ...
  local what=$1 end=$((SECONDS + $2))
  shift 2
  until "$@"; do
    ((SECONDS < end)) || { echo "waited in vain: $what; servers: $(servers | tr '\n' ' ')"; return 1; }
    sleep 0.2
  done
}

no_servers() { [[ -z $(servers) ]]; }
two_servers() { [[ $(servers | wc -l) -ge 2 ]]; }
rows_of_two() { two_servers && ls "$work"/traces-killed/*.parquet >/dev/null 2>&1; }
end_run() { # the driver of a run, by SIGKILL
  pkill -9 -P "$1"
  kill -9 "$1" 2>/dev/null
  wait "$1" 2>/dev/null
}
gpus_seen() { # which GPUs the servers of the newest application were given, one choice a line
  local app
  app=$(ls -td "$work"/worker/app-* | head -n 1)
  cat "$app"/*/sidecar-*.log | sed -n 's/.*for GPUs //p' | sort -u
}

each_its_own_gpu() {
  submit "$master" "$work/traces-cluster" --samples 2 || return 1
  gpus_seen
  [[ $(gpus_seen | tr '\n' ' ') == "0 1 " ]] && await "the servers end with the session" 30 no_servers
}

rows() { # of a table, by its log: rows there and how many different
  python3 - "$1" <<'PY'
import json, pathlib, sys
live = {}
for log in sorted(pathlib.Path(sys.argv[1], "_delta_log").glob("*.json")):
    for line in log.read_text().splitlines():
        action = json.loads(line)
        if "add" in action:
            live[action["add"]["path"]] = json.loads(action["add"]["stats"])["numRecords"]
        if "remove" in action:
            live.pop(action["remove"]["path"], None)
print(sum(live.values()))
PY
}

an_executor_is_killed() {
  submit "$master" "$work/traces-killed" --samples 4 &
  local run=$! victim
  await "two servers and some rows" 300 rows_of_two || { end_run "$run"; return 1; }
  victim=$(pgrep -P "${pids[1]}" | head -n 1) # the worker's own children are its executors
  local before
  before=$(servers | head -n 2 | tr '\n' ' ')
  kill -9 "$victim"
  wait "$run" || return 1
  echo "killed $victim; servers before: $before; rows: $(rows "$work/traces-killed")"
  [[ $(rows "$work/traces-killed") == 48 ]] && await "no server" 30 no_servers
}

the_driver_is_killed() {
  submit "$master" "$work/traces-driver" --samples 8 &
  local run=$!
  await "two servers" 300 two_servers || { end_run "$run"; return 1; }
  end_run "$run"
  await "no server after the driver's death" 60 no_servers
}

a_stage_asks_for_its_own() {
  confs=(--conf spark.dynamicAllocation.enabled=true --conf spark.dynamicAllocation.shuffleTracking.enabled=true
    --conf spark.dynamicAllocation.maxExecutors=1 --conf spark.executor.resource.gpu.amount=0
    --conf spark.excludeOnFailure.enabled=false)
  submit "$master" "$work/traces-stage" --samples 2 --sidecar-gpus 2 --sidecar-discovery "$root/conf/gpu-discovery.sh" || return 1
  gpus_seen
  [[ $(gpus_seen) == "0,1" && $(rows "$work/traces-stage") == 24 ]] && await "no server" 30 no_servers
}

local_mode() {
  submit 'local[2]' "$work/traces-local" --samples 2 && [[ $(rows "$work/traces-local") == 24 ]] && await "no server" 30 no_servers
}

confs=()
check local-mode local_mode

master=spark://127.0.0.1:17078
"$SPARK_HOME/bin/spark-class" org.apache.spark.deploy.master.Master --host 127.0.0.1 --port 17078 --webui-port 18090 \
  >"$work/master.log" 2>&1 &
pids=($!)
printf 'spark.worker.resource.gpu.amount 2\nspark.worker.resource.gpu.discoveryScript %s\n' "$root/conf/gpu-discovery.sh" \
  >"$work/worker.conf"
SPARK_WORKER_CORES=2 SPARK_WORKER_MEMORY=3g SPARK_WORKER_DIR=$work/worker \
  "$SPARK_HOME/bin/spark-class" org.apache.spark.deploy.worker.Worker --host 127.0.0.1 --webui-port 18091 \
  --properties-file "$work/worker.conf" "$master" >"$work/worker-process.log" 2>&1 &
pids+=($!)
trap 'kill $(jobs -p) 2>/dev/null; wait 2>/dev/null' EXIT
await "the worker" 60 grep -qs 'Registering worker' "$work/master.log"

check each-its-own-gpu each_its_own_gpu
check an-executor-is-killed an_executor_is_killed
check the-driver-is-killed the_driver_is_killed
check a-stage-asks-for-its-own a_stage_asks_for_its_own

echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
