"""What is made of a request before anybody is chosen, and what it is made with."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from headgate.core.asked import Asked
from headgate.core.complexity import Weighed
from headgate.core.intent.found import Classifier, Intent
from headgate.core.rules import Preference


class Wits(msgspec.Struct, frozen=True, kw_only=True):
    """What requests are understood with. `similarity` gives the likeness of a text to each agent's
    description, by name."""

    classifier: Classifier
    complexity: Callable[[Asked], Weighed]
    similarity: Callable[[str], Mapping[str, float]] | None = None


class Understood(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was made of one request, as far as its route wanted to know."""

    intent: Intent | None = None
    weighed: Weighed | None = None
    preference: Preference | None = None
    seconds: float | None = None

    @property
    def name(self) -> str | None:
        return self.intent.name if self.intent else None

    @property
    def complexity(self) -> str | None:
        return self.weighed.complexity if self.weighed else None

    @property
    def evidence(self) -> tuple[str, ...]:
        if self.intent is not None and self.weighed is None and self.preference is None:
            return self.intent.evidence
        parts = (self.intent, self.weighed, self.preference)
        return tuple(said for part in parts if part is not None for said in part.evidence)
