#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Disturbs short runs with a made-up model (processes killed, disks full, shuffles lost …), lets them go on, and
# compares their tables with those of quiet runs. Exit 1 if a row is lost, doubled or different, or a run ends otherwise
# than it should.
#   TRIALS   how many; kinds of fault come as often as each other (20)
#   SEED     of the draws (by the clock)
#   KIND     one kind only, for example started-twice
set -uo pipefail
cd "$(dirname "$0")/.."
options=("-Dwinnow.trials=${TRIALS:-20}" ${SEED:+"-Dwinnow.seed=$SEED"} ${KIND:+"-Dwinnow.fault=$KIND"})
mvn -q -B -ntp -pl tests -am verify -Dtest=FaultTrialsTest -Dsurefire.failIfNoSpecifiedTests=false -Djacoco.skip \
  "${options[@]}" && echo "nothing lost, nothing twice, nothing different"
