#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints spark-jobs/src/test/resources/reward-cases.jsonl.

The numbers come from the formulas of docs/REWARDS.md, written down here with Python's own re, str and math, because the
rewards are defined by what Python does with a text. Whether an answer is right is said by hand with each case.
Python 3.11 or newer (c++ is a possessive repetition there, as in Java).
"""
import json
import math
import re

GOLD = "$42$"
GOOD = "<think>\nadd\n</think>\n<answer>\n42\n</answer>"


def format_(text):
    return float(bool(re.match(r"^<think>\n.*?\n</think>\n<answer>\n.*?\n</answer>$", text, re.S | re.M)))


def tag_count(text):
    tags = ("<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>")
    return sum(0.25 for tag in tags if text.count(tag) == 1) * 1.0


def reasoning_steps(text):
    marks = re.findall(r"Step \d+:|^\d+\.|\n-|\n\*|First,|Second,|Next,|Finally,", text)
    return min(1.0, len(marks) / 3)


def repetition_penalty(text, ngram_size=3, max_penalty=-1.0):
    words = text.lower().split()
    if len(words) < ngram_size:
        return 0.0
    grams = list(zip(*[words[i:] for i in range(ngram_size)]))
    return (1 - len(set(grams)) / len(grams)) * max_penalty


def code_format(text, language="python"):
    pattern = rf"^<think>\n.*?\n</think>\n<answer>\n.*?```{language}.*?```.*?\n</answer>$"
    return float(bool(re.match(pattern, text, re.S | re.M)))


def soft_overlong_punishment(tokens, max_completion_len=16384, soft_punish_cache=4096):
    free = max_completion_len - soft_punish_cache
    if tokens <= free:
        return 0.0
    return (free - tokens) / soft_punish_cache if tokens <= max_completion_len else -1.0


def cosine(text, right, min_value_wrong=-1.0, max_value_wrong=-0.5, min_value_correct=0.5, max_value_correct=1.0,
           max_len=1000):
    a, b = (min_value_correct, max_value_correct) if right else (max_value_wrong, min_value_wrong)
    return a + 0.5 * (b - a) * (1.0 + math.cos(len(text) / max_len * math.pi))


def length(texts, rights):
    lengths = [len(text) for text in texts]
    shortest, longest = min(lengths), max(lengths)
    if shortest == longest:
        return [0.0] * len(texts)
    scaled = [0.5 - (n - shortest) / (longest - shortest) for n in lengths]
    return [float(x if right else min(0, x)) for x, right in zip(scaled, rights)]


def add(reward, params, completions, rewards, solutions=None, **more):
    print(json.dumps(dict(
        reward=reward, params=params, completions=completions, solutions=solutions, **more, rewards=rewards)))


def layouts():
    texts = [
        "", GOOD, GOOD + "\n", GOOD + "\nmore", GOOD + " more", GOOD + " x\n</answer>", " " + GOOD, GOOD + "\r\n",
        GOOD + "\u2028z", "<think>\n\n</think>\n<answer>\n\n</answer>", "<think>\n</think>\n<answer>\n1\n</answer>",
        "<think></think><answer>1</answer>",
        "<think>\na\n</think>\n<answer>\nb\n</answer>\n<think>\na\n</think>\n<answer>\nb\n</answer>",
        "<think>\na\n</think>\n\n<answer>\n1\n</answer>", "<think>\na\n</think>\nso\n</think>\n<answer>\n1\n</answer>",
        "\n</answer>\n<answer>\n\n</think>\n<think>\n",
        "\U0001f600 <think>\n\u5317\u4eac\n</think>\n<answer>\n\u0663\n</answer>", "1. one\n2. two\n- a\n* b",
        "\u0663. drei\nStep \u0661\u0662: x", "\U0001d7cf. x\n-", "\n1. x", "Step 1:Step 22:Step :Step x:",
        "First,Second,Next,Finally,", "first, second,\n\n-\n**b**", "Step 1: First, \ud800x",
    ]
    for text in texts:
        add("format", {}, [text], [format_(text)])
        add("tag_count", {}, [text], [tag_count(text)])
        add("reasoning_steps", {}, [text], [reasoning_steps(text)])


def repetitions():
    texts = [
        "", "a", "a b", "this this this this this", "this is a this is a test", "A B C A B C E F G A B C A B C",
        "The the THE the", "\u0130 i\u0307 \u0130 i\u0307",
        "\u039f\u0394\u039f\u03a3 \u03bf\u03b4\u03bf\u03c2 \u03bf\u03b4\u03bf\u03c3 \u039f\u0394\u039f\u03a3.",
        "a\u00a0b\u2003a\u3000b\x1ca\x85b", "a\u200bb a\ufeffb a\u200bb", "\U0001f600 \U0001f600 \U0001f600",
        "\u00df SS \u1e9e ss", "word " * 40, "x " * 7 + "y " * 7, "   \n\t ",
        "\u03a3\u0301 a\u03a3\u0301 a\u03a3 A\u03a3\u2019b",
    ]
    for text in texts:
        for size, penalty in ((1, -1.0), (2, -1.0), (3, -2.0), (8, -0.05), (3, 0.0)):
            params = dict(ngram_size=size, max_penalty=penalty)
            add("repetition_penalty", params, [text], [repetition_penalty(text, **params)])
    add("repetition_penalty", {}, ["a b a b a b", ""], [repetition_penalty("a b a b a b"), 0.0])
    add("repetition_penalty", dict(max_penalty=-1), ["a b c d"], [repetition_penalty("a b c d")])


def block(language, tail=""):
    return f"<think>\na\n</think>\n<answer>\n```{language}\nx\n```{tail}\n</answer>"


def codes():
    texts = [
        "", GOOD, block("python"), block("cpp"), block("pythonic"), block("c++"), block("c"), block("Python"),
        block("python", "\n```python\ny\n```"), block("python") + "\ny", block("python") + " y",
        "<think>\n```python\nx\n```\n</think>\n<answer>\nno\n</answer>",
        "<think>\na\n</think>\n<answer>\n```python x\n</answer>",
        "<think>\na\n</think>\n<answer>```python```\n</answer>",
        "<think>\na\n</think>\n<answer>\n``````python```\n</answer>",
    ]
    for text in texts:
        for language in ("python", "cpp", "c++", "c#", "objective-c", ".net"):
            add("code_format", dict(language=language), [text], [code_format(text, language)])
    add("code_format", {}, [block("python")], [1.0])


def lengths_in_tokens():
    for tokens, most, cache in (
            (0, 100, 20), (80, 100, 20), (81, 100, 20), (93, 100, 20), (100, 100, 20), (101, 100, 20), (5, 20, 20),
            (21, 20, 20), (4, 20, 30), (10, 10, 0), (11, 10, 0), (7, 10, 7)):
        params = dict(max_completion_len=most, soft_punish_cache=cache)
        add("soft_overlong_punishment", params, None, [soft_overlong_punishment(tokens, most, cache)],
            completion_lengths=[tokens])
    tokens = [12288, 12289, 14000, 16384, 16385]
    add("soft_overlong_punishment", {}, None, [soft_overlong_punishment(n) for n in tokens], completion_lengths=tokens)


def answers():
    texts = (
        ("\\boxed{42}", True), ("so $x=1$ and \\boxed{41}", False), ("", False),
        (" \U0001f600\u5317" * 9 + "\\boxed{42}", True), ("a" * 300 + "\\boxed{7}", False),
        ("a" * 80 + "\\boxed{42}", True),
    )
    wide = dict(min_value_wrong=-10.0, max_value_wrong=-5.0, min_value_correct=5.0, max_value_correct=10.0, max_len=500)
    for text, right in texts:
        for params in ({}, dict(max_len=50), dict(max_len=100), wide, dict(min_value_wrong=0.0)):
            add("cosine", params, [text], [cosine(text, right, **params)], [GOLD])
        add("accuracy", {}, [text], [float(right)], [GOLD])
    add("accuracy", {}, ["\\boxed{1}", "\\boxed{1}"], [None, None], ["", ""])
    add("cosine", {}, ["\\boxed{1}"], [1.0], [""])
    texts = ["\\boxed{42}", "a longer way to \\boxed{42}", "wrong \\boxed{3}", "\U0001f600" * 30, "\\boxed{41}"]
    add("length", {}, texts, length(texts, [True, True, False, False, False]), [GOLD] * 5)
    add("length", {}, texts[:1], [0.0], [GOLD])
    add("length", {}, ["\\boxed{42}", "\\boxed{41}"], [0.0, 0.0], [GOLD] * 2)
    texts = ["\\boxed{42}", "some \\boxed{41}"]
    add("length", {}, texts, length(texts, [True, True]), ["", ""])


if __name__ == "__main__":
    layouts()
    repetitions()
    codes()
    lengths_in_tokens()
    answers()
