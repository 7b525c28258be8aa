"""What scores of answers teach about requests: on which of them the strong model is worth its price.

Beside a trained router, which stays as it was trained: two logistic regressions, one a model, of the scores
of its answers on a few traits of the request, each moved a little by every score (online gradient descent).
What they say the strong model gains on this request, more or less than it gains on the whole, raises or
lowers the request's rank; so little of it as long as there are few scores, and never by more than `MOST`.
What is gained on the whole is for the bar to weigh (`core.feedback`).

Known weakness: traits are of the surface, and only answers that somebody scored count: where the weak model
is never asked, nothing is learned of it.
"""

from __future__ import annotations

from math import exp, log1p
from operator import mul

import msgspec

from headgate.core.asked import Asked

Traits = tuple[float, ...]
"""Of a request; each from 0 to 1, the first always 1."""

RATE, LEAST_RATE = 0.5, 0.02
"""How far a score moves a weight at first, and in the long run: then some hundred scores are remembered."""

HEAVIEST = 3.0
"""No weight is larger: twenty to one, for a trait that is there or not."""

FEW = 50
"""So many scores of each model are believed half."""

MOST = 0.25
"""A rank moves by so large a share of requests at most."""

_DIGITS, _SIGNS = "0123456789", "{}()[];=<>_"


def traits(asked: Asked) -> Traits:
    """Length, figures, signs of code, question, lines, turns before, other scripts: at sight, in bounded
    time."""
    text = asked.text
    size = len(text) or 1
    return (
        1.0,
        min(log1p(asked.last_chars) / 10.0, 1.0),
        min(8.0 * sum(map(text.count, _DIGITS)) / size, 1.0),
        min(8.0 * sum(map(text.count, _SIGNS)) / size, 1.0),
        1.0 if "?" in text else 0.0,
        min(text.count("\n") / 10.0, 1.0),
        1.0 if asked.earlier else 0.0,
        0.0 if text.isascii() else 1.0,
    )


NOTHING: Traits = (0.0,) * len(traits(Asked(text="")))


class Opinion(msgspec.Struct, frozen=True):
    """How good a model's answers are, by what is asked."""

    weights: Traits = NOTHING
    count: int = 0

    def quality(self, of: Traits) -> float:
        """0..1; a half, where nobody has said anything."""
        return 1.0 / (1.0 + exp(-sum(map(mul, self.weights, of))))

    def after(self, of: Traits, score: float) -> Opinion:
        """One score more, 0..1."""
        count = self.count + 1
        step = max(RATE / count**0.5, LEAST_RATE) * (score - self.quality(of))
        weights = tuple(
            min(HEAVIEST, max(-HEAVIEST, weight + step * trait))
            for weight, trait in zip(self.weights, of, strict=True)
        )
        return Opinion(weights, count)


class Taught(msgspec.Struct, frozen=True):
    """What was said of both models of a route. `mean`: what the strong one gains on requests of which an
    answer was scored; lately weighed more."""

    weak: Opinion = Opinion()
    strong: Opinion = Opinion()
    mean: float = 0.0

    def after(self, of: Traits, score: float, *, weak: bool) -> Taught:
        """One score more, of an answer of either model."""
        moved = (
            msgspec.structs.replace(self, weak=self.weak.after(of, score))
            if weak
            else msgspec.structs.replace(self, strong=self.strong.after(of, score))
        )
        weight = max(1.0 / (moved.weak.count + moved.strong.count), LEAST_RATE)
        return msgspec.structs.replace(moved, mean=self.mean + weight * (moved.gain(of) - self.mean))

    def gain(self, of: Traits) -> float:
        """How much better the strong model does on such a request, -1..1."""
        return self.strong.quality(of) - self.weak.quality(of)

    def lift(self, of: Traits) -> float:
        """How far the rank of such a request is to be raised, in shares of requests: above zero the strong
        model is worth more here than elsewhere."""
        known = min(self.weak.count, self.strong.count)
        return min(MOST, max(-MOST, self.gain(of) - self.mean)) * known / (known + FEW)
