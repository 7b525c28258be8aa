"""What callers say of answers, and what routing makes of it. Off unless a route asks for it.

Three things learn from scores. `Arms`, a bandit: for each route, intent and model how good the answers were,
as a Beta distribution that forgets slowly; who goes first is drawn by Thompson sampling, and a floor of
requests goes to anybody, so that nobody is forgotten for good. `Bar`, for a trained router: where its
threshold should lie, so that what the weak model answers is as good as was promised. `core.taught`, for one
too: on which requests the strong model is worth more than it was trained to believe.

Known weakness: the bar compares answers to different requests, the harder of which the strong model got. And
what is learned is this process's own, until it ends.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec

from headgate.core.asked import Asked
from headgate.core.taught import NOTHING, Taught, Traits, traits

FORGETTING = 0.995
"""What a score still counts after each one that follows for the same model: some 200 are remembered."""

LEAST = 20
"""Scores of either model before a bar moves; each then moves it by `STEP` of the requests."""

STEP = 0.002
MOST_AWAITED = 10_000


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What a route makes of feedback. `floor`: the share of requests that goes first to anybody."""

    bandit: bool = False
    floor: float = 0.05
    bar: bool = False
    predictor: bool = False


class Served(msgspec.Struct, frozen=True, gc=False):
    """An answer that may be scored; and of what was asked, what a predictor learns by."""

    route: str
    intent: str | None
    model: str
    traits: Traits = NOTHING


class Arms:
    """As many numbers as routes times intents times models, all of which the configuration bounds."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str | None, str], tuple[float, float]] = {}

    def observe(self, served: Served, score: float) -> None:
        """`score`: 0..1."""
        arm = served.route, served.intent, served.model
        good, bad = self._known.get(arm, (0.0, 0.0))
        self._known[arm] = good * FORGETTING + score, bad * FORGETTING + 1.0 - score

    def mean(self, route: str, intent: str | None, model: str) -> float:
        """How good it is thought to be; a half of who has never been scored."""
        good, bad = self._known.get((route, intent, model), (0.0, 0.0))
        return (good + 1.0) / (good + bad + 2.0)

    def told(self) -> list[dict[str, str | float | None]]:
        """For people: what is thought of whom."""
        names = ("route", "intent", "model", "mean")
        return [dict(zip(names, (*arm, round(self.mean(*arm), 4)), strict=True)) for arm in self._known]

    def drawn(self, route: str, intent: str | None, models: Sequence[str], chance: Random) -> str:
        """Who goes first: each as often as it is likely to be the best."""

        def draw(model: str) -> float:
            good, bad = self._known.get((route, intent, model), (0.0, 0.0))
            return chance.betavariate(good + 1.0, bad + 1.0)

        return max(models, key=draw)


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """How far the threshold of a trained router has moved, in shares of requests: below zero more go to the
    strong model. Means of scores, lately weighed more."""

    shift: float = 0.0
    weak: float = 0.0
    strong: float = 0.0
    weak_count: int = 0
    strong_count: int = 0

    def after(self, score: float, *, weak: bool, target: float) -> Bar:
        """One score more, of an answer of either model."""
        count = (self.weak_count if weak else self.strong_count) + 1
        before = self.weak if weak else self.strong
        mean = before + (score - before) * max(1.0 / count, 1.0 - FORGETTING)
        moved = (
            msgspec.structs.replace(self, weak=mean, weak_count=count)
            if weak
            else msgspec.structs.replace(self, strong=mean, strong_count=count)
        )
        if min(moved.weak_count, moved.strong_count) < LEAST:
            return moved
        step = STEP if moved.weak >= target * moved.strong else -STEP
        return msgspec.structs.replace(moved, shift=min(1.0, max(-1.0, moved.shift + step)))


class Feedback:
    """Answers that may be scored, and what scores have taught."""

    def __init__(self) -> None:
        self.arms = Arms()
        self.bars: dict[str, Bar] = {}
        self.taught: dict[str, Taught] = {}
        self._awaited: OrderedDict[tuple[str, str], Served] = OrderedDict()

    def shift(self, route: str, policy: Policy, asked: Asked) -> float:
        """How far the bar of a route lies from where it was trained to be, for this request."""
        shift = self.bars.get(route, Bar()).shift if policy.bar else 0.0
        taught = self.taught.get(route) if policy.predictor else None
        return shift - taught.lift(traits(asked)) if taught else shift

    def learn(self, served: Served, policy: Policy, score: float) -> None:
        """A score, 0..1: for the bandit."""
        if policy.bandit:
            self.arms.observe(served, score)

    def learn_of(self, served: Served, policy: Policy, score: float, *, weak: bool, target: float) -> None:
        """The same for a trained router, of an answer of its `weak` model or its strong one."""
        route = served.route
        if policy.bar:
            self.bars[route] = self.bars.get(route, Bar()).after(score, weak=weak, target=target)
        if policy.predictor:
            self.taught[route] = self.taught.get(route, Taught()).after(served.traits, score, weak=weak)

    def told(self) -> dict[str, Any]:
        """For people: what has been learned."""
        return {
            "models": self.arms.told(),
            "bars": {name: round(bar.shift, 4) for name, bar in self.bars.items()},
            "predictors": {
                name: {"weak_scores": one.weak.count, "strong_scores": one.strong.count}
                for name, one in self.taught.items()
            },
        }

    def await_(self, key: str, request_id: str, served: Served) -> None:
        """The answer to a request that was made with the key of that name may be scored, once."""
        self._awaited[key, request_id] = served
        if len(self._awaited) > MOST_AWAITED:
            self._awaited.popitem(last=False)

    def take(self, key: str, request_id: str) -> Served | None:
        """The answer, which is then no longer awaited; `None` where there is none for this key."""
        return self._awaited.pop((key, request_id), None)
