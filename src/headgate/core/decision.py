"""What routing decides, and why: a receipt that explains itself."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from headgate.core.price import Price, usd


class Filter(StrEnum):
    """What can take a model out of the running, in the order in which it is asked.

    The first four are about who asks, the next two about what is asked, the last about how well it must be
    done.
    """

    MODELS = "models"
    PROVIDERS = "providers"
    REGIONS = "regions"
    PRIVACY = "privacy"
    CAPABILITIES = "capabilities"
    CONTEXT = "context"
    MIN_QUALITY = "min_quality"


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a model before it is asked, from the configuration.

    `quality` and each of `skills` (intent → quality there) are 0..1; `quality` is `None` where nobody has
    said. `context` is in tokens; `supports` is `None` where it is not known what the model can do. `local`:
    it runs on this machine or beside it, so that what it is asked stays in the house.
    """

    model_id: str
    provider: str
    region: str = ""
    local: bool = False
    quality: float | None = None
    skills: Mapping[str, float] = {}
    context: int | None = None
    supports: frozenset[str] | None = None
    price: Price | None = None

    def quality_at(self, intent: str | None) -> float | None:
        """How well it does this kind of request: by its skill, else by its quality altogether."""
        return self.skills.get(intent, self.quality) if intent else self.quality


class Verdict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of one candidate: either the filter that took it out, and why; or its place in the running.

    `score` is what the strategy ordered by, higher first, and `parts` what it is made of, by name.
    `ready` is false where it has no room or is not well: then it is asked after those that are.
    """

    model_id: str
    removed_by: Filter | None = None
    reason: str = ""
    score: float | None = None
    parts: Mapping[str, float] = {}
    expected_nano: int | None = None
    ready: bool = True


class Cascade(msgspec.Struct, frozen=True, gc=False):
    """The weak model answers; whether its answer will do decides if the strong one is asked."""

    weak: str
    strong: str


class Why(Protocol):
    """What spoke for what was understood: put into words when somebody asks."""

    @property
    def evidence(self) -> tuple[str, ...]: ...


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The receipt: what was asked for, what was understood of it, and which models are tried in which order.

    `route` is the name whose rules decided; `by` and `strategy` how. `when` is the rule that matched, where
    one did. `confidence` is 0..1, `band` its name (high, medium, low, none). `experiment` says which arm of a
    split or canary the request is on, `mirror` which model gets a copy, `cascade` whose answer
    is judged first. `verdicts` hold every candidate,
    those of `chain` first. `expected_nano` is what the first of the chain will probably cost, in
    nano-dollars. `classified_s` is how long it took to understand the request. `warm_key` is the label of our
    key at the provider of `chain[0]` whose prompt cache knows this session.
    """

    requested: str
    chain: tuple[str, ...]
    route: str = ""
    by: str = "none"
    strategy: str = "in_order"
    intent: str | None = None
    confidence: float | None = None
    band: str | None = None
    why: Why | None = None
    complexity: str | None = None
    when: str | None = None
    agent: str | None = None
    agent_confidence: float | None = None
    experiment: str | None = None
    mirror: str | None = None
    cascade: Cascade | None = None
    session: str | None = None
    warm_key: str | None = None
    expected_nano: int | None = None
    classified_s: float | None = None
    verdicts: tuple[Verdict, ...] = ()

    @property
    def evidence(self) -> tuple[str, ...]:
        return self.why.evidence if self.why else ()

    def document(self) -> dict[str, Any]:
        """As `POST /router/explain` tells it: JSON-able, money in dollars."""
        said: dict[str, Any] = {
            "requested": self.requested,
            "model_id": self.chain[0] if self.chain else None,
            "intent": self.intent,
            "confidence": self.confidence,
            "complexity": self.complexity,
            "candidates": [_told(verdict) for verdict in self.verdicts],
            "fallbacks": list(self.chain[1:]),
            "expected_cost_usd": None if self.expected_nano is None else usd(self.expected_nano),
        }
        more = (
            "route",
            "by",
            "strategy",
            "band",
            "when",
            "agent",
            "agent_confidence",
            "experiment",
            "session",
        )
        said |= {name: getattr(self, name) for name in more}
        cascade = self.cascade and {"weak": self.cascade.weak, "strong": self.cascade.strong}
        return said | {"cascade": cascade, "evidence": list(self.evidence)}


def _told(verdict: Verdict) -> dict[str, Any]:
    cost = verdict.expected_nano
    return {
        "model_id": verdict.model_id,
        "removed_by": verdict.removed_by,
        "reason": verdict.reason or None,
        "score": None if verdict.score is None else round(verdict.score, 6),
        "parts": {name: round(value, 6) for name, value in verdict.parts.items()},
        "expected_cost_usd": None if cost is None else usd(cost),
        "ready": verdict.ready,
    }
