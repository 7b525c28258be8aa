"""What was made of a turn a moment ago is not worked out again.

An agent asks dozens of times within one turn of its user's, with nothing new but what its tools found, which
is no part of what is asked. Intent and complexity hang on what the user says and said before, and on nothing
else: so they are the same.

Known weakness: the texts of so many turns stay in memory until others have come, samples of some kilobytes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from headgate.core.asked import Asked, Turn
from headgate.core.complexity import Weighed, weigh_text
from headgate.core.intent.found import Classifier, Intent

RECENT = 1_024
"""Turns whose results are kept, the least recently asked gone first: 5 MB at the most."""


class Recent:
    """A `Classifier` that remembers what another one found."""

    def __init__(self, classifier: Classifier) -> None:
        self.intents = classifier.intents

        def found(text: str, earlier: tuple[Turn, ...]) -> Intent:
            return classifier.classify(Asked(text=text, earlier=earlier))

        self._found = lru_cache(maxsize=RECENT)(found)

    def classify(self, asked: Asked, /) -> Intent:
        return self._found(asked.text, asked.earlier)


def weigher() -> Callable[[Asked], Weighed]:
    """`complexity.weigh`, with such a memory."""
    known = lru_cache(maxsize=RECENT)(weigh_text)
    return lambda asked: known(asked.text)
