"""Arithmetic word problems with worked solutions, split into training and held-out ones.

`generate` draws one problem from the templates of `stories`. A hash of its
text decides on which side of the split a problem lies, so that a held-out
problem never occurs in training.
"""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass

from stories import TEMPLATES, Draft

DIFFICULTIES = ("easy", "medium", "hard")
HELD_OUT_ONE_IN = 16


@dataclass(frozen=True)
class Problem:
    kind: str
    question: str
    thinking: str
    answer: int
    difficulty: str

    @property
    def completion(self) -> str:
        """What the assistant says, without the token that ends its turn."""
        return (f"<think>\n{self.thinking}\n</think>\n\n"
                f"The answer is \\boxed{{{self.answer}}}.")


def difficulty(operations: int, digits: int) -> str:
    """The label of a problem by its number of operations and the digits of its numbers."""
    load = operations + 2 * (digits - 1)
    return "easy" if load <= 3 else "medium" if load <= 5 else "hard"


def generate(rng: random.Random) -> Problem:
    """One problem of a random kind with numbers of a random size."""
    kind = rng.choice(list(TEMPLATES))
    draft = Draft(rng, size=rng.choice((1, 2, 2, 3, 3)))
    question = TEMPLATES[kind](draft)
    digits = max(draft.size, len(str(draft.largest)))
    return Problem(kind, question, "\n".join(draft.steps), draft.result,
                   difficulty(len(draft.steps), digits))


def is_held_out(question: str) -> bool:
    """Whether a question belongs to the held-out side, whatever its white space."""
    text = " ".join(question.split())
    return hashlib.blake2b(text.encode()).digest()[0] % HELD_OUT_ONE_IN == 0


def training_problems(rng: random.Random) -> Iterator[Problem]:
    """Problems without end, none of them held out."""
    while True:
        problem = generate(rng)
        if not is_held_out(problem.question):
            yield problem


def held_out_problems(count: int, seed: int) -> list[Problem]:
    """Distinct held-out problems, as many of each difficulty, in mixed order."""
    rng = random.Random(seed)
    wanted = {label: (count + place) // len(DIFFICULTIES)
              for place, label in enumerate(DIFFICULTIES)}
    chosen: dict[str, Problem] = {}
    while len(chosen) < count:
        problem = generate(rng)
        if (is_held_out(problem.question) and wanted[problem.difficulty]
                and problem.question not in chosen):
            wanted[problem.difficulty] -= 1
            chosen[problem.question] = problem
    problems = list(chosen.values())
    rng.shuffle(problems)
    return problems
