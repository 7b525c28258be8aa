"""What the rim needs of one generation of the configuration, and where the present one is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from headgate.core.call import Call, Caller
from headgate.core.job import Plan
from headgate.core.scope import Scope
from headgate.pipeline.service import Service
from headgate.ports.jobs import Jobs
from headgate.ports.recorder import Recorder
from headgate.ports.store import Store


class AdminDoor(Protocol):
    def admit(self, headers: Mapping[bytes, bytes], /) -> Scope | None:
        """What the admin key that is shown may do; nothing, where it is none."""
        ...


class Door(Protocol):
    def admit(self, headers: Mapping[bytes, bytes], /) -> Caller:
        """Raises `Unauthenticated`."""
        ...

    def caller(self, name: str, /) -> Caller | None:
        """Whom the key of that name stands for, if it would be let in now."""
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
    that is awaited. `config` makes the configuration's, without secrets. `plan` says how jobs are run.
    """

    number: int
    service: Service
    door: Door
    admin: AdminDoor
    config: Callable[[], Mapping[str, Any]]
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
        self,
        front: Front,
        *,
        metrics: Callable[[], tuple[bytes, str]],
        store: Store | None = None,
        jobs: Jobs | None = None,
    ) -> None:
        """`metrics` gives the Prometheus page and its content type; `store` has the books, if any are
        kept, `jobs` what is to be answered later."""
        self.front = front
        self.metrics = metrics
        self.store = store
        self.jobs = jobs
