"""A router of plain values, for tests: models that are ready or not, requests that say what they are
about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from headgate.core.agents import Agent
from headgate.core.asked import Asked
from headgate.core.complexity import Complexity, Weighed
from headgate.core.decision import Candidate
from headgate.core.intent.found import BUILT_IN, GENERAL, Intent, Thresholds
from headgate.core.memory import Memory
from headgate.core.order import Pool
from headgate.core.router import Router
from headgate.core.routes import Routes
from headgate.core.rules import Rules
from headgate.core.understood import Wits
from virtual import clock


@dataclass
class Still:
    """A pool (`core.router.Pool`) that is as it is told to be."""

    is_ready: bool = True
    is_loaded: float = 0.0

    def ready(self) -> bool:
        return self.is_ready

    def load(self) -> float:
        return self.is_loaded


class Said(NamedTuple):
    """What a caller said it was (`intent.found.Clues`)."""

    name: str

    def told(self) -> tuple[str, ...]:
        return (self.name,)

    def scores(self) -> dict[str, float]:
        return {self.name: 1.0}


class Says:
    """A classifier that believes what it is told: `[code] …` is code, for certain."""

    intents = BUILT_IN
    calls = 0

    def classify(self, asked: Asked) -> Intent:
        self.calls += 1
        name = asked.text.partition("]")[0].removeprefix("[") if asked.text.startswith("[") else GENERAL
        sure = 0.9 if name != GENERAL else 0.1
        return Intent(
            name=name, confidence=sure, band=Thresholds().band(sure), by="keywords", clues=Said(name)
        )


def weighed(asked: Asked) -> Weighed:
    """By length alone: 20 characters, 200."""
    if asked.chars <= 20:
        return Weighed(Complexity.SIMPLE, 0.1)
    return Weighed(Complexity.MEDIUM if asked.chars <= 200 else Complexity.COMPLEX, 0.9)


def model(name: str, **members: Any) -> Candidate:
    return Candidate(model_id=name, provider=members.pop("provider", "p"), **members)


def router(
    models: Iterable[Candidate],
    *rules: Rules,
    pools: Mapping[str, Pool] | None = None,
    agents: Iterable[Agent] = (),
    similarity: Mapping[str, float] | None = None,
    memory: Memory | None = None,
    seed: int = 7,
) -> Router:
    """Every model is a route of one too."""
    known = {one.model_id: one for one in models}
    every = {name: Rules(name=name, use=(name,)) for name in known} | {one.name: one for one in rules}
    names = Routes(
        routes={one.name: one.use for one in rules},
        models={name: (one.provider, name) for name, one in known.items()},
    )
    return Router(
        every,
        known,
        pools or {name: Still() for name in known},
        agents=tuple(agents),
        names=names,
        wits=Wits(
            classifier=Says(),
            complexity=weighed,
            similarity=None if similarity is None else lambda text: similarity,
        ),
        memory=memory or Memory(),
        chance=Random(seed),
        now=lambda: clock().now(),
    )
