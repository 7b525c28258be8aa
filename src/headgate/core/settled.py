"""Routes where what is understood picks the models, and nothing else is to be decided: their receipts, worked
out once for each kind of request and all callers of equal rights. What a request has of its own is filled in.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from headgate.core.asked import Asked
from headgate.core.call import Call
from headgate.core.constraints import rights_of, unbound
from headgate.core.decision import Candidate, Decision
from headgate.core.forecast import Lengths
from headgate.core.panel import MOST_PANELS, Panel, Panels
from headgate.core.price import Price
from headgate.core.rules import Rules
from headgate.core.understood import Understood


class _Kind(msgspec.Struct, frozen=True):
    """Of one kind of request: who is in the running, the receipt, and the price of the first."""

    panel: Panel
    receipt: Decision
    price: Price | None


class Settled:
    """The receipts of one generation."""

    def __init__(self, panels: Panels, models: Mapping[str, Candidate], lengths: Lengths) -> None:
        self._panels = panels
        self._models = models
        self._lengths = lengths
        self._kinds: dict[tuple[object, ...], _Kind] = {}

    def decision(self, rules: Rules, call: Call, asked: Asked, understood: Understood) -> Decision | None:
        """For a route whose rules are `simple` and have no cascade. `None` where it has to be looked at more
        closely who is able to serve, or why nobody may."""
        payload, caller, intent = call.payload, call.caller, understood.intent
        rights = None if unbound(caller) else rights_of(caller)
        key = (payload.model, understood.name, understood.complexity, caller.tier.name, rights)
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kind(rules, call, understood)
            if kind is None:
                return None
            if len(self._kinds) >= MOST_PANELS:
                self._kinds.clear()
            self._kinds[key] = kind
        if not kind.panel.can_tell(payload.raw, payload.operation):
            return None
        receipt, price, cost = kind.receipt, kind.price, None
        if price is not None:
            cost = self._lengths.cost_nano(price, receipt.chain[0], receipt.intent, asked, 0.0)
        # naming all members anew would cost ten times as much
        return replace(
            receipt,
            confidence=intent.confidence if intent else None,
            band=intent.band if intent else None,
            why=understood,
            expected_nano=cost,
            classified_s=understood.seconds,
        )

    def _kind(self, rules: Rules, call: Call, understood: Understood) -> _Kind | None:
        """`None` where the filters leave nobody."""
        intent, requested = understood.name, call.payload.model
        when = rules.rule(intent, understood.complexity, call.caller.tier.name)
        panel = self._panels.of(rules, when.models if when else rules.use, call.caller, requested, intent)
        if not panel.chain:
            return None
        receipt = Decision(
            requested=requested,
            chain=panel.chain,
            route=rules.name,
            by=rules.by,
            strategy=rules.strategy,
            intent=intent,
            complexity=understood.complexity,
            when=when.rule if when else None,
            verdicts=panel.verdicts,
        )
        return _Kind(panel, receipt, self._models[panel.chain[0]].price)
