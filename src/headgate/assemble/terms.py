"""What is agreed with keys, tenants, tiers and routes: by the configuration, and at run time where it says
nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from headgate.assemble.issued import IssuedKeys, with_issued
from headgate.config import callers as config
from headgate.config.tree import Settings
from headgate.core.allowance import Rates
from headgate.core.budget import Budget, Per, account, zone_named
from headgate.core.call import Caller
from headgate.core.issued import Terms

Payer = tuple[str, str]
"""Kind and name."""

log = logging.getLogger("headgate")


def payers(caller: Caller) -> tuple[Payer, ...]:
    """Who answers for what a caller does, beside the route that is asked for."""
    return ("key", caller.key), ("tenant", caller.tenant), ("tier", caller.tier.name)


class Agreed:
    """Of one generation. `keys`: those of the configuration and those made at run time. `tenants` by
    the name of a key. `limits` of a minute, `budgets`, and the requests that keys may make in `a_day`: of
    those who have any. It is made of nothing that changes, so that a thread may do it where there are many.
    """

    def __init__(self, settings: Settings, issued: IssuedKeys | None) -> None:
        self.keys: Sequence[config.Key] = [key for key, _ in with_issued(settings, issued)]
        self._usual = settings.budgets.time_zone
        found = {(one.kind, one.name): one for one in _configured(settings, self.keys)}
        here = {("key", key.name) for key in settings.keys}
        for one in map(_zoned, issued.snapshot.terms if issued else ()):
            known = found.get(payer := (one.kind, one.name))
            if known and one.kind == "key" and payer not in here:  # made at run time, and changed since
                found[payer] = replace(known, budgets=one.budgets or known.budgets)
            else:
                found[payer] = _filled(known, one)
        self.terms: dict[Payer, Terms] = found
        self.tenants: Mapping[str, str] = {key.name: key.tenant or key.name for key in self.keys}
        rates = ((payer, Rates(rpm=one.rpm, tpm=one.tpm)) for payer, one in found.items())
        self.limits: Mapping[Payer, Rates] = {payer: one for payer, one in rates if one.limited}
        self.budgets: Sequence[tuple[Payer, Budget]] = list(self._budgets())
        self.a_day: Sequence[tuple[str, Budget]] = list(self._a_day(settings))

    def zone(self, kind: str, name: str) -> str:
        """A key's is its tenant's."""
        tenant = self.tenants.get(name, name) if kind == "key" else name
        terms = self.terms.get(("tenant", tenant)) if kind in ("key", "tenant") else None
        return (terms.time_zone if terms else None) or self._usual

    def _budgets(self) -> Iterator[tuple[Payer, Budget]]:
        for (kind, name), one in self.terms.items():
            zone = self.zone(kind, name) if one.budgets else ""
            for nano, per in one.budgets:
                yield (kind, name), Budget(account(kind, name, per), nano, per, zone)

    def _a_day(self, settings: Settings) -> Iterator[tuple[str, Budget]]:
        """By the key's name: of those whose tier says so."""
        for key in self.keys:
            most = tier.requests_per_day if (tier := settings.tiers.get(key.tier)) else None
            if most is not None:
                zone = self.zone("key", key.name)
                yield key.name, Budget(account("key", key.name, "requests"), most, "day", zone, each=1)


def _zoned(terms: Terms) -> Terms:
    """But for a time zone that is not known here, though it was where it was said."""
    try:
        if terms.time_zone is not None:
            zone_named(terms.time_zone)
    except ValueError as error:
        log.error("%s %s: %s on this machine; `budgets.time_zone` holds", terms.kind, terms.name, error)
        return replace(terms, time_zone=None)
    return terms


def _configured(settings: Settings, keys: Iterable[config.Key]) -> Iterator[Terms]:
    for key in keys:
        yield Terms(kind="key", name=key.name, budgets=_of(key.budget), rpm=key.rpm, tpm=key.tpm)
    for name, tenant in settings.tenants.items():
        yield Terms(
            kind="tenant",
            name=name,
            budgets=_of(tenant.budget),
            rpm=tenant.rpm,
            tpm=tenant.tpm,
            time_zone=tenant.time_zone,
        )
    for name, tier in settings.tiers.items():
        yield Terms(kind="tier", name=name, budgets=_of(tier.budget), rpm=tier.rpm, tpm=tier.tpm)
    for name, route in settings.routes.items():
        yield Terms(kind="route", name=name, budgets=_of(route.budget), rpm=route.rpm, tpm=route.tpm)


def configured(settings: Settings) -> dict[Payer, Terms]:
    """By the configuration alone; those that say something."""
    found = {(one.kind, one.name): one for one in _configured(settings, settings.keys)}
    return {payer: one for payer, one in found.items() if not one.empty}


def _of(budgets: Iterable[config.Budget]) -> tuple[tuple[int, Per], ...]:
    return tuple((one.nano, one.per) for one in budgets)


def _filled(configured: Terms | None, agreed: Terms) -> Terms:
    """What the configuration says wins, one by one."""
    if configured is None:
        return agreed
    return replace(
        configured,
        budgets=configured.budgets or agreed.budgets,
        rpm=agreed.rpm if configured.rpm is None else configured.rpm,
        tpm=agreed.tpm if configured.tpm is None else configured.tpm,
        time_zone=configured.time_zone or agreed.time_zone,
    )
