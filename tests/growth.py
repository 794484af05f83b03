# SPDX-License-Identifier: Apache-2.0
"""How the engine's cost grows: decoded tokens a second and memory by sequences and context, as a table and a plot.

Each sequence has a prompt of its own. A point is measured twice, with one new token and with more: the difference is
decoding alone, the first prefill. Points whose contexts together exceed --positions are left out. Needs Python alone.
"""
import argparse
import json
import math
import os
import subprocess
import tempfile

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COLOURS = ["#1b6ca8", "#d1495b", "#2e8b57", "#8a5cc2", "#e08e0b"]


def measure(model, folder, sequences, context, new, options):
    """Decoded tokens a second, prefilled tokens a second, and the largest resident memory in MiB."""
    prompts, tokens = os.path.join(folder, "prompts.jsonl"), os.path.join(folder, "tokens.jsonl")
    with open(prompts, "w") as out:
        for i in range(sequences):
            words = [f"{(i * 7919 + j * 104729) % 9973}" for j in range(context)]
            text = ""
            while len(text) < 1.6 * (context - new - 40) and words:
                text += words.pop() + " "
            out.write(json.dumps({"question": text}) + "\n")
    seconds = {}
    resident = 0
    for count in (1, new + 1):
        command = [
            os.path.join(HOME, "winnow"), "bench", "--turns", "true", "--engine-only", "true", "--model", model, "--prompts",
            prompts, "--prompt-tokens", tokens, "--samples", "1", "--max-tokens", str(count), "--ignore-eos", "true",
            "--temperature", "0.6", "--top-p", "0.95", "--max-sequences", str(sequences), "--prefix-cache", "off",
            *options]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder)
        answers = []
        for line in process.stdout:
            if line.startswith("{"):
                answers.append(json.loads(line))
                if len(answers) == 3:
                    break
                process.stdin.write("\n")
                process.stdin.flush()
        if len(answers) < 3:
            raise SystemExit(f"winnow bench ended with {process.wait()} for {sequences} sequences of {context}")
        if answers[2]["tokens"] != sequences * count:
            raise SystemExit(f"{answers[2]['tokens']} of {sequences * count} tokens were made: does the model take contexts of "
                             f"{context} and {new} tokens more? `winnow bench` of {prompts} tells the reason")
        seconds[count] = answers[2]["seconds"]
        with open(f"/proc/{process.pid}/status") as status:
            resident = max(resident, *(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM")))
        process.stdin.close()
        process.wait()
    prompt_tokens = sum(len(json.loads(line)) for line in open(tokens))
    return sequences * new / max(1e-9, seconds[new + 1] - seconds[1]), prompt_tokens / seconds[1], resident


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
    args.add_argument("--contexts", default="128,512,2048,8192")
    args.add_argument("--new", type=int, default=32)
    args.add_argument("--positions", type=int, default=131072)
    args.add_argument("--plot", help="an SVG file to write")
    args.add_argument("options", nargs="*", help="further options for winnow, behind --")
    args = args.parse_args()
    points = {}
    print("| context | sequences | decoded tokens/s | prefilled tokens/s | resident MiB |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for context in map(int, args.contexts.split(",")):
            for sequences in map(int, args.sequences.split(",")):
                if sequences * context > args.positions:
                    continue
                decoded, prefilled, resident = measure(
                    os.path.abspath(args.model), folder, sequences, context, args.new, args.options)
                points.setdefault(context, []).append((sequences, decoded))
                print(f"| {context:,} | {sequences} | {decoded:,.0f} | {prefilled:,.0f} | {resident:,} |", flush=True)
    if args.plot:
        plot(points, args.plot, f"{os.path.basename(args.model)}: decoded tokens a second")


main()
