"""Generation and the measurement of pass rates."""

import re
from collections import defaultdict

import torch
from tokenizers import Tokenizer

from network import Qwen2
from problems import DIFFICULTIES, Problem
from tokenization import TURN_END, render

LONGEST_COMPLETION = 400


@torch.inference_mode()
def generate(model: Qwen2, tokenizer: Tokenizer, prompts: list[list[int]], temperature: float,
             top_p: float = 0.95, longest: int = LONGEST_COMPLETION) -> list[list[int]]:
    """Completions of prompts of one length; a temperature of 0 takes the likeliest token."""
    stop = tokenizer.token_to_id(TURN_END)
    tokens, past, steps = torch.tensor(prompts), None, []
    done = torch.zeros(len(prompts), dtype=torch.bool)
    while len(steps) < longest and not done.all():
        hidden, past = model.hidden(tokens, past)
        tokens = choose(model.logits(hidden[:, -1]), temperature, top_p)
        steps.append(tokens)
        done |= tokens[:, 0] == stop
    rows = torch.cat(steps, 1).tolist()
    return [row[:row.index(stop)] if stop in row else row for row in rows]


def choose(logits: torch.Tensor, temperature: float, top_p: float) -> torch.Tensor:
    """One token for each row, from the smallest set of tokens that holds `top_p`."""
    if temperature == 0:
        return logits.argmax(-1, keepdim=True)
    chances, order = (logits / temperature).softmax(-1).sort(-1, descending=True)
    chances[chances.cumsum(-1) - chances > top_p] = 0
    return order.gather(-1, torch.multinomial(chances, 1))


def answer_of(text: str) -> str | None:
    found = re.findall(r"\\boxed\{(\d+)\}", text.rpartition("</think>")[2])
    return found[-1] if found else None


def encode_prompt(tokenizer: Tokenizer, question: str) -> list[int]:
    return tokenizer.encode(render([{"role": "user", "content": question}])).ids


def pass_rates(model: Qwen2, tokenizer: Tokenizer, problems: list[Problem], samples: int,
               temperature: float) -> list[float]:
    """The share of right answers of each problem."""
    by_length = defaultdict(list)
    for index, problem in enumerate(problems):
        prompt = encode_prompt(tokenizer, problem.question)
        by_length[len(prompt)].append((index, prompt))
    rates = [0.0] * len(problems)
    for group in by_length.values():
        prompts = [prompt for _, prompt in group for _ in range(samples)]
        texts = tokenizer.decode_batch(generate(model, tokenizer, prompts, temperature))
        for place, (index, _) in enumerate(group):
            mine = texts[place * samples:(place + 1) * samples]
            right = sum(answer_of(text) == str(problems[index].answer) for text in mine)
            rates[index] = right / samples
    return rates


def report(problems: list[Problem], rates: list[float]) -> str:
    """Mean pass rates, in all and by difficulty and kind."""
    groups = defaultdict(list)
    for problem, rate in zip(problems, rates):
        for label in ("all", problem.difficulty, problem.kind):
            groups[label].append(rate)
    kinds = sorted(set(groups) - {"all", *DIFFICULTIES})
    return "\n".join(f"{label:17} {sum(groups[label]) / len(groups[label]):.3f}"
                     f"  ({len(groups[label])} problems)"
                     for label in ("all", *DIFFICULTIES, *kinds))
