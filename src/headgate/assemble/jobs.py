"""Jobs: where they are kept, how they come there, and who runs them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from headgate.adapters.memory.jobs import MemoryJobs
from headgate.adapters.notices import folder_of
from headgate.adapters.sqlite import SqliteJobs
from headgate.adapters.system import Ids
from headgate.config.tree import Settings
from headgate.core.job import Job, Plan
from headgate.core.retry import Backoff
from headgate.ports.clock import Clock
from headgate.ports.jobs import Bounds, Jobs, JobsGone

GATHER = 256
"""Jobs that are written at once, at most."""

log = logging.getLogger("headgate")


def jobs(settings: Settings, file: Path | None) -> Jobs:
    """Beside the books, of whatever kind they are; in memory where none are kept.

    Raises:
        ImportError: where their client is not installed.
    """
    url = settings.store.url.reveal() if settings.store.url else ""
    if url == "off" or file is None:
        return MemoryJobs()
    if url.startswith("postgres"):
        from headgate.adapters.postgres import PostgresJobs

        return PostgresJobs(url, schema=settings.store.namespace)
    path = urlsplit(url).path.removeprefix("/") if url else ""
    books = file.resolve().parent / path if path else folder_of(file) / "books.db"
    return SqliteJobs(books.with_name("jobs.db"))


def plan(settings: Settings) -> Plan:
    section = settings.jobs
    return Plan(
        attempts=section.attempts,
        backoff=Backoff(base_s=section.backoff_s, cap_s=section.max_backoff_s),
        expires_s=section.expires_s,
        keep_s=section.keep_s,
        lease_s=section.lease_s,
        workers=section.workers,
    )


def bounds(settings: Settings) -> Bounds:
    return Bounds(settings.jobs.max_size, settings.jobs.max_bytes)


def allowed(settings: Settings) -> Callable[[str], bool]:
    """Whether a request may become a job, by the name that it asks for."""
    usual = settings.degrade.job
    routes = {name: route.degrade.job for name, route in settings.routes.items() if route.degrade}
    agents = {f"agent:{name}": one.route for name, one in settings.agents.items()}
    return lambda name: routes.get(agents.get(name, name), usual)


class Ticket:
    """Ids that grow with time, so that a list of them is in order: microseconds, then chance."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._chance = Ids("", size=8)

    def __call__(self) -> str:
        return f"job_{int(self._clock.wall() * 1e6):014x}{self._chance()}"


class Intake:
    """Jobs on their way to the store: those that come at the same time are written, and synced, together."""

    def __init__(self, store: Jobs) -> None:
        self.store = store
        self._waiting: list[tuple[Job, asyncio.Future[bool]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, bounds: Bounds, job: Job) -> bool:
        """Whether there was room. When it returns the job is kept. Raises `JobsGone`."""
        told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, told))
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write(bounds))
        return await told

    async def _write(self, bounds: Bounds) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:GATHER], self._waiting[GATHER:]
                batch = [(job, told) for job, told in batch if not told.done()]
                await self._written(batch, bounds)
        finally:
            self._writing = None
            for _, told in self._waiting:
                told.cancel()
            self._waiting = []

    async def _written(self, batch: list[tuple[Job, asyncio.Future[bool]]], bounds: Bounds) -> None:
        try:
            room = await self.store.add([job for job, _ in batch], bounds)
        except Exception as error:  # noqa: BLE001  # each who waits is told, whatever it is
            log.error("jobs cannot be kept: %s", error)
            for _, told in batch:
                if not told.done():
                    told.set_exception(JobsGone(str(error)))
                    told.exception()  # who has left will not ask
            return
        for number, (_, told) in enumerate(batch):
            if not told.done():
                told.set_result(number < room)
