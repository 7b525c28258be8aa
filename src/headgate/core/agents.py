"""Which persona a request is given to."""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence

import msgspec

from headgate.core.intent.found import Intent
from headgate.core.shape import Shape

SURE = 0.5
"""Below this confidence a request goes to the default agent."""

SURE_BY_SIMILARITY = 0.7
"""The same, where no skill speaks for an agent and only its description does: likeness of words is cheap."""

PER_SECOND = 0.1
"""What a second of expected wait costs an agent's score."""

LONGEST_S = 10.0
"""No wait counts for more."""

_STEM = 6
"""Letters of a word that must agree: `optimize` and `optimization` are one word here."""

_WORDS = re.compile(r"[^\W\d_]+")


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """A persona. `skills`: intents, or words such as `budget_planning`, to how good it is at them, 0..1."""

    name: str
    description: str
    skills: Mapping[str, float] = {}
    shape: Shape = Shape()
    route: str = "auto"
    default: bool = False


class Fit(msgspec.Struct, frozen=True):
    """How well an agent fits: by its skills, by its description (`None`: nobody compared), both together, and
    what is left of that with the wait taken off."""

    agent: Agent
    skill: float
    similarity: float | None
    confidence: float
    score: float

    @property
    def sure(self) -> bool:
        return self.confidence >= (SURE if self.skill else SURE_BY_SIMILARITY)


def skill(agent: Agent, text: str, intent: Intent | None) -> float:
    """How far the agent's skills speak for it, 0..1: what it is best at of what is asked for.

    A skill that is the request's intent counts by the confidence in that; another by the share of its words
    that the request has, if that is at least half.
    """
    said = {word[:_STEM] for word in _WORDS.findall(text.lower())}
    best = 0.0
    for name, level in agent.skills.items():
        if intent is not None and name == intent.name:
            best = max(best, level * intent.confidence)
        words = [word[:_STEM] for word in _WORDS.findall(name.lower().replace("_", " "))]
        share = sum(word in said for word in words) / len(words) if words else 0.0
        if share >= 0.5:
            best = max(best, level * share)
    return best


def fitted(
    agents: Sequence[Agent],
    text: str,
    intent: Intent | None,
    *,
    similarity: Mapping[str, float] | None,
    wait_s: Mapping[str, float],
) -> list[Fit]:
    """Every agent, the best first. `similarity` (−1..1, by agent's name) of the request to its description;
    it adds to what the skills say up to half of the room they leave, or speaks alone where they say
    nothing."""
    fits = []
    for agent in agents:
        by_skill = skill(agent, text, intent)
        alike = None if similarity is None else similarity.get(agent.name, 0.0)
        more = max(alike or 0.0, 0.0)
        confidence = by_skill + (1.0 - by_skill) * more / 2.0 if by_skill else more
        wait = min(wait_s.get(agent.name, 0.0), LONGEST_S)
        fits.append(Fit(agent, by_skill, alike, confidence, confidence - PER_SECOND * wait))
    return sorted(fits, key=lambda fit: -fit.score)


def chosen(agents: Sequence[Agent], fits: Sequence[Fit]) -> Agent:
    """The best, if that is sure; else the default one, which is the first where none is named."""
    if fits and fits[0].sure:
        return fits[0].agent
    return next((agent for agent in agents if agent.default), agents[0])


class Decisions:
    """How often each tenant's requests went to which agent; of the tenants seen last."""

    def __init__(self, *, most: int = 10_000) -> None:
        self._most = most
        self._by_tenant: OrderedDict[str, Counter[str]] = OrderedDict()

    def count(self, tenant: str, agent: str) -> None:
        """One more. As many agents are counted as the configuration names."""
        self._by_tenant.setdefault(tenant, Counter())[agent] += 1
        self._by_tenant.move_to_end(tenant)
        if len(self._by_tenant) > self._most:
            self._by_tenant.popitem(last=False)

    def of(self, tenant: str) -> Mapping[str, int]:
        return dict(self._by_tenant.get(tenant, ()))

    def all(self) -> Mapping[str, int]:
        return dict(sum(self._by_tenant.values(), Counter()))
