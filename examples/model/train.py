"""Trains the example model and measures it.

    python train.py                  # tokenizer, weights and configuration into this folder
    python train.py --write-prompts  # ../prompts.jsonl
    python train.py --evaluate       # pass rates on held-out problems
    python train.py --check          # compares with transformers (which must be installed)
"""

import argparse
import itertools
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

import network
import sampling
from problems import Problem, held_out_problems, training_problems
from tokenization import END_OF_TEXT, TURN_END, render, train_tokenizer, write_tokenizer

HERE = Path(__file__).resolve().parent
SEED = 20261101
PROMPTS_SEED, EVALUATION_SEED = 1, 2
BATCHES_SORTED_TOGETHER = 32
LENGTH_STEP = 16  # few different shapes: kernels are prepared anew for each one
WARM_UP_STEPS = 100
DECAY_SHARE = 0.3
SAVE_EVERY = 100
REQUESTS = (
    "Please reason step by step, and put your final answer within \\boxed{}.",
    "Solve the problem step by step and give the answer in \\boxed{}.",
    "Think step by step.",
    "You are a helpful assistant.",
    "You solve word problems.",
)


def conversation(problem: Problem, rng: random.Random) -> list[dict[str, str]]:
    """The question as users may put it: with other white space, or with a request around it."""
    question, system = problem.question, None
    if rng.random() < 0.15:
        question = question.replace(". ", rng.choice((".\n", ".  ", ". \n")))
    if rng.random() < 0.15:
        question = rng.choice((" ", "\n", "")) + question + rng.choice((" ", "\n", "\n\n"))
    style = rng.random()
    if style < 0.15:
        system = rng.choice(REQUESTS)
    elif style < 0.3:
        question += rng.choice((" ", "\n", "\n\n")) + rng.choice(REQUESTS)
    messages = [{"role": "user", "content": question}]
    return [{"role": "system", "content": system}, *messages] if system else messages


def tokenizer_texts(rng: random.Random, count: int) -> Iterator[str]:
    for problem in itertools.islice(training_problems(rng), count):
        yield f"user\n{problem.question}"
        yield f"assistant\n{problem.thinking}"
        yield problem.completion.rpartition("</think>")[2]
        if rng.random() < 0.1:
            yield f"system\n{rng.choice(REQUESTS)}"


def batches(tokenizer: Tokenizer, rng: random.Random, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Tokens and targets of problems of like length; -100 marks what carries no loss."""
    padding = tokenizer.token_to_id(END_OF_TEXT)
    problems = training_problems(rng)
    while True:
        drawn = list(itertools.islice(problems, size * BATCHES_SORTED_TOGETHER))
        prompts = tokenizer.encode_batch([render(conversation(p, rng)) for p in drawn])
        answers = tokenizer.encode_batch([p.completion + TURN_END for p in drawn])
        pairs = sorted(((p.ids, a.ids) for p, a in zip(prompts, answers)),
                       key=lambda pair: len(pair[0]) + len(pair[1]))
        groups = [pairs[at:at + size] for at in range(0, len(pairs), size)]
        rng.shuffle(groups)
        for group in groups:
            longest = max(len(prompt) + len(answer) for prompt, answer in group)
            longest = -(-longest // LENGTH_STEP) * LENGTH_STEP
            tokens = torch.full((size, longest), padding)
            targets = torch.full((size, longest), -100)
            for row, (prompt, answer) in enumerate(group):
                tokens[row, :len(prompt) + len(answer)] = torch.tensor(prompt + answer)
                targets[row, len(prompt) - 1:len(prompt) + len(answer) - 1] = torch.tensor(answer)
            yield tokens, targets


def loss_of(model: network.Qwen2, tokens: Tensor, targets: Tensor) -> Tensor:
    carries = targets != -100
    with torch.autocast("cpu", torch.bfloat16):
        hidden, _ = model.hidden(tokens)
    return F.cross_entropy(model.logits(hidden[carries].float()), targets[carries])


def rate_at(step: int, steps: int, peak: float) -> float:
    """Linear warm-up, a constant stretch, and a linear decay over the last part of the run."""
    warm_up = (step + 1) / WARM_UP_STEPS
    decay = (steps - step) / (steps * DECAY_SHARE)
    return peak * min(1.0, warm_up, decay)


def train(tokenizer: Tokenizer, args: argparse.Namespace) -> None:
    """Trains the weights, saving them and the state of the run now and then.

    A run cut short in its constant stretch can be resumed with another number
    of steps; it then ends as a run of that length would have from the start.
    """
    stop, padding = (tokenizer.token_to_id(token) for token in (TURN_END, END_OF_TEXT))
    model = network.Qwen2({**network.CONFIG, "vocab_size": tokenizer.get_vocab_size(),
                           "bos_token_id": padding, "eos_token_id": stop})
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters", flush=True)
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.01)
    state, first = args.folder / "training-state.pt", 0
    if args.resume:
        kept = torch.load(state)
        model.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        first = kept["step"]
    data = itertools.islice(batches(tokenizer, random.Random(SEED), args.batch), first, None)
    start = time.monotonic()
    for step, (tokens, targets) in zip(range(first, args.steps), data):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, args.steps, args.rate)
        loss = loss_of(model, tokens, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        done = step + 1
        if done % SAVE_EVERY == 0 or done == args.steps:
            minutes = (time.monotonic() - start) / 60
            left = minutes * (args.steps - done) / (done - first)
            print(f"step {done}/{args.steps}  loss {loss.item():.4f}  "
                  f"{minutes:.1f} min, {left:.1f} min left", flush=True)
            network.save(model, args.folder)
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(),
                        "step": done}, state)


def build(args: argparse.Namespace) -> None:
    """Trains the tokenizer and the model and writes the whole folder."""
    torch.manual_seed(SEED)
    tokenizer = train_tokenizer(tokenizer_texts(random.Random(SEED), 40_000))
    args.folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(tokenizer, args.folder, network.CONFIG["max_position_embeddings"])
    write_generation_config(tokenizer, args.folder)
    train(tokenizer, args)


def write_generation_config(tokenizer: Tokenizer, folder: Path) -> None:
    stop, padding = (tokenizer.token_to_id(token) for token in (TURN_END, END_OF_TEXT))
    generation = {"bos_token_id": padding, "do_sample": True, "eos_token_id": [stop, padding],
                  "pad_token_id": padding, "temperature": 0.6, "top_p": 0.95}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")


def evaluate(args: argparse.Namespace) -> None:
    """Prints pass rates and mean lengths on held-out problems."""
    torch.manual_seed(SEED)
    tokenizer = Tokenizer.from_file(str(args.folder / "tokenizer.json"))
    problems = held_out_problems(args.problems, EVALUATION_SEED)
    rates = sampling.pass_rates(network.load(args.folder), tokenizer, problems,
                                args.samples, args.temperature)
    print(sampling.report(problems, rates))
    prompts = [len(sampling.encode_prompt(tokenizer, p.question)) for p in problems]
    answers = [len(tokenizer.encode(p.completion + TURN_END).ids) for p in problems]
    for what, lengths in (("prompt", prompts), ("completion", answers)):
        print(f"tokens of a {what}: mean {sum(lengths) / len(lengths):.0f}, most {max(lengths)}")


def write_prompts(path: Path) -> None:
    """Writes 200 held-out problems as JSON lines."""
    with path.open("w") as file:
        for number, problem in enumerate(held_out_problems(200, PROMPTS_SEED), 1):
            file.write(json.dumps({"id": f"p{number:03}", "question": problem.question,
                                   "answer": str(problem.answer),
                                   "difficulty": problem.difficulty}) + "\n")


def check(folder: Path) -> None:
    """Compares tokenizer, template and greedy completions with those of transformers."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    ours, tokenizer = network.load(folder), Tokenizer.from_file(str(folder / "tokenizer.json"))
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    their_tokenizer = AutoTokenizer.from_pretrained(folder)
    conversations = [[{"role": "user", "content": problem.question}]
                     for problem in held_out_problems(20, PROMPTS_SEED)]
    for messages in conversations:
        text = their_tokenizer.apply_chat_template(messages, tokenize=False,
                                                   add_generation_prompt=True)
        assert text == render(messages), text
        ids = tokenizer.encode(text).ids
        assert their_tokenizer.encode(text) == ids, text
        [mine] = sampling.generate(ours, tokenizer, [ids], temperature=0)
        whole = theirs.generate(torch.tensor([ids]), do_sample=False, temperature=None, top_p=None,
                                max_new_tokens=sampling.LONGEST_COMPLETION)
        assert whole[0, len(ids):].tolist()[:len(mine)] == mine, text
        assert their_tokenizer.decode(mine, skip_special_tokens=True) == tokenizer.decode(mine)
    print(f"{len(conversations)} greedy completions agree with transformers")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=HERE, help="where the model lies")
    parser.add_argument("--steps", type=int, default=1300)
    parser.add_argument("--batch", type=int, default=32, help="problems in a step")
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument("--resume", action="store_true", help="go on with a run cut short")
    parser.add_argument("--problems", type=int, default=300, help="problems to evaluate on")
    parser.add_argument("--samples", type=int, default=8, help="samples for each of them")
    parser.add_argument("--temperature", type=float, default=0.6)
    action = parser.add_mutually_exclusive_group()
    for name in ("evaluate", "write-prompts", "check"):
        action.add_argument(f"--{name}", action="store_true")
    args = parser.parse_args()
    if args.evaluate:
        evaluate(args)
    elif args.write_prompts:
        write_prompts(HERE.parent / "prompts.jsonl")
    elif args.check:
        check(args.folder)
    else:
        build(args)


if __name__ == "__main__":
    main()
