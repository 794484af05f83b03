# SPDX-License-Identifier: Apache-2.0
"""The mathematics verifier beside math-verify: the same golds and replies, rounds in turn, medians.

Both sides are warm (Winnow has five seconds a set first, math-verify one pass), run on one thread and are measured in
CPU seconds, which other work on the machine disturbs least; latencies are wall clock, the median of each item over the
rounds.
"""
import argparse
import json
import logging
import pathlib
import platform
import statistics
import subprocess
import time

from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify
from latex2sympy2_extended import NormalizationConfig

# Sources of a set, and how math-verify reads its replies: without LaTeX its defaults, else as Open-R1's reward does.
SETS = {
    "plain": (("gsm",), "default"),
    "boxed": (("gsmb",), "open-r1"),
    "math": (("qwen", "m500s"), "open-r1"),
    "symbolic": (("sym", "cm", "ob", "gk", "carp", "m500f", "m500m"), "open-r1"),
}
GOALS = {"plain": 50, "boxed": 100, "math": 100, "symbolic": 100}


def source(case):
    name = case.split("-")[0]
    return name if name.startswith("m500") else name.rstrip("0123456789")


def load(oracle, items):
    """The sets as lists of (gold, answer), every n-th case where there are more than items."""
    cases = {name: {} for name in SETS}
    for path in sorted(pathlib.Path(oracle, "math").glob("*.jsonl")):
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                for name, (sources, config) in SETS.items():
                    if record["config"] == config and source(record["case"]) in sources and record["gold"] is not None:
                        cases[name][record["case"]] = (record["gold"], record["answer"])
    return {name: list(found.values())[:: max(1, -(-len(found) // items))] for name, found in cases.items()}


def open_r1(gold, answer):
    golds = parse(gold, extraction_mode="first_match")
    answers = parse(
        answer,
        extraction_config=[LatexExtractionConfig(
            boxed_match_priority=0,
            try_extract_without_anchor=False,
            normalization_config=NormalizationConfig(
                basic_latex=True, units=True, malformed_operators=False, nits=False, boxed="all", equations=True))],
        extraction_mode="first_match")
    return verify(golds, answers)


def default(gold, answer):
    config = [LatexExtractionConfig(), ExprExtractionConfig()]
    return verify(parse(gold, config), parse(answer, config))


def pass_of(pairs, judge):
    """CPU seconds of one pass, and nanoseconds of each item."""
    nanos = []
    start = time.process_time()
    for gold, answer in pairs:
        began = time.perf_counter_ns()
        judge(gold, answer)
        nanos.append(time.perf_counter_ns() - began)
    return time.process_time() - start, nanos


class Winnow:
    """A JVM that measures when it is told to."""

    def __init__(self, class_path):
        here = pathlib.Path(__file__).parent
        self.process = subprocess.Popen(
            ["java", "-cp", class_path, str(here / "VerifyBench.java")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)

    def ask(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("bench-verify: Winnow's side ended; what it said stands above.")
        return json.loads(line)

    def load(self, pairs):
        self.ask({"load": [list(pair) for pair in pairs], "warm": 5.0})

    def run(self):
        answer = self.ask({"run": 1})
        return answer["cpu"], answer["nanos"]


def percentiles(rounds):
    """p50, p99 and the largest of the items' medians, in microseconds."""
    items = sorted(statistics.median(nanos) for nanos in zip(*rounds))
    return [items[len(items) // 2] / 1e3, items[min(len(items) - 1, len(items) * 99 // 100)] / 1e3, items[-1] / 1e3]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--oracle", required=True)
    parser.add_argument("--class-path", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--items", type=int, default=400)
    parser.add_argument("--sets", default=",".join(SETS))
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    winnow = Winnow(args.class_path)
    print(f"{platform.machine()}, Python {platform.python_version()}, {args.rounds} rounds in turn, medians; a second is a CPU second")
    print("| set (replies) | Winnow a second | p50 / p99 / max µs | math-verify a second | p50 / p99 / max µs | ratio | goal |")
    print("|---|---|---|---|---|---|---|")
    sets = load(args.oracle, args.items)
    for name in args.sets.split(","):
        pairs = sets[name]
        judge = default if SETS[name][1] == "default" else open_r1
        winnow.load(pairs)
        pass_of(pairs[:50], judge)
        ours, theirs = [], []
        for _ in range(args.rounds):
            ours.append(winnow.run())
            theirs.append(pass_of(pairs, judge))
        rate = len(pairs) / statistics.median(cpu for cpu, _ in ours)
        peer = len(pairs) / statistics.median(cpu for cpu, _ in theirs)
        a, b = percentiles([nanos for _, nanos in ours]), percentiles([nanos for _, nanos in theirs])
        print(f"| {name} ({len(pairs)}) | {rate:,.0f} | {a[0]:,.1f} / {a[1]:,.0f} / {a[2]:,.0f} | {peer:,.0f} "
              f"| {b[0]:,.0f} / {b[1]:,.0f} / {b[2]:,.0f} | {rate / peer:,.0f} | {GOALS[name]} |", flush=True)


if __name__ == "__main__":
    main()
