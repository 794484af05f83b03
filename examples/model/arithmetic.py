"""Worked arithmetic: the sub-steps a small model needs to compute digit by digit.

Every function returns the text of one equation, for example
``348+275 (8+5=13 4+7+1=12 3+2+1=6)=623``. The note in parentheses is the
column method taught at school; it is left out where the sum is a known fact.
"""


def digits(number: int, width: int = 1) -> list[int]:
    """Decimal digits of a number, ones first, padded with zeros to `width`."""
    return [int(d) for d in reversed(str(number).rjust(width, "0"))]


def _equation(left: str, steps: list[str], result: int) -> str:
    note = f" ({' '.join(steps)})" if steps else ""
    return f"{left}{note}={result}"


def add(a: int, b: int) -> str:
    """Column addition; each step adds two digits and, where there is one, the carry."""
    steps, carry = [], 0
    width = len(str(max(a, b)))
    if width > 1:
        for x, y in zip(digits(a, width), digits(b, width)):
            total = x + y + carry
            steps.append(f"{x}+{y}+{carry}={total}" if carry else f"{x}+{y}={total}")
            carry = total // 10
    return _equation(f"{a}+{b}", steps, a + b)


def subtract(a: int, b: int) -> str:
    """Column subtraction; the first number of a step already has its borrow settled."""
    if b > a:
        raise ValueError(f"{a}-{b} is negative")
    steps, borrow = [], 0
    width = len(str(a))
    if width > 1:
        for x, y in zip(digits(a), digits(b, width)):
            top = x - borrow
            borrow = int(top < y)
            top += 10 * borrow
            steps.append(f"{top}-{y}={top - y}")
    return _equation(f"{a}-{b}", steps, a - b)


def multiply(a: int, b: int) -> str:
    """Long multiplication: digit by digit for a one-digit factor, else by partial products."""
    steps = []
    if a < 10 <= b:
        a, b = b, a
    if b >= 10:
        factors = [d * 10**place for place, d in enumerate(digits(b)) if d]
        if len(factors) > 1:
            partial = [a * factor for factor in factors]
            steps = [f"{a}*{factor}={value}" for factor, value in zip(factors, partial)]
            steps.append(f"{'+'.join(map(str, partial))}={a * b}")
    elif a >= 10:
        carry = 0
        for x in digits(a):
            total = x * b + carry
            steps.append(f"{x}*{b}+{carry}={total}" if carry else f"{x}*{b}={total}")
            carry = total // 10
    return _equation(f"{a}*{b}", steps, a * b)


def divide(a: int, b: int) -> str:
    """Long division without remainder; each step names the rest it carries on."""
    if a % b:
        raise ValueError(f"{a}/{b} leaves a remainder")
    steps, rest = [], 0
    if b < 10 <= a // b:
        for x in reversed(digits(a)):
            part = rest * 10 + x
            rest = part % b
            if part >= b or steps:
                steps.append(f"{part}/{b}={part // b} r{rest}")
    return _equation(f"{a}/{b}", steps, a // b)
