"""Which of several models goes first. All of them may serve; a strategy only puts them in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

import msgspec

from headgate.core.decision import Candidate, Verdict

SLOWEST_S = 60.0
"""No expected wait counts for more than this: one that has never answered is slow, not out of all measure."""

SCORED = ("least_latency", "cheapest", "best_quality", "balanced")
"""Strategies that look at what is known of each candidate."""


class Importance(msgspec.Struct, frozen=True, kw_only=True):
    """How much each thing counts in `balanced`. Only their proportions matter."""

    quality: float = 1.0
    price: float = 0.5
    latency: float = 0.3
    warmth: float = 0.2


class Runner(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate in the running, with what is known of it at this moment.

    `quality` for the request's intent (`None`: not known); `expected_nano` for this request (`None`: no
    price); `latency_s` as its pool expects it; `warmth` is the share of the prompt that its provider has
    cached.
    """

    candidate: Candidate
    ready: bool = True
    quality: float | None = None
    expected_nano: int | None = None
    latency_s: float = 0.0
    warmth: float = 0.0

    @property
    def model_id(self) -> str:
        return self.candidate.model_id


def rotated(models: tuple[str, ...], turn: int) -> tuple[str, ...]:
    """`round_robin`: every turn another goes first."""
    first = turn % len(models) if models else 0
    return models[first:] + models[:first]


def drawn(models: tuple[str, ...], weights: Mapping[str, float], chance: Random) -> tuple[str, ...]:
    """`weighted`: each goes first as often as its weight says, and so on among the rest.

    A race of exponential waiting times (Efraimidis and Spirakis, *Weighted random sampling*, 2006).
    """
    return tuple(sorted(models, key=lambda model: chance.expovariate(weights.get(model, 1.0))))


def ranked(strategy: str, runners: Sequence[Runner], importance: Importance) -> list[Verdict]:
    """For the strategies that score: best first, equals in the order given; those that are not ready last."""
    parts = _balanced(runners, importance) if strategy == "balanced" else _single(strategy, runners)
    verdicts = [
        Verdict(
            model_id=runner.model_id,
            score=sum(said.values()),
            parts=said,
            expected_nano=runner.expected_nano,
            ready=runner.ready,
        )
        for runner, said in zip(runners, parts, strict=True)
    ]
    return sorted(verdicts, key=lambda one: (not one.ready, -(one.score or 0.0)))


def _single(strategy: str, runners: Sequence[Runner]) -> list[dict[str, float]]:
    """One thing counts; what is not known counts as the worst."""
    if strategy == "best_quality":
        return [{"quality": -1.0 if one.quality is None else one.quality} for one in runners]
    if strategy == "cheapest":
        return [{"price": -_price(one, unknown=float("inf"))} for one in runners]
    return [{"latency": -one.latency_s} for one in runners]


def _price(one: Runner, *, unknown: float) -> float:
    """In dollars."""
    return unknown if one.expected_nano is None else one.expected_nano / 1e9


def _balanced(runners: Sequence[Runner], importance: Importance) -> list[dict[str, float]]:
    """Price and wait beside the worst of those in the running, so that units do not matter."""
    dearest = max((_price(one, unknown=0.0) for one in runners), default=0.0)
    waits = [min(one.latency_s, SLOWEST_S) for one in runners]
    slowest = max(waits, default=0.0)
    return [
        {
            "quality": importance.quality * (one.quality or 0.0),
            "price": -importance.price * (_price(one, unknown=dearest) / dearest if dearest else 0.0),
            "latency": -importance.latency * (wait / slowest if slowest else 0.0),
            "warmth": importance.warmth * one.warmth,
        }
        for one, wait in zip(runners, waits, strict=True)
    ]
