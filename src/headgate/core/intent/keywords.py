"""Which intent the words of a text speak for, and how loudly.

A sum of evidence for each intent, in natural logarithms of odds: words by how surely they belong to it, each
counted once; marks that code is full of; formulas, numbers, and quantifiers, of which puzzles are made. Every
weight stands here, so that a decision can be worked out by hand.

Known weakness: a word it does not know says nothing, and irony, metaphor and film titles are known only
where a collocation of the lists says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp

import msgspec

from headgate.core.intent.found import BUILT_IN
from headgate.core.intent.reading import Reading, read
from headgate.core.intent.vocabulary import HINT, LIKELY, SAID, STRENGTHS, SURE, Kind, Vocabulary

WEIGHTS = {SURE: 2.2, LIKELY: 1.1, HINT: 0.45, SAID: 4.0}
BIAS = 0.9
"""For `general`: what nothing speaks for is an everyday question."""

MARK, MOST_MARKS = 0.5, 5
FORMULA, MOST_FORMULAS = 0.9, 4
NUMBER, MOST_NUMBERS = 0.35, 5
PERCENT = 0.7
QUANTIFIER, MOST_QUANTIFIERS = 0.5, 4
"""From the second on: one is said in any sentence."""

_ALL = ("all", "some", "none", "nobody", "everyone", "every", "no", "only", "each", "other")
_THEN = ("either", "neither", "both", "if", "then", "therefore", "than")
QUANTIFIERS = frozenset((*_ALL, *_THEN))
TEMPERATURE = 1.5
"""Divides the evidence before it becomes a confidence: so that 0.7 means right nineteen times of twenty on
the examples that ship, which have more traps in them than what is asked all day."""

CODE, REASONING, GENERAL = range(3)


class Evidence:
    """What was found in one text. `logits`: for each intent; `words`: what was found, with its kind;
    `quantifiers`: how many there are."""

    __slots__ = ("logits", "quantifiers", "reading", "words")

    def __init__(self, reading: Reading, words: dict[str, Kind], intents: int) -> None:
        self.reading = reading
        self.words = words
        self.quantifiers = len(QUANTIFIERS.intersection(reading.tokens))
        self.logits = logits = [0.0] * intents
        logits[GENERAL] = BIAS
        for kind in words.values():
            logits[kind // STRENGTHS] += _WEIGHTS[kind % STRENGTHS]
        if reading.marks:
            logits[CODE] += MARK * min(len(reading.marks), MOST_MARKS)
        if reading.numbers or reading.formulas:
            logits[REASONING] += NUMBER * min(len(reading.numbers), MOST_NUMBERS)
            logits[REASONING] += FORMULA * min(len(reading.formulas), MOST_FORMULAS)
            if "%" in reading.text:
                logits[REASONING] += PERCENT
        if self.quantifiers > 1:
            logits[REASONING] += QUANTIFIER * (min(self.quantifiers, MOST_QUANTIFIERS) - 1)


class Heard(msgspec.Struct, frozen=True, gc=False):
    """Why one of the `intents` was found (`found.Clues`): a few short things, so that receipts are small.
    `logits`, divided by a `temperature`, are the evidence it was found by, context and vectors included."""

    intents: tuple[str, ...]
    best: int
    logits: Sequence[float]
    temperature: float
    words: dict[str, Kind]
    marks: list[str]
    formulas: list[str]
    numbers: int

    def told(self) -> tuple[str, ...]:
        """What spoke for it, the surest first, at most six."""
        said = [
            (-_WEIGHTS[kind % STRENGTHS], word)
            for word, kind in self.words.items()
            if kind // STRENGTHS == self.best
        ]
        told = [word for _, word in sorted(said, key=lambda one: one[0])]
        if self.best == CODE:
            told += dict.fromkeys(self.marks)
        elif self.best == REASONING:
            told += self.formulas[:2]
            told += [f"{self.numbers} numbers"] if self.numbers > 1 else []
        return tuple(told[:6])

    def scores(self) -> dict[str, float]:
        return dict(zip(self.intents, confidences(self.logits, self.temperature), strict=True))


class Keywords:
    """Finds evidence. Some 15 µs for 46 words."""

    def __init__(self, added: Mapping[str, Sequence[str]]) -> None:
        """`added`: keywords by intent. An intent that is not built in is new; its names follow the others."""
        self.intents = (*BUILT_IN, *(name for name in added if name not in BUILT_IN))
        numbered = {self.intents.index(name): words for name, words in added.items()}
        self._vocabulary = Vocabulary(numbered)

    def weigh(self, text: str) -> Evidence:
        reading = read(text)
        vocabulary = self._vocabulary
        found = vocabulary.find(reading.tokens)
        if not reading.plain:
            found |= vocabulary.find_stems(reading.tokens)
            if reading.han:
                found |= vocabulary.find_han(reading.text)
        return Evidence(reading, found, len(self.intents))


def confidences(logits: Sequence[float], temperature: float = TEMPERATURE) -> list[float]:
    """Logarithms of odds as probabilities that add up to 1."""
    most = max(logits)
    odds = [exp((one - most) / temperature) for one in logits]
    total = sum(odds)
    return [one / total for one in odds]


def best_of(logits: Sequence[float], temperature: float = TEMPERATURE) -> tuple[int, float]:
    """The likeliest, and the confidence in it."""
    most = max(logits)
    return logits.index(most), 1.0 / sum(map(exp, [(one - most) / temperature for one in logits]))


_WEIGHTS = tuple(WEIGHTS[strength] for strength in sorted(WEIGHTS))
