"""Numbers drawn by chance: sizes of prompts and answers, times to think."""

from __future__ import annotations

from math import inf, log
from random import Random
from typing import Literal

import msgspec

Kind = Literal["fixed", "uniform", "exponential", "lognormal"]


class Draw(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution, cut off at `least` and `most`.

    `a` and `b` by kind: fixed, the value; uniform, both ends; exponential, the mean; lognormal, the median
    and the standard deviation of the logarithm (0.7: one in six is over twice the median).
    """

    kind: Kind = "fixed"
    a: float = 0.0
    b: float = 0.0
    least: float = 0.0
    most: float = inf

    def __call__(self, chance: Random) -> float:
        return min(max(self._drawn(chance), self.least), self.most)

    def _drawn(self, chance: Random) -> float:
        match self.kind:
            case "fixed":
                return self.a
            case "uniform":
                return chance.uniform(self.a, self.b)
            case "exponential":
                return chance.expovariate(1.0 / self.a) if self.a else 0.0
            case "lognormal":
                return chance.lognormvariate(log(self.a), self.b) if self.a else 0.0
