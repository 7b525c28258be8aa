"""Limits of callers' keys: which there are, and what outlives a reload."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from headgate.assemble.issued import with_issued
from headgate.assemble.kept import Kept, Machine
from headgate.config.tree import Settings
from headgate.core.allowance import FREE, Rates
from headgate.core.quota import Quota
from headgate.core.window import Windows
from headgate.pipeline.quota import Quotas
from headgate.pipeline.service import Layer


def quotas(settings: Settings, machine: Machine, kept: Kept) -> Iterator[Layer]:
    """Nothing, where no key has a limit."""
    found: dict[str, Quota] = {}
    for key, _ in with_issued(settings, machine.issued):
        tier = settings.tiers.get(key.tier)
        rates, per_day = Rates(rpm=key.rpm, tpm=key.tpm), tier.requests_per_day if tier else None
        if rates.limited or per_day is not None:
            found[key.name] = kept(("quota", key.name), None, partial(_quota, machine, key.name))
            found[key.name].allow(rates, per_day)
    if found:
        yield partial(Quotas, quotas=found, clock=machine.clock)


def _quota(machine: Machine, name: str) -> Quota:
    """Of this process alone, or shared with others."""
    sharing = machine.sharing
    if sharing is None:
        return Quota(Windows(FREE), processes=lambda: 1)
    return Quota(sharing.allowance(f"caller/{name}"), processes=lambda: sharing.holder.holders)
