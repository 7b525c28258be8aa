"""Requests that wait for an answer when their callers have gone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from headgate.core.job import Job, Status


class JobsGone(Exception):
    """The store gave no answer, or none that helps. What was asked of it may have been done, or not."""


class Bounds(msgspec.Struct, frozen=True):
    """So many jobs may be open at once, with so many bytes of requests."""

    jobs: int
    bytes: int


class Held(msgspec.Struct, frozen=True):
    """A lease: on which job, and its `claims` when it was given."""

    id: str
    claims: int


class Ended(msgspec.Struct, frozen=True):
    """What became of a job: its `result` is a document."""

    status: Status
    attempts: int
    result: bytes
    at_us: int


class Jobs(Protocol):
    """A store of jobs, for any number of processes. Every verb is atomic, and may raise `JobsGone`.

    Whoever holds a lease is the only one who runs that job; when it has run out, another may claim it. A verb
    that names a lease does nothing, and says so, where the job has been claimed again, cancelled or ended
    since. Times are microseconds since the epoch, by the clock of who asks: hosts that share a store keep
    theirs within a few seconds of each other.
    """

    @property
    def durable(self) -> bool:
        """Whether jobs outlive the process."""
        ...

    async def add(self, jobs: Sequence[Job], bounds: Bounds) -> int:
        """How many of them, the first so many, there was room for. When it returns they are kept."""
        ...

    async def due(self, now_us: int) -> bool:
        """Whether there is anything to claim. Nothing is written."""
        ...

    async def claim(self, now_us: int, until_us: int, limit: int) -> list[Job]:
        """Up to so many of those that are due and have not expired, the longest due first: from now on they
        are running, until then, with one claim and one attempt more."""
        ...

    async def extend(self, held: Collection[Held], until_us: int) -> set[str]:
        """The ids of those leases that still hold: until then."""
        ...

    async def put_back(self, held: Held, due_us: int, attempts: int, result: bytes) -> bool:
        """It is queued again, due then; `result` is why."""
        ...

    async def end(self, held: Held, ended: Ended) -> bool: ...

    async def cancel(self, id_: str, at_us: int) -> bool:
        """Whether it was open. Its request is forgotten."""
        ...

    async def again(self, id_: str, due_us: int, expires_us: int) -> bool:
        """A job that failed or expired is queued again, as if it had never been tried. Whether it was one."""
        ...

    async def find(self, id_: str) -> Job | None: ...

    async def of(self, key: tuple[str, str] | None, before: str, limit: int) -> list[Job]:
        """Those of a tenant's key, or all, the youngest first, without requests and results; `before`: only
        those that are older than the job of that id, unless it is empty."""
        ...

    async def counts(self) -> dict[str, int]:
        """How many there are, by status."""
        ...

    async def remove(self, id_: str) -> bool:
        """Forgets one that is over. Whether there was one."""
        ...

    async def sweep(self, now_us: int, over_before_us: int) -> int:
        """Jobs whose time has come are expired; those that were over before then are forgotten. How many."""
        ...

    async def close(self) -> None: ...
