"""What a question of sums asks of whoever answers it: how many numbers and conditions, told by comparison or
outright, and what it asks for at its end.

None of this knows a question. It comes beside `surface` in what a router learns from, and from it `PRIOR`
says, before any outcome is known, where a strong model is worth its price: a few hundred outcomes, each
with the luck of one answer, cannot teach it better (docs/decisions/008).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from math import log1p

from headgate.core.learned.words import KINDS

MAX_NUMBERS = 200

NAMES = (
    *(f"log_{kind}" for kind in KINDS),
    "log_as_many", "log_clauses", "log_compared", "log_shares", "log_commas", "log_distinct", "log_repeated",
    "log_smallest", "usual_magnitude", "round_share", "number_share", "log_decimals", "decimals",
    "money_sign", "percent_sign", "log_names", "log_longest", "log_asking", "asking_numbers", "asked_number",
    "asked_spelled", "asked_if", "time_kinds",
)  # fmt: skip
"""The features in their order."""

PRIOR: tuple[Mapping[str, float], ...] = (
    {
        "log_words": 1, "log_commas": 1, "log_distinct": 1, "log_longest": 1, "log_clauses": 1,
        "log_names": 1, "log_total": 1, "log_backwards": 1, "log_each": 1,
    },
    {"log_compared": 1, "log_ages": 1, "log_shares": 1},
    {"asked_number": -1, "decimals": -1},
)  # fmt: skip
"""What speaks for the strong model, in three groups of equal weight, each the plain sum of its standardised
features: how much there is to keep in mind; how much of it is told by comparison; and, against it, forms in
which a right answer is easily read wrongly: an answer that repeats a number of the question, or one in
cents."""

_AS_MANY = re.compile(r"\bas (?:many|much|old|tall|long|far|fast|big|large|heavy|expensive)\b")
_SENTENCE = re.compile(r"[.!?]\s+")
_NAMED = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+")
_PART = re.compile(r"\d ?/ ?\d")
_DECIMAL = re.compile(r"\d\.\d")
_DIGITS = re.compile(r"\d[\d,.]*")
_ASKS = frozenset(KINDS["asks"].split())
_SPELLED = frozenset(KINDS["spelled"].split()[:10]) | {"a", "an", "half"}
_UNITS = frozenset(["second", "minute", "hour", "day", "week", "month", "year"])
_UNITS |= frozenset(f"{unit}s" for unit in _UNITS)


def sums(
    text: str, stem: str, words: AbstractSet[str], kinds: Mapping[str, int], values: Sequence[float]
) -> list[float]:
    """The features, in the order of `NAMES`, all finite. `stem`: the text before any options that it offers;
    `words`: its words in small letters; `kinds`: how many of each kind; `values`: its numbers."""
    as_many = len(_AS_MANY.findall(text)) if " as " in text else 0
    percent = text.count("%")
    parts = len(_PART.findall(text)) if "/" in text else 0
    return [
        *map(log1p, kinds.values()),
        log1p(as_many),
        log1p(kinds["sequence"] + kinds["relative"] + kinds["conditions"]),
        log1p(kinds["more"] + kinds["less"] + as_many),
        log1p(kinds["parts"] + kinds["times"] + percent + parts),
        log1p(text.count(",")),
        *_numbers(values, text),
        float("$" in text),
        float(percent > 0),
        log1p(len(set(_NAMED.findall(text)))),
        *_end(stem),
        float(len(_UNITS & words)),
    ]


def _numbers(values: Sequence[float], text: str) -> tuple[float, ...]:
    """How many distinct ones, how many that come again, the smallest, the usual size, how many are round, how
    dense they stand, how many have decimals, and whether any has."""
    distinct, count = len(set(values)), len(values) or 1
    decimals = len(_DECIMAL.findall(text)) if "." in text else 0
    return (
        log1p(distinct),
        log1p(len(values) - distinct),
        log1p(min(values, default=0.0)),
        sum(map(log1p, values)) / count,
        sum([value % 10 == 0 for value in values]) / count,
        len(values) / (text.count(" ") + 1),
        log1p(decimals),
        float(decimals > 0),
    )


def _end(stem: str) -> tuple[float, ...]:
    """The longest sentence; of the last one its length, its numbers, whether there are any behind the word
    that asks, as digits or spelled, and whether it asks under a condition."""
    sentences = _SENTENCE.split(stem.strip())
    last = sentences[-1]
    words = last.lower().split()
    asks = [place for place, word in enumerate(words) if word in _ASKS]
    asked = words[asks[-1] :] if asks else words
    numbers = len(_DIGITS.findall(last))
    return (
        log1p(max([one.count(" ") for one in sentences]) + 1),
        log1p(len(words)),
        log1p(numbers),
        float(numbers > 0 and _DIGITS.search(" ".join(asked)) is not None),
        float(not _SPELLED.isdisjoint(asked)),
        float("if" in words),
    )
