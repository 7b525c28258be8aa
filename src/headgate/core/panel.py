"""Who is in the running for one kind of request of callers with equal rights: worked out once, and kept."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from headgate.core.asked import Asked
from headgate.core.call import Call, Caller, Operation
from headgate.core.constraints import (
    Rights,
    Sieved,
    able,
    good_enough,
    lacking,
    lawful,
    rights_of,
    unbound,
)
from headgate.core.decision import Candidate, Verdict
from headgate.core.rules import Rules
from headgate.core.usage import CHARS_PER_TOKEN

MOST_PANELS = 4096
"""As many are kept; then they are worked out anew."""

_MARKS = (b'"tools"', b'"functions"', b'"image', b'"response_format"', b'"output_')
"""Where none of these stands in a body, it asks for neither tools nor images nor JSON."""


class Panel(msgspec.Struct, frozen=True):
    """The lawful candidates in their order, as models and as verdicts; and who was taken out before.

    `lacks` is what some of them are known not to be able to do. `least_chars`: a prompt of no more characters
    fits all of them; `None` is any.
    """

    found: Sieved
    chain: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    lacks: frozenset[str]
    least_chars: int | None

    def can_tell(self, raw: bytes, operation: Operation) -> bool:
        """Whether a look at a body is enough to say that everybody here can do what it asks."""
        if self.least_chars is not None and len(raw) > self.least_chars:
            return False
        if not self.lacks:
            return True
        if operation is Operation.EMBEDDINGS:
            return "embeddings" not in self.lacks
        if "chat" in self.lacks:
            return False
        # a member's name may be written with escapes
        return not any(mark in raw for mark in _MARKS) and b"\\u00" not in raw


def panel(found: Sieved) -> Panel:
    contexts = [one.context for one in found.kept if one.context is not None]
    standing = tuple(Verdict(model_id=one.model_id) for one in found.kept)
    return Panel(
        found,
        tuple(one.model_id for one in found.kept),
        (*standing, *found.removed),
        frozenset(name for one in found.kept for name in lacking(one)),
        min(contexts) * CHARS_PER_TOKEN if contexts else None,
    )


class Panels:
    """The panels of one generation."""

    def __init__(self, models: Mapping[str, Candidate], *, written: str = "") -> None:
        """`written`: in which region requests are written down."""
        self._models = models
        self._written = written
        self._kept: dict[tuple[object, ...], Panel] = {}

    def of(
        self,
        rules: Rules,
        models: tuple[str, ...],
        caller: Caller,
        requested: str,
        intent: str | None = None,
    ) -> Panel:
        """Those of `models` that the caller's rights and the route's `min_quality` let pass. `intent` only
        matters to the latter."""
        rights = None if unbound(caller) else rights_of(caller)
        least = rules.min_quality
        key = (rules.name, models, rights, requested, intent if least is not None else None)
        known = self._kept.get(key)
        if known is None:
            if len(self._kept) >= MOST_PANELS:
                self._kept.clear()
            found = lawful(
                (self._models[one] for one in models),
                rights or Rights(),
                named=(requested, rules.name),
                written=self._written,
            )
            known = self._kept[key] = panel(good_enough(found, intent, least))
        return known

    def lawful(
        self, call: Call, rules: Rules, models: tuple[str, ...], asked: Asked | None, intent: str | None
    ) -> Panel:
        """Those of `models` that may serve this call, and are able to."""
        payload = call.payload
        found = self.of(rules, models, call.caller, payload.model, intent)
        return narrowed(found, payload.raw, asked, payload.operation)


def narrowed(panel_: Panel, raw: bytes, asked: Asked | None, operation: Operation) -> Panel:
    """The panel without those that cannot do what is asked."""
    if panel_.found.emptied_by is not None or panel_.can_tell(raw, operation):
        return panel_
    found = able(panel_.found, asked, operation)
    return panel_ if found is panel_.found else panel(found)
