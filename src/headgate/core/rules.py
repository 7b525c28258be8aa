"""What a route says, as plain values: whom it asks, what decides, and what is tried out on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from headgate.core.asked import Asked
from headgate.core.decision import Cascade
from headgate.core.feedback import Policy
from headgate.core.strategy import Importance


class When(msgspec.Struct, frozen=True):
    """Models for one kind of request. `rule` is how the configuration writes it (`simple+free`); what is
    `None` may be anything."""

    rule: str
    models: tuple[str, ...]
    intent: str | None = None
    complexity: str | None = None
    tier: str | None = None

    def fits(self, intent: str | None, complexity: str | None, tier: str) -> bool:
        return (
            (self.intent is None or self.intent == intent)
            and (self.complexity is None or self.complexity == complexity)
            and (self.tier is None or self.tier == tier)
        )


class Split(msgspec.Struct, frozen=True):
    """Shares of the traffic by model; `by` is user, session or key."""

    shares: Mapping[str, float]
    by: str = "user"


class Canary(msgspec.Struct, frozen=True, kw_only=True):
    """A new model on a share of the traffic. See `core.experiment.Trial` for `slower` and `false_alarm`."""

    model: str
    share: float
    by: str = "user"
    slower: float = 1.5
    false_alarm: float = 0.01


class Mirror(msgspec.Struct, frozen=True):
    """A model that gets a copy of a share of the requests."""

    model: str
    share: float


class Preference(msgspec.Struct, frozen=True):
    """What a learned router makes of a request: models, best first; how sure it is, 0..1; and why."""

    models: tuple[str, ...]
    confidence: float
    evidence: tuple[str, ...] = ()


class Learned(Protocol):
    """A router that was trained. Pure; for any request, in bounded time, without an error."""

    @property
    def weak(self) -> str:
        """The cheaper of its two models."""
        ...

    @property
    def target(self) -> float:
        """The share of the better one's quality that is to be kept."""
        ...

    def prefers(self, asked: Asked, shift: float = 0.0, /) -> Preference:
        """`shift`: how much larger a share of requests than was trained goes to the weak model."""
        ...


class Wants(msgspec.Struct, frozen=True):
    """What a route has to know of a request, and whether it is `simple`: asked once, not for each of them."""

    intent: bool
    complexity: bool
    session: bool
    simple: bool


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """One route. A model by its own name is a route of one.

    `use` are the models asked where no rule of `when` fits, or where nothing is left of those that do. `by`
    is none, intent, complexity or learned; `affinity` none, session or conversation.
    """

    name: str
    use: tuple[str, ...]
    by: str = "none"
    when: tuple[When, ...] = ()
    strategy: str = "in_order"
    min_quality: float | None = None
    weights: Mapping[str, float] = {}
    importance: Importance = Importance()
    affinity: str = "none"
    split: Split | None = None
    canary: Canary | None = None
    mirror: Mirror | None = None
    learned: Learned | None = None
    cascade: Cascade | None = None
    feedback: Policy | None = None

    def rule(self, intent: str | None, complexity: str | None, tier: str) -> When | None:
        """The first that fits."""
        return next((one for one in self.when if one.fits(intent, complexity, tier)), None)

    @property
    def plain(self) -> bool:
        """Whether there is nothing to decide: its models, in their order."""
        return (
            self.by == "none"
            and self.strategy == "in_order"
            and self.min_quality is None
            and self.affinity == "none"
            and not (self.split or self.canary or self.mirror or self.cascade or self.feedback)
        )

    @property
    def simple(self) -> bool:
        """Whether what is understood picks a rule, and nothing else is to be decided."""
        return (
            self.strategy == "in_order"
            and self.affinity == "none"
            and not (self.split or self.canary or self.mirror or self.learned or self.feedback)
        )

    @property
    def bandit(self) -> bool:
        """Whether scores of answers say who goes first."""
        return self.feedback is not None and self.feedback.bandit

    @property
    def wants_intent(self) -> bool:
        decides = self.by == "intent" or self.bandit or self.strategy == "best_quality"
        return decides or any(one.intent for one in self.when)

    @property
    def wants_complexity(self) -> bool:
        return self.by == "complexity" or any(one.complexity for one in self.when)

    def wants(self) -> Wants:
        return Wants(self.wants_intent, self.wants_complexity, self.wants_session, self.simple)

    @property
    def wants_session(self) -> bool:
        """Whether it matters which conversation a request belongs to."""
        return (
            self.affinity != "none"
            or self.strategy in ("cheapest", "balanced")
            or any(one is not None and one.by == "session" for one in (self.split, self.canary))
        )
