"""Limits of callers' keys, of tenants, tiers and routes: which there are, and what outlives a reload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from headgate.assemble.budgets import Allotted, by_route
from headgate.assemble.kept import Kept, Machine
from headgate.assemble.terms import Agreed, Payer, payers
from headgate.config.tree import Settings
from headgate.core.call import Call, Caller
from headgate.core.expected import Usual
from headgate.core.purse import Slot
from headgate.core.quota import Limits, Quota, Several, Shared
from headgate.core.router import AUTO
from headgate.pipeline.quota import Quotas, Under
from headgate.pipeline.service import Layer


class Known:
    """What calls are under: the limits of their key, tenant and tier, and of the name they ask for. Those of
    a caller are put together when it first calls, because there may be many who do not."""

    def __init__(
        self, agreed: Agreed, settings: Settings, machine: Machine, kept: Kept, days: Mapping[str, Slot]
    ) -> None:
        """`days`: of requests, by the name of the key that may make them."""
        self._limits = agreed.limits
        self._machine = machine
        self._kept = kept
        self._days = days
        self._under: dict[tuple[str, str], Under | None] = {}
        self.whatever: dict[str, Under] = {}
        """By the name of the key, where it does not matter what is asked for."""
        for payer in [*kept.before("quota"), *(one for one in agreed.limits if one[0] == "route")]:
            self._quota(payer)  # as they are now, though nobody calls before the next change
        for key in [name for name in kept.before("usual") if name in agreed.tenants]:
            self._usual(key)
        self._by_route = by_route(settings, {one: [one] for one in agreed.limits if one[0] == "route"})

    def __call__(self, call: Call) -> Under | None:
        route = call.payload.model if call.payload.model in self._by_route else ""
        at = call.caller.key, route
        try:
            return self._under[at]
        except KeyError:
            found = self._under[at] = self._meet(call.caller, route)
            if found is not None and not self._by_route:
                self.whatever[call.caller.key] = found
            return found

    def _meet(self, caller: Caller, route: str) -> Under | None:
        """Of a caller on a route (`""`: on one without limits), when it is first asked for."""
        wanted = [*payers(caller), *self._by_route.get(route, ())]
        found = [quota for one in wanted if (quota := self._quota(one)) is not None]
        day = self._days.get(caller.key)
        return Under(_one(found), self._usual(caller.key), day) if found or day else None

    def _quota(self, payer: Payer) -> Quota | Shared | None:
        rates = self._limits.get(payer)
        if rates is None:
            return None
        quota = self._kept(("quota", payer), None, partial(_quota, self._machine, "/".join(payer)))
        quota.allow(rates)
        return quota

    def _usual(self, key: str) -> Usual:
        return self._kept(("usual", key), None, Usual)


def _one(quotas: Sequence[Limits]) -> Limits | None:
    return Several(quotas) if len(quotas) > 1 else quotas[0] if quotas else None


def quotas(
    settings: Settings, machine: Machine, kept: Kept, agreed: Agreed, allotted: Allotted
) -> Iterator[Layer]:
    """Nothing, where nobody has a limit."""
    if agreed.limits or allotted.days:
        of = Known(agreed, settings, machine, kept, allotted.days)
        yield partial(Quotas, known=of.whatever, of=of, clock=machine.clock, cashier=allotted.cashier)


def chosen(settings: Settings, machine: Machine, kept: Kept) -> Iterator[Layer]:
    """Of `agent:auto`: the limits of the route behind the agent that has been chosen for a request. Nothing,
    where no such route has one."""
    there: dict[Payer, Quota | Shared] = kept.of("quota")
    quotas = {name: there.get(("route", one.route)) for name, one in settings.agents.items()}
    usual = kept(("usual", AUTO), None, Usual)
    under = {name: Under(quota, usual) for name, quota in quotas.items() if quota is not None}

    def of(call: Call) -> Under | None:
        agent = call.decision.agent if call.decision and call.payload.model == AUTO else None
        return under.get(agent) if agent else None

    if under:
        yield partial(Quotas, known={}, of=of, clock=machine.clock)


def _quota(machine: Machine, name: str) -> Quota | Shared:
    """Of this process alone, or shared with others."""
    sharing = machine.sharing
    if sharing is None:
        return Quota()
    return Shared(sharing.allowance(f"caller/{name}", frugal=True), machine.clock.now)
