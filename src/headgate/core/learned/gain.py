"""How good a router between a weak and a strong model is, as RouteLLM defines it (Ong et al., "RouteLLM:
Learning to Route LLMs with Preference Data", 2024, and its published evaluation).

Thresholds stand at ten quantiles of the router's score; at each, requests that score at least so high go to
the strong model, and at the highest only those above it. That gives accuracy against the share of strong
calls.

- APGR, the average performance gap recovered: the area between that curve and the weak model's accuracy, as
  a share of the area between the two models' accuracies. Chance gives 0.5.
- CPT(x), the call-performance threshold: the share of strong calls at which the share `x` of the gap is
  closed, by linear interpolation; the first such share, where the curve crosses more than once.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

QUANTILES = 10
RESAMPLES = 400


class Curve(msgspec.Struct, frozen=True):
    """Accuracy by share of strong calls, from none to all; both 0..1."""

    shares: tuple[float, ...]
    accuracies: tuple[float, ...]
    weak: float
    strong: float

    def apgr(self) -> float:
        """Of the gap between the models. `nan` where they are equally good."""
        if self.strong == self.weak:
            return float("nan")
        points = zip(self.shares, self.accuracies, strict=True)
        area = sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in pairwise(points))
        return (area - self.weak) / (self.strong - self.weak)

    def cpt(self, part: float) -> float:
        """The share of strong calls, 0..1, at which `part` of the gap is closed; 1 where it never is."""
        wanted = self.weak + part * (self.strong - self.weak)
        points = list(zip(self.shares, self.accuracies, strict=True))
        for (x0, y0), (x1, y1) in pairwise(points):
            if y0 >= wanted:
                return x0
            if y1 >= wanted:
                return x0 + (wanted - y0) / (y1 - y0) * (x1 - x0)
        return 1.0


class Measured(msgspec.Struct, frozen=True):
    """A router on some rows. `interval`: where 95 % of bootstrap resamples of the rows put the APGR."""

    rows: int
    apgr: float
    interval: tuple[float, float]
    cpt50: float
    cpt80: float
    weak: float
    strong: float


def curve(scores: Numbers, weak: Numbers, strong: Numbers) -> Curve:
    """Of rows with a score (higher: rather the strong model) and each model's correctness, 0..1."""
    thresholds = np.quantile(scores, np.linspace(0, 1, QUANTILES + 1))
    shares, accuracies = [], []
    for place, threshold in enumerate(thresholds):
        chosen = scores >= threshold if place < QUANTILES else scores > threshold
        shares.append(float(chosen.mean()))
        accuracies.append(float(np.where(chosen, strong, weak).mean()))
    return Curve(tuple(shares[::-1]), tuple(accuracies[::-1]), float(weak.mean()), float(strong.mean()))


def measure(scores: Numbers, weak: Numbers, strong: Numbers, *, seed: int = 0) -> Measured:
    """Everything at once. The same seed gives the same interval."""
    found = curve(scores, weak, strong)
    return Measured(
        rows=len(scores),
        apgr=found.apgr(),
        interval=interval(scores, weak, strong, seed=seed),
        cpt50=found.cpt(0.5),
        cpt80=found.cpt(0.8),
        weak=found.weak,
        strong=found.strong,
    )


def interval(
    scores: Numbers, weak: Numbers, strong: Numbers, *, seed: int, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """From the 2.5th to the 97.5th percentile of the APGR over resamples of the rows. `nan` without a gap."""
    chance = np.random.default_rng(seed)
    found = []
    for _ in range(resamples):
        drawn = chance.integers(0, len(scores), len(scores))
        found.append(curve(scores[drawn], weak[drawn], strong[drawn]).apgr())
    finite = [one for one in found if one == one]
    if not finite:
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [0.025, 0.975])
    return float(low), float(high)
