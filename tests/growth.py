# SPDX-License-Identifier: Apache-2.0
"""How the engine's cost grows: tokens a second, where a step's time goes, and memory, by sequences and context.

Each sequence has a prompt of its own, without a chat template, so that nothing is shared. A point is one engine with two
rounds of the same prompts: the first computes them, the second finds them computed, so that all sequences decode together
from its first steps on. Figures come from the engine's step trace: decoding is the median step in which every sequence
draws a token and no prompt is computed, prefill all steps of the first round that draw nothing or only a prompt's first
token, but for the first two, which are cold (where there are no more than four, nothing is said). Points whose contexts together exceed --positions are left out. Needs Python alone.
"""
import argparse
import glob
import json
import math
import os
import random
import statistics
import subprocess
import tempfile

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COLOURS = ["#1b6ca8", "#d1495b", "#2e8b57", "#8a5cc2", "#e08e0b"]
WORDS = ("river stone above morning seven window copper gentle village answer market silver winter corner garden travel "
         "number letter simple measure shadow engine forest island harbor basket candle ladder mirror needle").split()


class Bench:
    """`winnow bench` on some prompts, one round a turn."""

    def __init__(self, model, folder, prompts, options):
        self.folder, self.lines = folder, []
        files = {name: os.path.join(folder, name) for name in ("prompts.jsonl", "tokens.jsonl", "bare.jinja")}
        with open(files["prompts.jsonl"], "w") as out:
            out.writelines(json.dumps({"question": text}) + "\n" for text in prompts)
        with open(files["bare.jinja"], "w") as out:
            out.write("{{ messages[0].content }}")
        self.log = open(os.path.join(folder, "log"), "w+")
        self.process = subprocess.Popen(
            [os.path.join(HOME, "winnow"), "bench", "--turns", "true", "--engine-only", "true", "--model", model,
             "--prompts", files["prompts.jsonl"], "--prompt-tokens", files["tokens.jsonl"], "--chat-template",
             files["bare.jinja"], "--samples", "1", "--ignore-eos", "true", "--temperature", "0.6", "--top-p", "0.95",
             "--speculation", "off", "--step-trace", os.path.join(folder, "steps"), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, cwd=folder)
        self.answer()
        with open(files["tokens.jsonl"]) as tokens:
            self.prompt_tokens = [len(json.loads(line)) for line in tokens]

    def answer(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        self.log.seek(0)
        raise SystemExit(f"winnow bench ended with {self.process.wait()}: {self.log.read()[-1000:]}")

    def round(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self):
        """Ends it; its steps and the largest resident memory in MiB."""
        with open(f"/proc/{self.process.pid}/status") as status:
            resident = next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))
        self.process.stdin.close()
        self.process.wait()
        self.log.close()
        steps = []
        for file in glob.glob(os.path.join(self.folder, "steps", "*.json")):
            with open(file) as trace:
                steps += [event["args"] for event in json.load(trace) if event["name"] == "step"]
        return sorted(steps, key=lambda step: step["step"]), resident


def prose(rng, words):
    return " ".join(rng.choice(WORDS) for _ in range(words))


def measure(model, sequences, context, words, new, options):
    """One point as a dict: what its columns hold."""
    with tempfile.TemporaryDirectory() as folder:
        rng = random.Random(sequences * 1_000_003 + words)
        bench = Bench(model, folder, [prose(rng, words) for _ in range(sequences)], [
            "--max-tokens", str(new), "--max-sequences", str(sequences), "--prefix-cache", "on",
            "--kv-cache-tokens", str(sequences * (context + context // 8 + 256)), *options])
        for _ in range(2):
            answer = bench.round()
            if answer["tokens"] != sequences * new:
                raise SystemExit(
                    f"{answer['tokens']} of {sequences * new} tokens were made: does the model take contexts of "
                    f"{max(bench.prompt_tokens)} and {new} tokens more?")
        steps, resident = bench.close()
    first, made = 0, 0
    while made < sequences * new:
        made += steps[first]["tokens"]
        first += 1
    prefill = [step for step in steps[:first] if step["rows"] == step["prefill_rows"]][2:]
    decode = [step for step in steps if step["prefill_rows"] == 0 and step["draws"] == sequences]
    if len(decode) < new // 8:
        raise SystemExit(f"{sequences} sequences of {words} words decoded together in {len(decode)} steps only: did their pages "
                         "not stay from the first round to the second?")
    middle = sorted(decode, key=lambda step: step["nanos"])[len(decode) // 2]
    products, attention = (middle["op_nanos"].get(name, 0) / middle["nanos"] for name in ("products", "attention"))
    return {
        "context": statistics.mean(bench.prompt_tokens) + new / 2,
        "decoded": sequences * 1e9 / middle["nanos"],
        "milliseconds": middle["nanos"] / 1e6,
        "products": products,
        "attention": attention,
        "rest": 1 - products - attention,
        "prefilled": f"{sum(step['rows'] for step in prefill) * 1e9 / sum(step['nanos'] for step in prefill):,.0f}"
                     if len(prefill) > 2 else "",
        "resident": resident,
    }


def tokens_a_word(model, options):
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(model, folder, [prose(random.Random(1), 1000)], ["--max-tokens", "1", *options])
        bench.close()
        return bench.prompt_tokens[0] / 1000


def plot(points, path, title):
    """points: context -> [(sequences, tokens a second)]; both axes are logarithmic."""
    width, height, left, top, right, bottom = 760, 440, 70, 40, 130, 50
    all_x = [x for series in points.values() for x, _ in series]
    all_y = [y for series in points.values() for _, y in series]
    low_x, high_x = math.log2(min(all_x)), math.log2(max(all_x))
    low_y, high_y = math.floor(math.log10(min(all_y))), math.ceil(math.log10(max(all_y)))

    def at(x, y):
        return (left + (width - left - right) * (math.log2(x) - low_x) / max(1, high_x - low_x),
                height - bottom - (height - top - bottom) * (math.log10(y) - low_y) / max(1, high_y - low_y))

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
           f'<rect width="{width}" height="{height}" fill="white"/>',
           f'<text x="{left}" y="22" font-size="15">{title}</text>']
    for power in range(low_y, high_y + 1):
        for step in (1, 2, 5) if power < high_y else (1,):
            y = at(2 ** low_x, step * 10 ** power)[1]
            out.append(f'<line x1="{left}" y1="{y:.1f}" x2="{width - right}" y2="{y:.1f}" stroke="#ddd"/>'
                       f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{step * 10 ** power:,.0f}</text>')
    for power in range(int(low_x), int(high_x) + 1):
        x = at(2 ** power, 10 ** low_y)[0]
        out.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{height - bottom}" stroke="#eee"/>'
                   f'<text x="{x:.1f}" y="{height - bottom + 18}" text-anchor="middle">{2 ** power}</text>')
    out.append(f'<text x="{(left + width - right) / 2}" y="{height - 10}" text-anchor="middle">sequences decoded together</text>')
    for i, (context, series) in enumerate(sorted(points.items())):
        colour = COLOURS[i % len(COLOURS)]
        line = " ".join("%.1f,%.1f" % at(x, y) for x, y in series)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += ['<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>' % (*at(x, y), colour) for x, y in series]
        x, y = at(*series[-1])
        out.append(f'<text x="{x + 8:.1f}" y="{y + 4:.1f}" fill="{colour}">context {context:,}</text>')
    out.append("</svg>")
    with open(path, "w") as file:
        file.write("\n".join(out) + "\n")


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("--model", required=True)
    args.add_argument("--sequences", default="1,2,4,8,16,32,64,128,256")
    args.add_argument("--contexts", default="128,512,2048,8000", help="with the new tokens")
    args.add_argument("--new", type=int, default=32)
    args.add_argument("--positions", type=int, default=600_000)
    args.add_argument("--plot", help="an SVG file to write")
    args.add_argument("options", nargs="*", help="further options for winnow, behind --")
    args = args.parse_args()
    points = {}
    model = os.path.abspath(args.model)
    ratio = tokens_a_word(model, args.options)
    print("| context | sequences | decoded tokens/s | ms a step | products, attention, rest | prefilled tokens/s | resident MiB |\n"
          "|---|---|---|---|---|---|---|", flush=True)
    for context in map(int, args.contexts.split(",")):
        for sequences in map(int, args.sequences.split(",")):
            if sequences * context > args.positions:
                continue
            point = measure(model, sequences, context, int((context - args.new) / ratio), args.new, args.options)
            points.setdefault(context, []).append((sequences, point["decoded"]))
            shares = ", ".join(f"{100 * point[name]:.0f}" for name in ("products", "attention", "rest"))
            print(f"| {point['context']:,.0f} | {sequences} | {point['decoded']:,.0f} | {point['milliseconds']:,.1f} | {shares} % "
                  f"| {point['prefilled']} | {point['resident']:,} |", flush=True)
    if args.plot:
        plot(points, args.plot, f"{os.path.basename(args.model)}: decoded tokens a second")


main()
