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
from headgate.core.quota import Limits, Quota, Several, Shared
from headgate.core.router import AUTO
from headgate.pipeline.quota import Quotas, Under
from headgate.pipeline.service import Layer


class Known:
    """What calls are under: the limits of their key, tenant and tier, and of the name they ask for."""

    def __init__(
        self,
        by_key: Mapping[str, Sequence[Limits]],
        by_route: Mapping[str, Sequence[Limits]],
        usual: Mapping[str, Usual],
    ) -> None:
        self._usual = usual
        self._by_key = {name: Under(_one(found), usual[name]) for name, found in by_key.items() if found}
        self._quotas = by_key, by_route
        self._routes = frozenset(by_route)
        self._both: dict[tuple[str, str], Under] = {}

    def __call__(self, call: Call) -> Under | None:
        key, route = call.caller.key, call.payload.model
        if route in self._routes:
            return self._both.get((key, route)) or self._meet(key, route)
        return self._by_key.get(key)

    def _meet(self, key: str, route: str) -> Under:
        """Of a key on a route, when it is first asked for."""
        by_key, by_route = self._quotas
        limits = _one([*by_key.get(key, ()), *by_route[route]])
        found = self._both[key, route] = Under(limits, self._usual.get(key) or Usual())
        return found


def _one(quotas: Sequence[Limits]) -> Limits:
    return quotas[0] if len(quotas) == 1 else Several(quotas)


def quotas(settings: Settings, machine: Machine, kept: Kept) -> Iterator[Layer]:
    """Nothing, where nobody has a limit."""
    agreed = Agreed(settings, machine.issued)
    found: dict[Payer, Quota | Shared] = {}
    for (kind, name), terms in agreed.terms.items():
        rates = Rates(rpm=terms.rpm, tpm=terms.tpm)
        if rates.limited:
            scope = f"{kind}/{name}"  # a key may be called `tenant/acme`
            found[kind, name] = kept(("quota", scope), None, partial(_quota, machine, scope))
            found[kind, name].allow(rates)
    if not found:
        return
    by_key = {key.name: [found[one] for one in _payers(key) if one in found] for key in agreed.keys}
    of_routes = by_route(settings, {payer: [quota] for payer, quota in found.items()})
    usual = {name: kept(("usual", name), None, Usual) for name in by_key}
    yield partial(Quotas, under=Known(by_key, of_routes, usual), clock=machine.clock)


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
        yield partial(Quotas, under=of, clock=machine.clock)


def _payers(key: Key) -> tuple[Payer, ...]:
    return ("key", key.name), ("tenant", key.tenant or key.name), ("tier", key.tier)


def _quota(machine: Machine, name: str) -> Quota | Shared:
    """Of this process alone, or shared with others."""
    sharing = machine.sharing
    return Quota() if sharing is None else Shared(sharing.allowance(f"caller/{name}"))
