"""Whether a neighbour's answer may be used: how clear it stands from other answers, and gates that learn.

A neighbour is clear where it is near, the nearest with another answer is far, and those around agree with it.
How clear is clear enough is learned from what answers turn out to be: every miss tells, once its answer is
there, whether the neighbour would have been right, and of hits a sampled share is asked upstream too. The
gate stands where the upper bound of what would have been wrong is within the promise.

Known weakness: it counts answers as right or wrong as it is told; who compares two wordings of one answer by
their vectors tells it so with some error.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import sqrt

import msgspec

MARGIN = 0.65
"""How much of the likeness of the nearest other answer is held against the nearest."""

ALONE = 0.4
"""The likeness of another answer where there is none: two unrelated texts are about so much alike."""

AGREEMENT = 0.2
"""How much it counts that those around disagree."""

AROUND = 8
"""How many of the nearest are asked whether they agree."""


class Neighbour(msgspec.Struct, frozen=True):
    """`answer`: the same for entries that answer the same. `likeness`: a cosine."""

    answer: Hashable
    likeness: float


def clearance(neighbours: Sequence[Neighbour]) -> float:
    """How clear the first of these stands, the nearest first: 0.74 for the same words and nobody near."""
    best = neighbours[0]
    other = next((one.likeness for one in neighbours if one.answer != best.answer), ALONE)
    around = neighbours[:AROUND]
    agree = sum(one.answer == best.answer for one in around) / len(around)
    return best.likeness - MARGIN * max(other, ALONE) - AGREEMENT * (1.0 - agree)


BINS, LOWEST, WIDTH = 128, -0.35, 0.01
EARLY = 200
"""Requests before which a gate does not move."""

HELD = 0.75
"""Of the promise is aimed at: a gate that is late closes late."""

CAUTION = 1.0
"""Standard errors between what was counted and what is believed."""

STEP = 1
"""Bins that a gate opens further at a time; it closes at once."""


class Gate:
    """Learns how clear is clear enough, for one promise: at most so many wrong of all requests.

    Two levels: neighbours that nothing speaks against, and those the verifier has refused (`against`).
    The second stays shut until it has been seen, request by request, that what was refused would have been
    right: so it is where many questions have one of few answers.
    """

    def __init__(self, promise: float, start: float, *, audit: float = 0.1) -> None:
        """`start`: the clearance that is enough while nothing is known. `audit`: the share of hits asked
        upstream, more of the doubtful and less of the clear."""
        self.promise = promise
        self.audit = audit
        self.seen = 0
        self._levels = (_Level(_bin(start)), _Level(BINS))

    def opens(self, clear: float, *, against: bool) -> bool:
        return _bin(clear) >= self._levels[against].at

    def threshold(self, *, against: bool = False) -> float:
        return LOWEST + WIDTH * self._levels[against].at

    def share(self, clear: float, *, against: bool) -> float:
        """The probability with which a hit is to be checked."""
        over = _bin(clear) - self._levels[against].at
        return min(1.0, self.audit * (3.0 if over < 3 else 2.0 if over < 8 else 1.0))

    def saw(self) -> None:
        """A request has come."""
        self.seen += 1

    def learn(self, clear: float, *, against: bool, right: bool, weight: float = 1.0) -> None:
        """What a neighbour would have been. `weight`: of how many requests this one speaks."""
        level = self._levels[against]
        level.learn(_bin(clear), right, weight)
        if self.seen >= EARLY:
            other = self._levels[not against]
            level.move(HELD * self.promise * self.seen - other.wrong_from(other.at))

    def wrong(self) -> float:
        """How many are believed to have been told wrongly."""
        return sum(level.wrong_from(level.at) for level in self._levels)


class _Level:
    """Wrong ones by clearance, and the variance of that count."""

    def __init__(self, at: int) -> None:
        self.at = at
        self._wrong = [0.0] * BINS
        self._variance = [0.0] * BINS

    def learn(self, place: int, right: bool, weight: float) -> None:
        if not right:
            self._wrong[place] += weight
            self._variance[place] += weight * weight

    def wrong_from(self, place: int) -> float:
        return sum(self._wrong[place:])

    def move(self, allowed: float) -> None:
        """To where the upper bound of the wrong is still allowed; open no faster than a step."""
        wrong, variance, place = 0.0, 4.0, BINS
        while place > 0:
            wrong += self._wrong[place - 1]
            variance += self._variance[place - 1]
            if wrong + CAUTION * sqrt(variance) > allowed:
                break
            place -= 1
        self.at = max(place, self.at - STEP)


def _bin(clear: float) -> int:
    return min(BINS - 1, max(0, int((clear - LOWEST) / WIDTH)))
