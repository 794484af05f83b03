"""The templates of the word problems: one function for each kind of story.

A template gets a `Draft` to draw names and numbers from and to do the sums
with, and returns the question. The last sum is the answer.
"""

import random
from typing import Callable

import arithmetic

NAMES = """Ana Ben Carla David Elif Farid Greta Hugo Ines Jonas Kira Liam Maya Nora Omar
Paula Quinn Rosa Samir Tara Umar Vera Wei Xenia Yusuf Zoe Amir Bella Chen Dora Emil Fiona
Gita Hana Igor Jade Karim Lena Milan Nina Oscar Priya Rafael Sofia Tomas Ugo Viktor Yara""".split()
THINGS = """apples pens marbles stickers cards books coins shells buttons pencils stamps eggs
cookies oranges balloons beads bricks candles lemons peaches tomatoes roses plates cups
ribbons photos magnets puzzles badges muffins""".split()
GOODS = """pens books hats lamps mugs bags shirts scarves puzzles balls kites plants plates
candles brushes games towels cakes""".split()
CONTAINERS = """boxes bags packs baskets crates jars trays shelves""".split()
PLACES = """school library museum garden hotel theatre factory farm market club""".split()


class Draft:
    """A problem in the making: draws its words and numbers and keeps its worked steps."""

    def __init__(self, rng: random.Random, size: int):
        self.rng = rng
        self.size = size
        self.steps: list[str] = []
        self.largest = 0  # of all operands so far
        self.result = 0
        self._used: set[str] = set()

    def pick(self, words: list[str]) -> str:
        """A word not used in this story so far."""
        word = self.rng.choice([w for w in words if w not in self._used])
        self._used.add(word)
        return word

    def name(self) -> str:
        return self.pick(NAMES)

    def thing(self) -> str:
        return self.pick(THINGS)

    def goods(self) -> str:
        return self.pick(GOODS)

    def say(self, *phrasings: str) -> str:
        return self.rng.choice(phrasings)

    def number(self, least: int = 2) -> int:
        """A number with as many digits as the size of this problem."""
        return self.rng.randint(max(least, 10 ** (self.size - 1)), 10**self.size - 1)

    def below(self, limit: int) -> int:
        """A number from about a tenth of the limit up to just below it."""
        return self.rng.randint(max(1, limit // 10), max(1, limit - 1))

    def count(self) -> int:
        """A small number of things, days or packs."""
        return self.rng.randint(2, 9)

    def factors(self) -> tuple[int, int]:
        """Two factors; at the largest size sometimes both have two digits."""
        if self.size == 3 and self.rng.random() < 0.4:
            return self.rng.randint(11, 49), self.rng.randint(11, 99)
        return self.count(), self.number()

    def multiple(self, of: int) -> int:
        """A number of this problem's size, at least twice `of`, that `of` divides."""
        low = max(2, -(-(10 ** (self.size - 1)) // of))
        return of * self.rng.randint(low, max(low + 7, (10**self.size - 1) // of))

    def _step(self, label: str, operands: tuple[int, int], equation: str, result: int) -> int:
        self.steps.append(f"{label}: {equation}.")
        self.largest = max(self.largest, *operands)
        self.result = result
        return result

    def add(self, label: str, a: int, b: int) -> int:
        return self._step(label, (a, b), arithmetic.add(a, b), a + b)

    def subtract(self, label: str, a: int, b: int) -> int:
        return self._step(label, (a, b), arithmetic.subtract(a, b), a - b)

    def multiply(self, label: str, a: int, b: int) -> int:
        return self._step(label, (a, b), arithmetic.multiply(a, b), a * b)

    def divide(self, label: str, a: int, b: int) -> int:
        return self._step(label, (a, b), arithmetic.divide(a, b), a // b)


def collecting(d: Draft) -> str:
    who, what, a, b = d.name(), d.thing(), d.number(), d.number()
    d.add(f"All {what}", a, b)
    return d.say(
        f"{who} has {a} {what} and finds {b} more. How many {what} does {who} have now?",
        f"{who} collected {a} {what} on Monday and {b} {what} on Tuesday. "
        f"How many {what} did {who} collect in all?",
        f"There are {a} {what} on the table. {who} puts {b} more {what} there. "
        f"How many {what} are on the table now?")


def giving_away(d: Draft) -> str:
    who, friend, what, a = d.name(), d.name(), d.thing(), d.number(least=4)
    b = d.below(a)
    d.subtract(f"Left {what}", a, b)
    return d.say(
        f"{who} has {a} {what} and gives {b} of them to {friend}. "
        f"How many {what} does {who} have left?",
        f"{who} had {a} {what}. {friend} took {b} of the {what}. How many {what} are left?",
        f"Of the {a} {what} that {who} bought, {b} got lost. How many {what} remain?")


def packs(d: Draft) -> str:
    who, what, box = d.name(), d.thing(), d.pick(CONTAINERS)
    k, n = d.factors()
    d.multiply(f"All {what}", k, n)
    return d.say(
        f"{who} buys {k} {box} with {n} {what} each. How many {what} does {who} buy?",
        f"There are {n} {what} in each of {k} {box}. How many {what} are there in all?",
        f"{who} fills {k} {box}. Each holds {n} {what}. How many {what} is that?")


def sharing(d: Draft) -> str:
    who, what, k = d.name(), d.thing(), d.count()
    n = d.multiple(k)
    d.divide(f"{what.capitalize()} each", n, k)
    return d.say(
        f"{who} shares {n} {what} equally among {k} friends. How many {what} does each friend get?",
        f"{n} {what} are packed into {k} equal bags. How many {what} are in each bag?",
        f"{who} puts {n} {what} on {k} shelves, the same number on each. "
        f"How many {what} are on one shelf?")


def comparing(d: Draft) -> str:
    who, other, what, a, b = d.name(), d.name(), d.thing(), d.number(), d.number()
    more = d.add(f"{other}", a, b)
    d.add("Together", a, more)
    return d.say(
        f"{who} has {a} {what}. {other} has {b} more {what} than {who}. "
        f"How many {what} do they have together?",
        f"{other} picked {b} more {what} than {who}, who picked {a}. "
        f"How many {what} did the two pick in total?")


def fewer(d: Draft) -> str:
    who, other, what, a = d.name(), d.name(), d.thing(), d.number(least=4)
    b = d.below(a)
    less = d.subtract(f"{other}", a, b)
    d.add("Together", a, less)
    return d.say(
        f"{who} has {a} {what}. {other} has {b} fewer {what} than {who}. "
        f"How many {what} do they have together?",
        f"{who} sold {a} {what} and {other} sold {b} less. How many {what} did both sell?")


def times_as_many(d: Draft) -> str:
    who, other, what, k, a = d.name(), d.name(), d.thing(), d.count(), d.number()
    many = d.multiply(f"{other}", k, a)
    if d.rng.random() < 0.5:
        d.add("Together", a, many)
        return (f"{who} has {a} {what}. {other} has {k} times as many. "
                f"How many {what} do they have together?")
    d.subtract("More", many, a)
    return (f"{who} has {a} {what}. {other} has {k} times as many. "
            f"How many more {what} does {other} have than {who}?")


def change(d: Draft) -> str:
    who, what, k, price = d.name(), d.goods(), d.count(), d.number()
    cost = d.multiply("Cost", k, price)
    paid = (cost // 10 + d.count()) * 10
    d.subtract("Change", paid, cost)
    return d.say(
        f"{who} buys {k} {what} at {price} dollars each and pays with {paid} dollars. "
        f"How much change does {who} get?",
        f"One of the {what} costs {price} dollars. {who} has {paid} dollars and buys {k} of them. "
        f"How many dollars does {who} have left?")


def shopping(d: Draft) -> str:
    who, first, second = d.name(), d.goods(), d.goods()
    k, a, m, b = d.count(), d.number(), d.count(), d.number()
    one = d.multiply(first.capitalize(), k, a)
    two = d.multiply(second.capitalize(), m, b)
    total = d.add("Together", one, two)
    text = d.say(
        f"{who} buys {k} {first} at {a} dollars each and {m} {second} at {b} dollars each.",
        f"At the market {who} pays {a} dollars for each of {k} {first} "
        f"and {b} dollars for each of {m} {second}.")
    if d.rng.random() < 0.5:
        return f"{text} How many dollars does {who} spend?"
    purse = total + d.number()
    d.subtract("Left", purse, total)
    return f"{text} {who} had {purse} dollars. How many dollars are left?"


def ages(d: Draft) -> str:
    who, older, younger = d.name(), d.name(), d.name()
    d.size = min(d.size, 2)
    a, b = d.number(), d.number()
    first = d.add(older, a, b)
    c = d.below(first)
    if d.rng.random() < 0.4:
        return f"{who} is {a} years old. {older} is {b} years older. How old is {older}?"
    d.subtract(younger, first, c)
    return (f"{who} is {a} years old. {older} is {b} years older than {who}. "
            f"{younger} is {c} years younger than {older}. How old is {younger}?")


def travel(d: Draft) -> str:
    who, hours, speed = d.name(), d.count(), d.number()
    one = d.multiply("First part", hours, speed)
    text = f"{who} drives {hours} hours at {speed} kilometres per hour"
    ask = f"How many kilometres does {who} drive?"
    if d.rng.random() < 0.4:
        return f"{text}. {ask}"
    more, slower = d.count(), d.number()
    two = d.multiply("Second part", more, slower)
    d.add("Together", one, two)
    return f"{text} and then {more} hours at {slower} kilometres per hour. {ask}"


def recipe(d: Draft) -> str:
    who, cakes, grams = d.name(), d.count(), d.number()
    need = d.multiply("Needed", cakes, grams)
    have = d.below(need)
    d.subtract("Missing", need, have)
    what = d.say("flour", "sugar", "butter", "milk", "rice")
    return d.say(
        f"One cake needs {grams} grams of {what}. {who} wants to bake {cakes} cakes "
        f"and has {have} grams. How many more grams of {what} does {who} need?",
        f"{who} has {have} grams of {what}. How many grams are missing for {cakes} cakes "
        f"if each needs {grams} grams?")


def savings(d: Draft) -> str:
    who, weeks, each, start = d.name(), d.count(), d.number(), d.number()
    saved = d.multiply("Saved", weeks, each)
    total = d.add("With the start", saved, start)
    text = f"{who} has {start} dollars and saves {each} dollars a week for {weeks} weeks."
    if d.rng.random() < 0.4:
        return f"{text} How many dollars does {who} have then?"
    spent = d.below(total)
    left = d.subtract("After buying", total, spent)
    text += f" Then {who} buys a bike for {spent} dollars."
    if d.rng.random() < 0.6:
        return f"{text} How many dollars are left?"
    gift = d.number()
    d.add("With the gift", left, gift)
    return f"{text} An aunt gives {who} {gift} dollars. How many dollars does {who} have now?"


def percentage(d: Draft) -> str:
    where, what, tenths = d.pick(PLACES), d.thing(), d.count()
    n = d.multiple(10)
    one = d.divide("Ten percent", n, 10)
    part = d.multiply(f"{tenths * 10} percent", tenths, one)
    text = f"A {where} has {n} {what}. {tenths * 10}% of them are sold."
    if d.rng.random() < 0.5:
        return f"{text} How many {what} are sold?"
    d.subtract(f"Left {what}", n, part)
    return f"{text} How many {what} are left?"


def sharing_the_rest(d: Draft) -> str:
    who, what, k, b = d.name(), d.thing(), d.count(), d.number()
    rest = d.multiple(k)
    n = rest + b
    d.subtract(f"Left {what}", n, b)
    d.divide(f"{what.capitalize()} each", rest, k)
    return d.say(
        f"{who} has {n} {what}, keeps {b} and shares the rest equally among {k} friends. "
        f"How many {what} does each friend get?",
        f"Of {n} {what}, {b} are broken. The others go into {k} equal boxes. "
        f"How many {what} are in each box?")


def rows(d: Draft) -> str:
    where, what = d.pick(PLACES), d.say("chairs", "trees", "desks", "lamps")
    k, n = d.factors()
    total = d.multiply(f"All {what}", k, n)
    gone = d.below(total)
    if d.rng.random() < 0.5:
        d.subtract(f"Left {what}", total, gone)
        return (f"The {where} has {k} rows of {n} {what}. {gone} {what} are taken away. "
                f"How many {what} are left?")
    extra = d.number()
    d.add("With the new", total, extra)
    return (f"The {where} has {k} rows of {n} {what}. {extra} new {what} arrive. "
            f"How many {what} are there now?")


def bus(d: Draft) -> str:
    riders = d.number(least=5)
    vehicle = d.say("bus", "train", "ship", "tram")
    text = f"A {vehicle} starts with {riders} people."
    for place in ("first", "second")[:d.rng.randint(1, 2)]:
        off, on = d.below(riders), d.number()
        stay = d.subtract(f"Off at the {place}", riders, off)
        riders = d.add(f"On at the {place}", stay, on)
        text += f" At the {place} stop {off} people get off and {on} get on."
    return f"{text} How many people are on the {vehicle} now?"


def perimeter(d: Draft) -> str:
    length, width = d.number(), d.number()
    place = d.say("garden", "field", "room", "park", "yard")
    half = d.add("Two sides", length, width)
    around = d.multiply("Four sides", 2, half)
    text = f"A {place} is {length} metres long and {width} metres wide."
    if d.rng.random() < 0.5:
        return f"{text} How many metres is it around the {place}?"
    price = d.count()
    d.multiply("Cost", price, around)
    return (f"{text} A fence costs {price} dollars a metre. "
            f"How many dollars does a fence around the {place} cost?")


def earnings(d: Draft) -> str:
    who, hours, days, wage = d.name(), d.count(), d.count(), d.number()
    daily = d.multiply("A day", hours, wage)
    total = d.multiply("All days", days, daily)
    text = f"{who} earns {wage} dollars an hour and works {hours} hours a day for {days} days."
    if d.rng.random() < 0.5:
        return f"{text} How many dollars does {who} earn?"
    rent = d.below(total)
    d.subtract("Left", total, rent)
    return f"{text} {who} pays {rent} dollars of rent. How many dollars are left?"


def teams(d: Draft) -> str:
    where, k, team = d.pick(PLACES), d.count(), d.count()
    n = d.multiple(team)
    total = d.multiply("All children", k, n)
    d.divide("Teams", total, team)
    return (f"{k} groups of {n} children come to the {where}. They play in teams of {team}. "
            f"How many teams are there?")


def reading(d: Draft) -> str:
    who, days, pages = d.name(), d.count(), d.number()
    done = d.multiply("Pages read", days, pages)
    book = done + d.number()
    d.subtract("Pages left", book, done)
    return d.say(
        f"{who} reads {pages} pages a day of a book with {book} pages. "
        f"How many pages are left after {days} days?",
        f"A book has {book} pages. {who} reads {pages} pages every day for {days} days. "
        f"How many pages does {who} still have to read?")


def harvest(d: Draft) -> str:
    who, what, a, b, c = d.name(), d.thing(), d.number(), d.number(), d.number()
    two = d.add("Two days", a, b)
    three = d.add("Three days", two, c)
    text = f"{who} gathers {a} {what} on Friday, {b} on Saturday and {c} on Sunday"
    if d.rng.random() < 0.5:
        return f"{text}. How many {what} is that in all?"
    price = d.count()
    d.multiply("Money", price, three)
    return f"{text} and sells all {what} for {price} dollars each. How many dollars does {who} get?"


def half(d: Draft) -> str:
    who, friend, what, more = d.name(), d.name(), d.thing(), d.number()
    n = d.multiple(2)
    rest = d.divide("Half", n, 2)
    d.add(f"All {what}", rest, more)
    return (f"{who} has {n} {what} and gives half of them to {friend}. Then {who} gets {more} more. "
            f"How many {what} does {who} have now?")


def average(d: Draft) -> str:
    who, a, b = d.name(), d.number(), d.number()
    c = d.number()
    c += -(a + b + c) % 3
    two = d.add("Two games", a, b)
    three = d.add("Three games", two, c)
    d.divide("Average", three, 3)
    return (f"{who} scores {a}, {b} and {c} points in three games. "
            f"What is the average number of points?")


def unit_price(d: Draft) -> str:
    who, what, k, m = d.name(), d.goods(), d.count(), d.count()
    cost = d.multiple(k)
    price = d.divide("One costs", cost, k)
    d.multiply("Cost", m, price)
    return d.say(
        f"{k} {what} cost {cost} dollars. How many dollars do {m} {what} cost?",
        f"{who} pays {cost} dollars for {k} {what}. How many dollars would {m} {what} cost?")


def factory(d: Draft) -> str:
    where, what = d.say("factory", "farm", "bakery", "workshop"), d.thing()
    days, box, daily = d.count(), d.count(), d.number()
    total = d.multiply("Made", days, daily)
    box = min(box, total)
    bad = total % box + box * d.rng.randint(0, (total // box - 1) // 3)
    good = d.subtract("Good", total, bad)
    boxes = d.divide("Boxes", good, box)
    text = (f"A {where} makes {daily} {what} a day for {days} days. {bad} of them are bad. "
            f"The good ones go into boxes of {box}.")
    if d.rng.random() < 0.4:
        return f"{text} How many boxes are filled?"
    price = d.count()
    d.multiply("Money", price, boxes)
    return f"{text} Each box sells for {price} dollars. How many dollars come in?"


TEMPLATES: dict[str, Callable[[Draft], str]] = {
    template.__name__: template for template in (
        collecting, giving_away, packs, sharing, comparing, fewer, times_as_many, change,
        shopping, ages, travel, recipe, savings, percentage, sharing_the_rest, rows, bus,
        perimeter, earnings, teams, reading, harvest, half, average, unit_price, factory)
}
