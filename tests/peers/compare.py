# SPDX-License-Identifier: Apache-2.0
"""Winnow beside llama.cpp's server and OpenVINO GenAI, on the same model file, prompts and lengths.

Each side runs in a process of its own that is loaded once a workload; rounds go in turn, and medians are printed. With
--apart only one side is loaded at a time and has all its rounds, for models of which memory holds no two. Only decoding is
timed: no side's loading or tokenizing. No side keeps prompts from round to round. Before the rounds each side has
a warm-up, and a peer that has several good settings is tried with each of them on a part of the work; its best goes on.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
HOME = os.path.dirname(os.path.dirname(HERE))

# name: prompts, samples, new tokens, tokens of a prompt (0: as they are), what is counted; any other name is
# prompts x samples x new tokens, such as 32x8x128
PREFILLS = {
    "prefill-128": (64, 1, 1, 128, "prompt"),
    "prefill-4096": (4, 1, 1, 4096, "prompt"),
}
TRIAL = 128  # most new tokens by which a peer's settings are tried
DEFAULT = ["32x8x128", "256x1x128", "1x1x256", "prefill-128", "prefill-4096"]


class Side:
    """A process that measures when it is told to."""

    def __init__(self, name, command, log, isa=None):
        self.name = name
        limits = {"WINNOW_ISA": isa.lower(), "ONEDNN_MAX_CPU_ISA": isa.upper()} if isa else {}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=HOME, env={**os.environ, **limits})
        self.ready = self.answer()

    def answer(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"{self.name} ended with {self.process.wait()}; its output is in the folder of logs")

    def round(self, new=0):
        """A peer generates `new` tokens, or as many as it was told at its start."""
        self.process.stdin.write(f"{new}\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def different(questions, count):
    """So many prompts, no two alike."""
    return [questions[i] if i < len(questions) else f"{questions[i % len(questions)]} ({i // len(questions) + 1})"
            for i in range(count)]


def long_prompts(questions, count, tokens):
    """Prompts of about so many tokens, no two alike, made of questions one behind the other."""
    texts, at = [], 0
    for _ in range(count):
        text = ""
        # About 4 characters a token: lengths need not be exact, but the same for all sides.
        while len(text) < 4 * tokens:
            text += questions[at % len(questions)] + "\n\n"
            at += 1
        texts.append(text[:4 * tokens])
    return texts


def prompt_tokens(path):
    return sum(len(json.loads(line)) for line in open(path))


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("--model", required=True, help="a GGUF file")
    args.add_argument("--prompts", required=True, help="JSON lines with a column question")
    args.add_argument("--workloads", default=",".join(DEFAULT), help="prompts x samples x new tokens, or a prefill-*")
    args.add_argument("--sides", default="winnow,llama.cpp,openvino")
    args.add_argument("--rounds", type=int, default=5)
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("--winnow", default="", help="further options for winnow, such as --kv-cache-type bf16")
    args.add_argument("--isa", help="avx2: what Winnow and oneDNN may use at most; xllamacpp has AVX2 at most anyway")
    args.add_argument("--seconds", type=float, default=400,
                      help="a side that has run so long in a workload has no more rounds of it")
    args.add_argument("--apart", action="store_true", help="one side after the other, for models that fill the memory")
    args.add_argument("--logs", default=None)
    args = args.parse_args()

    logs = args.logs or tempfile.mkdtemp(prefix="winnow-peers-")
    os.makedirs(logs, exist_ok=True)
    questions = [json.loads(line)["question"] for line in open(args.prompts)]
    print(f"{os.path.basename(args.model)}, {args.threads} threads, {processor()}, {time.strftime('%Y-%m-%d')}; logs: {logs}")
    print()
    print("| workload | side | tokens/s, median | least, most | Winnow is |")
    print("|---|---|---|---|---|", flush=True)
    for workload in args.workloads.split(","):
        compare(args, workload, questions, logs)


def processor():
    flags, name = "", platform.processor()
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
        if line.startswith("flags"):
            flags = line
            break
    sets = [s for s in ("avx2", "avx512_vnni", "amx_int8") if f" {s}" in flags]
    return f"{name} ({', '.join(sets)})"


def compare(args, workload, questions, logs):
    count, samples, new, length, counted = PREFILLS.get(workload) or (*map(int, workload.split("x")), 0, "new")
    texts = long_prompts(questions, count, length) if length else different(questions, count)
    prompts, tokens = os.path.join(logs, workload + ".jsonl"), os.path.join(logs, workload + "-tokens.jsonl")
    with open(prompts, "w") as out:
        for text in texts:
            out.write(json.dumps({"question": text}) + "\n")

    def start(name, settings):
        log = open(os.path.join(logs, f"{workload}-{name}.log"), "w")
        common = ["--model", args.model, "--samples", str(samples), "--max-tokens", str(new), "--threads", str(args.threads)]
        if name == "winnow":
            command = [
                os.path.join(HOME, "winnow"), "bench", "--turns", "true", "--engine-only", "true", "--prompts", prompts,
                "--prompt-tokens", tokens, "--ignore-eos", "true", "--temperature", "0.6", "--top-p", "0.95",
                "--max-sequences", "256", "--prefix-cache", "off", *common, *args.winnow.split(), *settings]
        else:
            program = {"llama.cpp": "llamacpp_side.py", "openvino": "openvino_side.py"}[name]
            command = [sys.executable, os.path.join(HERE, program), "--prompts", tokens, *common, *settings]
            if name == "openvino" and new >= 1024:
                command += ["--cache-gib", "8"]
        return Side(name, command, log, args.isa)

    # Winnow first: it writes the tokens that the others read.
    candidates = {
        "winnow": [[]],
        "llama.cpp": [["--sequences", "64"], ["--sequences", "64", "--flash-attention", "on"]],
        "openvino": [["--precision", "f32"], ["--precision", "bf16"]],
    }
    if args.isa:
        # Held to AVX2 its products of quantized inputs cannot be made.
        candidates["openvino"] = [["--precision", "f32", "--group-size", "0"]]
    names = ["winnow"] + [name for name in args.sides.split(",") if name != "winnow"]
    best_settings, rates, spent = {}, {name: [] for name in names}, dict.fromkeys(names, 0)

    def warmed(name, settings):
        side = start(name, settings)
        warm = side.round(0 if len(candidates[name]) == 1 else min(TRIAL, (new + 3) // 4))
        return side, warm["tokens"] / warm["seconds"]

    def best(name):
        """The side at its best settings, warm."""
        best_settings[name] = candidates[name][0]
        if len(candidates[name]) > 1:
            found = 0
            for settings in candidates[name]:
                side, rate = warmed(name, settings)
                side.close()
                if rate > found:
                    found, best_settings[name] = rate, settings
        return warmed(name, best_settings[name])[0]

    def measure(name, side):
        if spent[name] > args.seconds:
            return
        result = side.round()
        done = prompt_tokens(tokens) if counted == "prompt" else result["tokens"]
        if counted == "new" and result["tokens"] != count * samples * new:
            raise RuntimeError(f"{name} made {result['tokens']} tokens of {count * samples * new}")
        rates[name].append(done / result["seconds"])
        spent[name] += result["seconds"]

    if args.apart:
        for name in names:
            side = best(name)
            for _ in range(args.rounds):
                measure(name, side)
            side.close()
    else:
        sides = {name: best(name) for name in names}
        for _ in range(args.rounds):
            for name in names:
                measure(name, sides[name])
        for side in sides.values():
            side.close()
    own = statistics.median(rates["winnow"])
    for name in names:
        middle = statistics.median(rates[name])
        with_settings = f"{name} {' '.join(best_settings[name])}".strip()
        ratio = "" if name == "winnow" else f"{own / middle:.2f} ×"
        print(f"| {workload} | {with_settings} | {middle:,.0f} | {min(rates[name]):,.0f}, {max(rates[name]):,.0f} "
              f"({len(rates[name])}) | {ratio} |", flush=True)


main()
