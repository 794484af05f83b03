# SPDX-License-Identifier: Apache-2.0
"""llama.cpp's server out of pip's xllamacpp, started with the words of llama-server that Winnow's template uses.

    python3 tests/peers/llamacpp_server.py --model m.gguf --alias m --host 127.0.0.1 --port 8080 --threads 2

The key comes from LLAMA_API_KEY. Prints a JSON line {"url": "http://127.0.0.1:PORT/v1"} when it is ready; all else goes to
standard error. Runs until it is signalled, or with --until-stdin-ends until then.
"""
import argparse
import json
import os
import signal
import sys
import threading

import xllamacpp


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--model", required=True, help="a GGUF file")
    args.add_argument("--alias", default="model")
    args.add_argument("--host", default="127.0.0.1")
    args.add_argument("--port", type=int, default=0, help="0 for a free one")
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("--n-gpu-layers", type=int, default=0)
    args.add_argument("--ctx-size", type=int, default=8192, help="of all slots together")
    args.add_argument("--parallel", type=int, default=8, help="slots: requests that are computed together")
    args.add_argument("--until-stdin-ends", action="store_true")
    args = args.parse_args()

    params = xllamacpp.CommonParams()
    params.model.path = args.model
    params.model_alias = {args.alias} if isinstance(params.model_alias, set) else args.alias
    params.port = args.port
    params.n_parallel = args.parallel
    params.n_ctx = args.ctx_size
    params.n_gpu_layers = args.n_gpu_layers
    params.cpuparams.n_threads = args.threads
    params.cpuparams_batch.n_threads = args.threads
    params.kv_unified = False
    params.cache_ram_mib = 0
    params.warmup = True
    params.use_jinja = True
    if os.environ.get("LLAMA_API_KEY"):
        params.api_keys = [os.environ["LLAMA_API_KEY"]]
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    # The server prints to standard output; the address alone goes where that was.
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print("loading", args.model, "for GPUs", os.environ.get("CUDA_VISIBLE_DEVICES", "none"), file=sys.stderr, flush=True)
    server = xllamacpp.Server(params)
    print(json.dumps({"url": server.listening_address.rstrip("/") + "/v1"}), file=results, flush=True)
    if args.until_stdin_ends:
        sys.stdin.read()
    else:
        ended.wait()
    os._exit(0)


main()
