"""What requests are understood with: the classifier, complexity, likeness to agents' descriptions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from headgate.adapters.embed import local
from headgate.assemble.intents import NONE, classifier
from headgate.assemble.kept import Kept
from headgate.config.tree import Settings
from headgate.core.agents import Agent
from headgate.core.intent.found import BUILT_IN
from headgate.core.recent import Recent, weigher
from headgate.core.understood import Wits
from headgate.ports.embedder import Embedder

Similarity = Callable[[str], Mapping[str, float]]

log = logging.getLogger("headgate")


def intents(settings: Settings) -> frozenset[str]:
    """Every intent there is a name for."""
    return frozenset((*BUILT_IN, *settings.intents.named))


def wits(settings: Settings, kept: Kept, agents: Sequence[Agent]) -> Wits:
    """The embedder, some 40 MB of memory with its libraries, is loaded only for routes that go by intent."""
    asked = any(route.by == "intent" for route in settings.routes.values())
    wanted = settings.intents if asked else settings.intents.model_copy(update={"embedder": NONE})
    return Wits(
        classifier=kept("intent classifier", wanted, lambda: Recent(classifier(wanted))),
        complexity=weigher(),
        similarity=_similarity(agents, kept("embedder of agents", None, _embedder)) if agents else None,
    )


def _embedder() -> Embedder | None:
    try:
        return local()
    except ImportError as missing:
        log.warning("agent:auto goes by skills alone: %s", missing)
        return None


def _similarity(agents: Sequence[Agent], embedder: Embedder | None) -> Similarity | None:
    """Cosines of a text's vector and the agents' descriptions'. `None` where there is no embedder: then only
    skills speak for an agent."""
    if embedder is None:
        return None
    names = [agent.name for agent in agents]
    described = embedder.embed([agent.description for agent in agents])

    def likeness(text: str) -> Mapping[str, float]:
        return dict(zip(names, (described @ embedder.embed([text])[0]).tolist(), strict=True))

    return likeness
