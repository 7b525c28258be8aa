"""When requests arrive, where nobody waits for an answer before he asks again: pure functions of chance."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import count
from random import Random

import msgspec

MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 86_400.0


class Constant(msgspec.Struct, frozen=True):
    """One every 60 / `rpm` seconds."""

    rpm: float

    def times(self, chance: Random, from_s: float, to_s: float) -> Iterator[float]:
        gap_s = MINUTE_S / self.rpm
        for number in count():
            at = from_s + number * gap_s
            if at >= to_s:
                return
            yield at


class Poisson(msgspec.Struct, frozen=True):
    """Independent of each other, `rpm` a minute on average."""

    rpm: float

    def times(self, chance: Random, from_s: float, to_s: float) -> Iterator[float]:
        at = from_s
        while (at := at + chance.expovariate(self.rpm / MINUTE_S)) < to_s:
            yield at


class Curve(msgspec.Struct, frozen=True):
    """Poisson, at a rate that follows the hour of the day: straight lines between `points` of (hour, rpm),
    in the order of the hours, and from the last to the first of the next day.

    By thinning: drawn at the highest rate, and kept with the chance that the rate of the moment has of it
    (Lewis and Shedler, 1979).
    """

    points: tuple[tuple[float, float], ...]

    def rpm(self, at_s: float) -> float:
        """The rate at a time of the run, which begins at midnight."""
        hour = at_s % DAY_S / HOUR_S
        place = bisect_right(self.points, (hour, float("inf")))
        (before, low), (after, high) = self.points[place - 1], self.points[place % len(self.points)]
        span, gone = (after - before) % 24.0, (hour - before) % 24.0
        return low + (high - low) * gone / span if span else low

    def times(self, chance: Random, from_s: float, to_s: float) -> Iterator[float]:
        highest = max(rpm for _, rpm in self.points)
        for at in Poisson(highest).times(chance, from_s, to_s) if highest else ():
            if chance.random() * highest < self.rpm(at):
                yield at


class Bursts(msgspec.Struct, frozen=True):
    """`size` at once every `every_s`, spread by chance over `over_s`."""

    size: int
    every_s: float
    over_s: float = 0.0

    def times(self, chance: Random, from_s: float, to_s: float) -> Iterator[float]:
        for number in count():
            begin = from_s + number * self.every_s
            if begin >= to_s:
                return
            drawn = sorted(chance.random() * self.over_s for _ in range(self.size))
            yield from (begin + after for after in drawn if begin + after < to_s)


Arrivals = Constant | Poisson | Curve | Bursts
