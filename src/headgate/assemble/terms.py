"""What is agreed with keys, tenants, tiers and routes: by the configuration, and at run time where it says
nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from headgate.assemble.issued import IssuedKeys, with_issued
from headgate.config import callers as config
from headgate.config.tree import Settings
from headgate.core.budget import Budget, Per, account
from headgate.core.issued import Terms

Payer = tuple[str, str]
"""Kind and name."""


class Agreed:
    """Of one generation. `keys`: those of the configuration and those made at run time."""

    def __init__(self, settings: Settings, issued: IssuedKeys | None) -> None:
        self.keys: Sequence[config.Key] = [key for key, _ in with_issued(settings, issued)]
        self._usual = settings.budgets.time_zone
        found = {(one.kind, one.name): one for one in _configured(settings, self.keys)}
        here = {("key", key.name) for key in settings.keys}
        for one in issued.snapshot.terms if issued else ():
            known = found.get(payer := (one.kind, one.name))
            if known and one.kind == "key" and payer not in here:  # made at run time, and changed since
                found[payer] = replace(known, budgets=one.budgets or known.budgets)
            else:
                found[payer] = _filled(known, one)
        self.terms: dict[Payer, Terms] = found
        self._tenants = {key.name: key.tenant or key.name for key in self.keys}

    def zone(self, kind: str, name: str) -> str:
        """A key's is its tenant's."""
        tenant = self._tenants.get(name, name) if kind == "key" else name
        terms = self.terms.get(("tenant", tenant)) if kind in ("key", "tenant") else None
        return (terms.time_zone if terms else None) or self._usual

    def budgets(self) -> Iterator[tuple[Payer, Budget]]:
        for (kind, name), one in self.terms.items():
            zone = self.zone(kind, name) if one.budgets else ""
            for nano, per in one.budgets:
                yield (kind, name), Budget(account(kind, name, per), nano, per, zone)


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
