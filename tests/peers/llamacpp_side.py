# SPDX-License-Identifier: Apache-2.0
"""llama.cpp's server as a side of tests/peers/compare.py.

Prints a JSON line when it is ready, and one after each round; a round begins with a line on standard input,
the number of new tokens, or 0 for --max-tokens. As many requests are open as the server has slots.
"""
import argparse
import concurrent.futures
import http.client
import json
import os
import sys
import time

import xllamacpp


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--model", required=True)
    args.add_argument("--prompts", required=True, help="a JSON array of token ids a line")
    args.add_argument("--samples", type=int, default=1)
    args.add_argument("--max-tokens", type=int, required=True)
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("--sequences", type=int, default=64, help="slots of the server")
    args.add_argument("--flash-attention", choices=["on", "off"], default="off")
    args = args.parse_args()

    prompts = [json.loads(line) for line in open(args.prompts)]
    longest = max(map(len, prompts)) + args.max_tokens + 8
    params = xllamacpp.CommonParams()
    params.model.path = args.model
    params.n_parallel = min(args.sequences, len(prompts) * args.samples)
    params.n_ctx = (longest + 255) // 256 * 256 * params.n_parallel
    params.n_batch = 2048
    params.n_ubatch = 512
    params.cpuparams.n_threads = args.threads
    params.cpuparams_batch.n_threads = args.threads
    params.n_threads_http = 4
    params.kv_unified = False
    params.cache_ram_mib = 0
    params.flash_attn_type = getattr(
        xllamacpp.llama_flash_attn_type,
        "LLAMA_FLASH_ATTN_TYPE_" + ("ENABLED" if args.flash_attention == "on" else "DISABLED"))
    params.port = 0
    params.warmup = True
    # The server prints to standard output; results go where it was.
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    server = xllamacpp.Server(params)
    address = server.listening_address.split("//")[-1]
    print(json.dumps({"ready": True, "version": xllamacpp.__version__}), file=results, flush=True)

    def complete(prompt, seed, new):
        connection = http.client.HTTPConnection(address, timeout=3600)
        body = {
            "prompt": prompt,
            "n_predict": new,
            "ignore_eos": True,
            "temperature": 0.6,
            "top_p": 0.95,
            "top_k": 0,
            "min_p": 0,
            "samplers": ["temperature", "top_p"],
            "n_cmpl": args.samples,
            "seed": seed,
            "cache_prompt": False,
            "return_tokens": False,
            "stream": False,
        }
        connection.request("POST", "/completion", json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {text[:300]}")
        answer = json.loads(text)
        parts = answer if isinstance(answer, list) else [answer]
        return sum(part["tokens_predicted"] for part in parts)

    seed = 0
    for line in sys.stdin:
        seed += 1
        new = int(line) or args.max_tokens
        start = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(max(1, params.n_parallel // args.samples)) as pool:
            tokens = sum(pool.map(lambda prompt: complete(prompt, seed, new), prompts))
        print(json.dumps({"tokens": tokens, "seconds": time.perf_counter() - start}), file=results, flush=True)
    os._exit(0)


main()
