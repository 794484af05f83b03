#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the NVIDIA GPUs of this host as Spark wants them, by index. It must be executable and lie at one path on all
# hosts; Spark runs it on each worker (standalone) or in each executor (YARN, Kubernetes). WINNOW_FAKE_GPUS="0 1" stands
# for GPUs that are not there, for tests.
if [ -n "${WINNOW_FAKE_GPUS:-}" ]; then
  indexes=$WINNOW_FAKE_GPUS
else
  indexes=$(nvidia-smi --query-gpu=index --format=csv,noheader) || exit 1
fi
list=
for index in $indexes; do
  case $index in *[!0-9]*) continue ;; esac # its warnings come on the same way
  list="$list${list:+, }\"$index\""
done
echo "{\"name\": \"gpu\", \"addresses\": [$list]}"
