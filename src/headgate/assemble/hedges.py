"""Hedges: which routes make second calls, and what those are decided by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial

from headgate.assemble.kept import Kept, Machine
from headgate.config.routing import Hedge as HedgeSettings
from headgate.config.tree import Settings
from headgate.core.hedging import BURST, Terms, Times
from headgate.core.retry import RetryBudget
from headgate.pipeline.fallback import Asked
from headgate.pipeline.hedge import Hedge, Parting, Stake, Stakes, Table
from headgate.pipeline.service import Pool, Service
from headgate.ports.recorder import Recorder


def hedged(
    settings: Settings,
    machine: Machine,
    kept: Kept,
    recorder: Recorder,
    *,
    pools: Mapping[str, Pool],
    falling: Callable[[Mapping[str, Asked]], Service],
    taken: Callable[[str], bool],
    calm: Callable[[], bool],
) -> Service:
    """What follows a chain of pools; over hedged ones for the routes that want it. What is `falling` is made
    once where none does."""
    plain, stakes = falling(pools), _stakes(settings, kept)
    if stakes is None:
        return plain
    table = Table(
        pools,
        stakes=stakes,
        attempts=settings.retry.attempts,
        times=kept("times", None, lambda: defaultdict(Times)),
        taken=taken,
        calm=calm,
        clock=machine.clock,
        recorder=recorder,
    )
    return Parting(plain, falling({model: Hedge(table, model) for model in pools}), stakes=stakes)


def _stakes(settings: Settings, kept: Kept) -> Stakes | None:
    """`None` where nobody hedges."""
    usual = _stake(settings.hedge, kept, "")
    routes = {name: _stake(route.hedge, kept, name) for name, route in settings.routes.items() if route.hedge}
    return Stakes(routes, usual) if usual or any(routes.values()) else None


def _stake(section: HedgeSettings | None, kept: Kept, name: str) -> Stake | None:
    """What has been saved up for a route is kept while its share stays the same."""
    if section is None or not section.max_share:
        return None
    share = section.max_share
    make = partial(RetryBudget, ratio=share, reserve=0.0, ceiling=BURST)
    return Stake(Terms(**dict(section)), kept(("hedges", name), share, make))
