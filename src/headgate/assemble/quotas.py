"""Limits of callers' keys, of tenants, tiers and routes: which there are, and what outlives a reload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from headgate.assemble.budgets import by_route
from headgate.assemble.kept import Kept, Machine
from headgate.assemble.terms import Agreed, Payer
from headgate.config.callers import Key
from headgate.config.tree import Settings
from headgate.core.allowance import Rates
from headgate.core.call import Call
from headgate.core.expected import Usual
from headgate.core.purse import Slot
from headgate.core.quota import Limits, Quota, Several, Shared
from headgate.core.router import AUTO
from headgate.pipeline.cashier import Cashier
from headgate.pipeline.quota import Quotas, Under
from headgate.pipeline.service import Layer


class OnRoutes:
    """What calls are under where a name that is asked for has limits too."""

    def __init__(
        self,
        by_key: Mapping[str, Under],
        by_route: Mapping[str, Sequence[Limits]],
        of_key: Mapping[str, Sequence[Limits]],
    ) -> None:
        self._by_key = by_key
        self._by_route = by_route
        self._of_key = of_key
        self._both: dict[tuple[str, str], Under] = {}

    def __call__(self, call: Call) -> Under | None:
        key, route = call.caller.key, call.payload.model
        if route in self._by_route:
            return self._both.get((key, route)) or self._meet(key, route)
        return self._by_key.get(key)

    def _meet(self, key: str, route: str) -> Under:
        """Of a key on a route, when it is first asked for."""
        alone = self._by_key.get(key) or Under(None, Usual())
        limits = _one([*self._of_key.get(key, ()), *self._by_route[route]])
        found = self._both[key, route] = Under(limits, alone.usual, alone.day)
        return found


def _one(quotas: Sequence[Limits]) -> Limits | None:
    return Several(quotas) if len(quotas) > 1 else quotas[0] if quotas else None


def quotas(
    settings: Settings, machine: Machine, kept: Kept, days: Mapping[str, Slot], cashier: Cashier | None
) -> Iterator[Layer]:
    """Nothing, where nobody has a limit. `days`: of requests, by the name of the key that may make them."""
    agreed = Agreed(settings, machine.issued)
    found: dict[Payer, Quota | Shared] = {}
    for (kind, name), terms in agreed.terms.items():
        rates = Rates(rpm=terms.rpm, tpm=terms.tpm)
        if rates.limited:
            scope = name if kind == "key" else f"{kind}/{name}"
            found[kind, name] = kept(("quota", scope), None, partial(_quota, machine, scope))
            found[kind, name].allow(rates)
    if not found and not days:
        return
    of_key = {key.name: [found[one] for one in _payers(key) if one in found] for key in agreed.keys}
    by_key = {
        name: Under(_one(limits), kept(("usual", name), None, Usual), days.get(name))
        for name, limits in of_key.items()
    }
    of_routes = by_route(settings, {payer: [quota] for payer, quota in found.items()})
    of = OnRoutes(by_key, of_routes, of_key) if of_routes else None
    some = {name: under for name, under in by_key.items() if under.limits or under.day}
    yield partial(Quotas, by_key=some, of=of, clock=machine.clock, cashier=cashier)


def chosen(settings: Settings, machine: Machine, kept: Kept) -> Iterator[Layer]:
    """Of `agent:auto`: the limits of the route behind the agent that has been chosen for a request. Nothing,
    where no such route has one."""
    quotas = {name: kept.of("quota").get(f"route/{one.route}") for name, one in settings.agents.items()}
    usual = kept(("usual", AUTO), None, Usual)
    under = {name: Under(quota, usual) for name, quota in quotas.items() if quota is not None}

    def of(call: Call) -> Under | None:
        agent = call.decision.agent if call.decision and call.payload.model == AUTO else None
        return under.get(agent) if agent else None

    if under:
        yield partial(Quotas, by_key={}, of=of, clock=machine.clock)


def _payers(key: Key) -> tuple[Payer, ...]:
    return ("key", key.name), ("tenant", key.tenant or key.name), ("tier", key.tier)


def _quota(machine: Machine, name: str) -> Quota | Shared:
    """Of this process alone, or shared with others."""
    sharing = machine.sharing
    return Quota() if sharing is None else Shared(sharing.allowance(f"caller/{name}"), machine.clock.now)
