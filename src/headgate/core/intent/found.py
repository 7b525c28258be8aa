"""What was understood of a request, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from headgate.core.asked import Asked

CODE, REASONING, GENERAL = "code", "reasoning", "general"
BUILT_IN = (CODE, REASONING, GENERAL)
"""The intents that are known without a configuration. `GENERAL` is also what there is where nothing is
found."""


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """From which confidence on an intent counts as found with this much certainty. 0 < low <= medium <=
    high <= 1."""

    high: float = 0.7
    medium: float = 0.4
    low: float = 0.2

    def band(self, confidence: float) -> str:
        """`high`, `medium`, `low` or `none`: a label for metrics and receipts."""
        if confidence >= self.high:
            return "high"
        if confidence >= self.medium:
            return "medium"
        return "low" if confidence >= self.low else "none"


class Clues(Protocol):
    """Why an intent was found: kept as it was found, and put into words only when somebody asks."""

    def told(self) -> tuple[str, ...]:
        """The words and marks that spoke for it, the weightiest first."""
        ...

    def scores(self) -> Mapping[str, float]:
        """The confidence in every intent; they add up to 1."""
        ...


class Intent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a request is about.

    `confidence` is 0..1: how often such a request is of this intent, as far as it could be calibrated.
    `band` is its name. `by` says who decided: `keywords`, `vectors`, or `nothing` where there was no text
    to go by.
    """

    name: str
    confidence: float
    band: str
    by: str
    clues: Clues | None = None

    @property
    def evidence(self) -> tuple[str, ...]:
        return self.clues.told() if self.clues else ()

    @property
    def scores(self) -> Mapping[str, float]:
        return self.clues.scores() if self.clues else {}


class Classifier(Protocol):
    """Tells intents. Pure and deterministic; for any text whatever, in bounded time, without an error."""

    @property
    def intents(self) -> tuple[str, ...]:
        """Every name it can answer with."""
        ...

    def classify(self, asked: Asked, /) -> Intent: ...
