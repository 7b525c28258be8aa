"""Limits of callers' keys, of tenants, tiers and routes: which there are, and what outlives a reload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from headgate.assemble.budgets import by_route
from headgate.assemble.kept import Kept, Machine
from headgate.assemble.terms import Agreed, Payer
from headgate.config.callers import Key
from headgate.config.tree import Settings
from headgate.core.allowance import FREE, Rates
from headgate.core.call import Call
from headgate.core.quota import Limits, Quota, Several, lately
from headgate.core.window import Windows
from headgate.pipeline.quota import Quotas
from headgate.pipeline.service import Layer


class Under:
    """The limits that a call is under: those of its key, tenant and tier, and of the name it asks for."""

    def __init__(
        self, by_key: Mapping[str, Sequence[Quota]], by_route: Mapping[str, Sequence[Quota]]
    ) -> None:
        self._by_key = {name: _one(found) for name, found in by_key.items() if found}
        self._by_route = {name: _one(found) for name, found in by_route.items()}
        self._quotas = by_key, by_route
        self._both: dict[tuple[str, str], Limits] = {}

    def __call__(self, call: Call) -> Limits | None:
        key, route = call.caller.key, call.payload.model
        if route in self._by_route:
            return self._both.get((key, route)) or self._meet(key, route)
        return self._by_key.get(key)

    def _meet(self, key: str, route: str) -> Limits:
        """Of a key on a route, when it is first asked for."""
        by_key, by_route = self._quotas
        found = self._both[key, route] = _one([*by_key.get(key, ()), *by_route[route]])
        return found


def _one(quotas: Sequence[Quota]) -> Limits:
    return quotas[0] if len(quotas) == 1 else Several(quotas)


def quotas(settings: Settings, machine: Machine, kept: Kept) -> Iterator[Layer]:
    """Nothing, where nobody has a limit."""
    agreed = Agreed(settings, machine.issued)
    per_day = {
        key.name: tier.requests_per_day for key in agreed.keys if (tier := settings.tiers.get(key.tier))
    }
    found: dict[Payer, Quota] = {}
    for (kind, name), terms in agreed.terms.items():
        rates, most = Rates(rpm=terms.rpm, tpm=terms.tpm), per_day.get(name) if kind == "key" else None
        if rates.limited or most is not None:
            scope = name if kind == "key" else f"{kind}/{name}"
            found[kind, name] = kept(("quota", scope), None, partial(_quota, machine, scope))
            found[kind, name].allow(rates, most)
    if not found:
        return
    by_key = {key.name: [found[one] for one in _payers(key) if one in found] for key in agreed.keys}
    of_routes = by_route(settings, {payer: [quota] for payer, quota in found.items()})
    yield partial(Quotas, limits=Under(by_key, of_routes), clock=machine.clock)


def _payers(key: Key) -> tuple[Payer, ...]:
    return ("key", key.name), ("tenant", key.tenant or key.name), ("tier", key.tier)


def _quota(machine: Machine, name: str) -> Quota:
    """Of this process alone, or shared with others; of a key it remembers what the books know of its day."""
    sharing, clock = machine.sharing, machine.clock
    if sharing is None:
        found = Quota(Windows(FREE), processes=lambda: 1)
    else:
        found = Quota(sharing.allowance(f"caller/{name}"), processes=lambda: sharing.holder.holders)
    if machine.issued is not None and (by_day := machine.issued.by_day.pop(name, None)):
        found.remember(lately(by_day, clock.wall()), clock.now())
    return found
