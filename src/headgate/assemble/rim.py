"""What the rim is given: who may come in, what there is to ask for, how names resolve."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.assemble.issued import IssuedKeys, with_issued
from headgate.assemble.kept import Machine
from headgate.assemble.terms import Agreed
from headgate.config.tree import Settings
from headgate.core.call import Caller
from headgate.core.issued import Known
from headgate.core.router import AUTO
from headgate.core.routes import Routes
from headgate.core.scope import Admin, Scope
from headgate.core.tier import NO_TIER, Tier
from headgate.server.auth import NO_GUESTS, AdminKeeper, Doorkeeper, Guests, OpenDoor
from headgate.server.front import AdminDoor, Door, ModelCard

ANONYMOUS = Caller(key="anonymous", tenant="anonymous")


class Standing:
    """Who may come in, and what was agreed with whom: of one generation. It is made of nothing that changes,
    so that a thread may do it where there are many."""

    def __init__(self, settings: Settings, issued: IssuedKeys | None) -> None:
        self.agreed = Agreed(settings, issued)
        self.callers = callers(settings, issued)
        taken = frozenset(key.name for key in settings.keys)
        self.guests = Guests(issued.snapshot, self.callers, taken) if issued else NO_GUESTS


def door(settings: Settings, machine: Machine, standing: Standing) -> Door:
    if settings.server.auth == "off":
        return OpenDoor(ANONYMOUS)
    keys = {key.name: key.key for key in settings.keys}
    return Doorkeeper(
        keys,
        standing.callers,
        pepper=machine.pepper,
        guests=standing.guests,
        wall=machine.clock.wall,
        current=machine.issued.is_current if machine.issued else lambda: True,
    )


def admin_door(settings: Settings, pepper: bytes) -> AdminDoor:
    keys = [(one.key, Admin(one.name, Scope[one.scope.upper()])) for one in settings.server.admin_keys]
    if settings.server.admin_key is not None:
        keys.append((settings.server.admin_key, Admin("admin_key", Scope.OWN)))
    return AdminKeeper(keys, pepper=pepper)


def known(settings: Settings) -> Known:
    """What a key that is made at run time may name."""
    return Known(
        models=frozenset(settings.models) | frozenset(settings.routes),
        tiers=frozenset(settings.tiers),
        keys=frozenset(key.name for key in settings.keys),
        routes=frozenset(settings.routes),
    )


def callers(settings: Settings, issued: IssuedKeys | None = None) -> dict[str, Caller]:
    """Whom each key of the configuration, or made at run time, stands for, by its name."""
    return {
        key.name: Caller(
            key=key.name,
            tenant=key.tenant or key.name,
            models=None if key.models is None else frozenset(key.models),
            tier=tier(settings, key.tier),
            regions=None if key.regions is None else frozenset(key.regions),
            privacy=key.privacy,
        )
        for key, _ in with_issued(settings, issued)
    }


def tier(settings: Settings, name: str) -> Tier:
    """The promise by that name; none where there is no name."""
    promised = settings.tiers.get(name)
    if promised is None:
        return NO_TIER
    return Tier(
        name=name,
        queue=promised.queue,
        weight=promised.weight,
        requests_per_day=promised.requests_per_day,
        max_wait_s=promised.max_wait_s,
        providers=None if promised.providers is None else frozenset(promised.providers),
    )


def routes(settings: Settings) -> Routes:
    return Routes(
        routes={name: tuple(route.use) for name, route in settings.routes.items()},
        models={id_: (model.provider, model.name or id_) for id_, model in settings.models.items()},
    )


def deadlines(settings: Settings) -> dict[str, float]:
    """Seconds by the name that is asked for, where its route says so."""
    found = {name: route.deadline_s for name, route in settings.routes.items() if route.deadline_s}
    agents = {
        f"agent:{name}": found[one.route] for name, one in settings.agents.items() if one.route in found
    }
    return found | agents


def strict(settings: Settings) -> frozenset[str]:
    """Names whose answers end only when their row is on disk."""
    found = {name for name, route in settings.routes.items() if route.durable == "strict"}
    agents = {f"agent:{name}" for name, one in settings.agents.items() if one.route in found}
    return frozenset(found | agents | ({AUTO} if agents else set()))


def cards(settings: Settings) -> Iterator[ModelCard]:
    for name in settings.routes:
        yield ModelCard(id=name, owned_by="headgate", kind="route")
    for name in settings.agents:
        yield ModelCard(id=f"agent:{name}", owned_by="headgate", kind="agent")
    for id_, model in settings.models.items():
        yield ModelCard(id=id_, owned_by=model.provider, kind="model", context=model.context)
