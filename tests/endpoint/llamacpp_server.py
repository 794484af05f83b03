# SPDX-License-Identifier: Apache-2.0
"""llama.cpp's server, from pip's xllamacpp, on a port of the loopback.

Prints a JSON line {"url": "http://127.0.0.1:PORT/v1"} when it is ready, and ends when its standard input does.
"""

import argparse
import json
import os
import sys

import xllamacpp

args = argparse.ArgumentParser()
args.add_argument("--model", required=True, help="a GGUF file")
args.add_argument("--context", type=int, default=512, help="tokens of a request, prompt and answer")
args.add_argument("--slots", type=int, default=8, help="requests that are computed together")
args.add_argument("--threads", type=int, default=2)
args = args.parse_args()

params = xllamacpp.CommonParams()
params.model.path = args.model
params.n_parallel = args.slots
params.n_ctx = args.context * args.slots
params.cpuparams.n_threads = args.threads
params.cpuparams_batch.n_threads = args.threads
params.kv_unified = False
params.cache_ram_mib = 0
params.port = 0
params.warmup = True
params.use_jinja = True
# The server prints to standard output; the address goes where that was.
results = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
server = xllamacpp.Server(params)
print(json.dumps({"url": server.listening_address.rstrip("/") + "/v1"}), file=results, flush=True)
sys.stdin.read()
os._exit(0)
