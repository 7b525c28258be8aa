"""The rung that makes jobs, where there is a place for them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from headgate.assemble.jobs import Ticket, allowed, bounds, plan
from headgate.assemble.kept import Machine
from headgate.config.tree import Settings
from headgate.pipeline.defer import Defer
from headgate.pipeline.service import Layer


def deferring(settings: Settings, machine: Machine) -> Iterator[Layer]:
    """Nothing, where no route has the rung."""
    routes = [route.degrade.job for route in settings.routes.values() if route.degrade]
    if machine.jobs is None or not any((settings.degrade.job, *routes)):
        return
    yield partial(
        Defer,
        keep=partial(machine.jobs.keep, bounds(settings)),
        durable=machine.jobs.store.durable,
        allowed=allowed(settings),
        plan=plan(settings),
        clock=machine.clock,
        chance=machine.chance,
        new_id=Ticket(machine.clock),
    )
