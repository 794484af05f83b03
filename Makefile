# SPDX-License-Identifier: Apache-2.0
# The verbs of the project; `make help` lists them.
SHELL := /bin/bash
FIXTURES ?=
MVN := mvn -B -ntp

.PHONY: help build check test conformance same-bytes native-check bench bench-peers bench-verify bench-endpoint \
  bench-decontaminate export-check export-scale rapids mutation natives-arm64 faults soak scale first-run spark-submit \
  sidecar clean

help: ## Lists the verbs.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

build: ## Builds winnow.jar and what it needs to run without a Spark distribution.
	$(MVN) -q -DskipTests package

check: ## Everything that CI runs: build and all tests.
	.ci/run

test: ## Unit tests of one class: make test T=SchedulerTest
	$(MVN) -q verify -Dtest='$(T)' -Dsurefire.failIfNoSpecifiedTests=false

conformance: build ## Every model, tokenizer and template reference under FIXTURES=DIR, a line each.
	@tests/conformance.sh "$(FIXTURES)"

same-bytes: ## One model's 200 requests in every way, on every instruction set and weight format: MODEL=FILE.gguf
	@[[ -e "$(MODEL)" ]] || { echo "usage: make same-bytes MODEL=FILE.gguf (or a Hugging Face folder)" >&2; exit 2; }
	$(MVN) -q -pl inference-udf -am verify -Dtest=SameBytesModelTest -Dsurefire.failIfNoSpecifiedTests=false \
	  -Dwinnow.sameBytesModel="$(realpath $(MODEL))"

native-check: ## The native kernels under the address, undefined and thread sanitizers: make native-check COUNT=150 SEED=7c1f
	@COUNT="$(COUNT)" SEED="$(SEED)" tests/native-sanitizers.sh

bench: build ## The native kernels beside the machine's limits; tokens a second of the engine, alone and inside Spark.
	@tests/bench.sh

bench-peers: ## Beside llama.cpp and OpenVINO GenAI on one file: make bench-peers MODEL=FILE.gguf [PROMPTS=FILE.jsonl]
	@MODEL="$(MODEL)" PROMPTS="$(PROMPTS)" WORKLOADS="$(WORKLOADS)" ROUNDS="$(ROUNDS)" WINNOW="$(WINNOW)" tests/bench-peers.sh

bench-endpoint: ## A server under Winnow beside a bare load generator: make bench-endpoint MODEL=FILE.gguf [CONCURRENCY=8]
	@MODEL="$(MODEL)" URL="$(URL)" ROUNDS="$(ROUNDS)" PROMPTS="$(PROMPTS)" SAMPLES="$(SAMPLES)" MAX_TOKENS="$(MAX_TOKENS)" \
	  CONCURRENCY="$(CONCURRENCY)" THREADS="$(THREADS)" VENV="$(VENV)" tests/bench-endpoint.sh

bench-verify: ## The mathematics verifier beside pip's math-verify: make bench-verify ORACLE=DIR [ROUNDS=5] [ITEMS=400]
	@ORACLE="$(ORACLE)" ROUNDS="$(ROUNDS)" ITEMS="$(ITEMS)" SETS="$(SETS)" VENV="$(VENV)" tests/bench-verify.sh

export-check: build ## What export writes, read by datasets and TRL (installed from PyPI, no PyTorch): make export-check [VENV=DIR]
	@VENV="$(VENV)" OUT="$(OUT)" tests/export-check.sh
bench-decontaminate: build ## Decontamination beside datatrove's: make bench-decontaminate [SIZES="10000 100000 1000000"]
	@SIZES="$(SIZES)" VENV="$(VENV)" tests/bench-decontaminate.sh

rapids: ## Which share of each job's operators RAPIDS would run on a GPU; fetches its jar (576 MB), needs no GPU.
	$(MVN) -q -Prapids -pl tests -am verify -Dtest=RapidsShareTest -Dsurefire.failIfNoSpecifiedTests=false

export-scale: build ## A million traces exported in one JVM of 1 GiB: make export-scale [ROWS=1000000]
	@ROWS="$(ROWS)" OUT="$(OUT)" tests/export-scale.sh

mutation: ## How many changes of verifiers and rewards a test notices (an hour): make mutation [CLASSES=io.winnow.jobs.verify.math.*]
	$(MVN) -q -Pmutation -pl spark-jobs -am test-compile $(if $(CLASSES),-Dmutation.classes='$(CLASSES)')
	@awk -F, '{ all++; if ($$6 == "KILLED" || $$6 == "TIMED_OUT") killed++ } END { printf "mutation: %d of %d killed (%.1f %%)\n", \
	  killed, all, 100 * killed / all }' spark-jobs/target/pit-reports/mutations.csv

natives-arm64: ## The NEON kernels under qemu-user: the hashes of all operations must be those of this machine.
	@kernels/src/test/native/arm64.sh kernels/target/arm64 $(if $(SEED),$(SEED),1 2 3)

faults: ## Runs that are disturbed in every way against quiet ones: make faults TRIALS=20 SEED=1 [KIND=disk-full]
	@TRIALS="$(TRIALS)" SEED="$(SEED)" KIND="$(KIND)" tests/faults.sh

soak: ## A job that is killed every 20 s, for MINUTES=30.
	@MINUTES="$(MINUTES)" KILL_SECONDS="$(KILL_SECONDS)" SEED="$(SEED)" tests/soak.sh

scale: build ## A million short prompts in one JVM of 1 GiB: make scale PROMPTS=1000000
	@PROMPTS="$(PROMPTS)" tests/scale.sh

first-run: ## What a newcomer does: a fresh clone and the README's first command.
	tests/first-run.sh

spark-submit: build ## The job on a real Spark distribution: local mode and a standalone master with two workers.
	tests/spark-submit.sh

sidecar: build ## Servers beside executors on a standalone master, with kills: make sidecar MODEL=FILE.gguf
	@MODEL="$(MODEL)" tests/sidecar.sh

clean: ## Removes what was built.
	$(MVN) -q clean
