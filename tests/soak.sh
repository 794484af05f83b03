#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One big job with the shipped model, killed every 20 s and started again until the time is over, then left to finish.
#   MINUTES        how long (30)
#   KILL_SECONDS   how long each process lives (20); 0 kills none, to see what memory does
#   SEED           of the draws
set -uo pipefail
cd "$(dirname "$0")/.."
mvn -q -B -ntp -pl tests -am verify -Dtest=SoakTest -Dsurefire.failIfNoSpecifiedTests=false -Djacoco.skip \
  "-Dwinnow.soak.minutes=${MINUTES:-30}" "-Dwinnow.soak.kill=${KILL_SECONDS:-20}" ${SEED:+"-Dwinnow.seed=$SEED"}
