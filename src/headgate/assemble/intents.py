"""The classifier of intents, from its settings, what ships with the package, and what is installed."""

from __future__ import annotations

import logging

from headgate.adapters.embed import local
from headgate.adapters.examples import examples, head
from headgate.config.intents import Intents
from headgate.core.intent.cascade import Cascade
from headgate.core.intent.found import Thresholds
from headgate.core.intent.keywords import Keywords
from headgate.ports.embedder import Embedder

log = logging.getLogger("headgate")

NONE = "none"


def classifier(settings: Intents) -> Cascade:
    """Keywords; and where there is an embedder, vectors behind them.

    With built-in intents the head that ships is used. With intents or examples of the configuration's, or
    another embedder, one is fitted here, in some 0.3 s: keep what this returns for as long as the settings
    are the same.
    """
    keywords = Keywords({name: words.keywords for name, words in settings.named.items()})
    limits = settings.thresholds
    thresholds = Thresholds(high=limits.high, medium=limits.medium, low=limits.low)
    embedder = _embedder(settings.embedder)
    if embedder is None:
        return Cascade(keywords, thresholds)
    from headgate.core.intent.vectors import Vectors, fit

    named = settings.named.items()
    own = [(text, name) for name, words in named for text in words.examples or words.keywords]
    fitted = shipped = head(embedder.id)
    if own or fitted is None:
        said = [(text, keywords.intents.index(name)) for text, name in (*examples(), *own)]
        evidence = [keywords.weigh(text) for text, _ in said]
        fitted = fit(
            said, evidence, keywords.intents, embedder, temperature=shipped.temperature if shipped else None
        )
    return Cascade(keywords, thresholds, Vectors(embedder, fitted))


def _embedder(name: str) -> Embedder | None:
    if name == NONE:
        return None
    try:
        return local(name)
    except ImportError as missing:
        log.warning("intents go by keywords alone: %s", missing)
        return None
