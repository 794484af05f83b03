# SPDX-License-Identifier: Apache-2.0
"""OpenVINO GenAI's continuous batching as a side of tests/peers/compare.py.

Prints a JSON line when it is ready, and one after each round; a round begins with a line on standard input,
the number of new tokens, or 0 for --max-tokens.
"""
import argparse
import json
import sys
import time

import numpy
import openvino
import openvino_genai


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--model", required=True)
    args.add_argument("--prompts", required=True, help="a JSON array of token ids a line")
    args.add_argument("--samples", type=int, default=1)
    args.add_argument("--max-tokens", type=int, required=True)
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("--precision", default="f32")
    args.add_argument("--sequences", type=int, default=256)
    args.add_argument("--cache-gib", type=int, default=4)
    args.add_argument("--group-size", type=int, help="of dynamic quantization; its own default where it is left out")
    args = args.parse_args()

    prompts = [json.loads(line) for line in open(args.prompts)]
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.max_num_seqs = args.sequences
    scheduler.cache_size = args.cache_gib
    scheduler.max_num_batched_tokens = 2048
    scheduler.enable_prefix_caching = False
    properties = {"INFERENCE_PRECISION_HINT": args.precision, "INFERENCE_NUM_THREADS": args.threads}
    if args.group_size is not None:
        properties["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = args.group_size
    pipeline = openvino_genai.ContinuousBatchingPipeline(args.model, scheduler, "CPU", properties)
    print(json.dumps({"ready": True, "version": openvino_genai.__version__}), flush=True)

    seed = 0
    for line in sys.stdin:
        seed += 1
        new = int(line) or args.max_tokens
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens = new
        config.ignore_eos = True
        config.do_sample = True
        config.temperature = 0.6
        config.top_p = 0.95
        config.top_k = 2**31
        config.num_return_sequences = args.samples
        config.rng_seed = seed
        config.apply_chat_template = False
        tensors = [openvino.Tensor(numpy.array([prompt], dtype=numpy.int64)) for prompt in prompts]
        start = time.perf_counter()
        results = pipeline.generate(tensors, [config] * len(prompts))
        seconds = time.perf_counter() - start
        tokens = sum(len(ids) for result in results for ids in result.m_generation_ids)
        print(json.dumps({"tokens": tokens, "seconds": seconds}), flush=True)


main()
