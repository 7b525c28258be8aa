"""What the rim needs of one generation of the configuration, and where the present one is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from headgate.core.call import Call, Caller
from headgate.core.denials import Asked
from headgate.core.errors import GatewayError
from headgate.core.issued import Known, Terms
from headgate.core.job import Plan
from headgate.core.scope import Admin
from headgate.pipeline.service import Service
from headgate.ports.jobs import Jobs
from headgate.ports.recorder import Recorder
from headgate.ports.store import Store


class AdminDoor(Protocol):
    def admit(self, headers: Mapping[bytes, bytes], /) -> Admin | None:
        """Whose admin key that is shown, and what it may do; nothing, where it is none."""
        ...


class Door(Protocol):
    def admit(self, headers: Mapping[bytes, bytes], /) -> Caller:
        """Raises `Unauthenticated`; `Overloaded` where nobody can know."""
        ...

    def caller(self, name: str, /) -> Caller | None:
        """Whom the key of that name stands for, if it would be let in now."""
        ...


class Teller(Protocol):
    """What there is to say of tenants and budgets. Who asks the store may raise `ports.ledger.LedgerGone`."""

    def configured(self, kind: str, name: str, /) -> Terms | None:
        """What the configuration says of them, if anything."""
        ...

    def exists(self, kind: str, name: str, /) -> bool: ...
    def tenants(self) -> list[dict[str, Any]]:
        """By name."""
        ...

    async def budgets(self, after: str, limit: int, /) -> list[dict[str, Any]]:
        """By id, from behind `after` on."""
        ...

    async def forgive(self, id_: str, /) -> bool:
        """Nothing counts as spent of it any more; false where there is none of that id."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """One line of `/v1/models`. `kind`: model or route; `context` in tokens, where that is known."""

    id: str
    owned_by: str
    kind: str
    context: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """One generation, as the rim sees it. Frozen: a reload replaces it whole, and requests under way keep
    the one they began with.

    `deadline_s` is the longest a request may take, unless `deadlines` has one for the name it asks for;
    `body_patience_s` is the longest a body may take to arrive. `sessions`: whether it matters to anybody
    which conversation a request belongs to. `health` and `info` (for a caller) make the documents of
    `/health` and `/router/info`; `explain` a receipt for a call that is not made, `receipt` that of a
    caller's request by its id, where it is still known; `scored` takes what a caller says of an answer, where
    that is awaited. `config` makes the configuration's, without secrets; `known` are the names in it that a
    key made at run time may be of. `plan` says how jobs are run.
    """

    number: int
    service: Service
    door: Door
    admin: AdminDoor
    config: Callable[[], Mapping[str, Any]]
    known: Known
    recorder: Recorder
    models: tuple[ModelCard, ...]
    health: Callable[[], Mapping[str, Any]]
    info: Callable[[Caller], Mapping[str, Any]]
    explain: Callable[[Call], Mapping[str, Any]]
    receipt: Callable[[Caller, str], Mapping[str, Any] | None]
    scored: Callable[[Caller, str, float], Mapping[str, Any] | None]
    sessions: bool
    max_body_bytes: int
    deadline_s: float
    deadlines: Mapping[str, float]
    body_patience_s: float
    metadata_in_headers: bool
    metadata_in_body: bool
    plan: Plan


class House:
    """Holds the present generation. Swapping it is one assignment; nothing waits."""

    def __init__(
        self, front: Front, *, metrics: Callable[[], tuple[bytes, str]], wall: Callable[[], float]
    ) -> None:
        """`metrics` gives the Prometheus page and its content type; `wall` the time of day."""
        self.front = front
        self.metrics = metrics
        self.wall = wall
        self.store: Store | None = None
        self.jobs: Jobs | None = None
        self.teller: Teller | None = None
        self._denied: Callable[[GatewayError, Asked], object] | None = None

    def keep(self, store: Store, denied: Callable[[GatewayError, Asked], object]) -> None:
        """Where books are kept: in `store`; and who is told of a request that was refused before it was a
        call."""
        self.store = store
        self._denied = denied

    def denied(self, error: GatewayError, asked: Asked) -> None:
        if self._denied is not None:
            self._denied(error, asked)
