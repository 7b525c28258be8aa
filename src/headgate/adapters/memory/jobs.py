"""`ports.Jobs` in memory: for a gateway that keeps nothing on a disk. Jobs are gone with the process."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from headgate.core.job import OPEN, Deposit, Job, Status
from headgate.ports.jobs import Bounds, Ended, Held


class MemoryJobs:
    durable = False

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    async def add(self, jobs: Sequence[Job], bounds: Bounds) -> int:
        here = [job for job in self._jobs.values() if job.status in OPEN]
        count, size = len(here), sum(job.size for job in here)
        for number, job in enumerate(jobs):
            count, size = count + 1, size + job.size
            if count > bounds.jobs or size > bounds.bytes:
                return number
            self._jobs[job.id] = job
        return len(jobs)

    async def due(self, now_us: int) -> bool:
        return bool(self._due(now_us))

    async def claim(self, now_us: int, until_us: int, limit: int) -> list[Job]:
        due = sorted(self._due(now_us), key=lambda job: (job.due_us, job.id))
        return [
            self._put(
                replace(
                    job,
                    status=Status.RUNNING,
                    due_us=until_us,
                    claims=job.claims + 1,
                    attempts=job.attempts + 1,
                )
            )
            for job in due[:limit]
        ]

    async def extend(self, held: Collection[Held], until_us: int) -> set[str]:
        jobs = [job for one in held if (job := self._held(one)) is not None]
        return {self._put(replace(job, due_us=until_us)).id for job in jobs}

    async def put_back(self, held: Held, due_us: int, attempts: int, result: bytes) -> bool:
        job = self._held(held)
        if job is not None:
            self._put(replace(job, status=Status.QUEUED, due_us=due_us, attempts=attempts, result=result))
        return job is not None

    async def end(self, held: Held, ended: Ended) -> bool:
        job = self._held(held)
        if job is not None:
            self._over(job, ended.status, ended.at_us, result=ended.result, attempts=ended.attempts)
        return job is not None

    async def cancel(self, id_: str, at_us: int) -> bool:
        job = self._jobs.get(id_)
        if job is None or job.status not in OPEN:
            return False
        self._over(job, Status.CANCELLED, at_us, result=b"", attempts=job.attempts)
        return True

    async def again(self, id_: str, due_us: int, expires_us: int) -> bool:
        job = self._jobs.get(id_)
        if job is None or job.status not in (Status.FAILED, Status.EXPIRED):
            return False
        self._put(
            replace(
                job,
                status=Status.QUEUED,
                due_us=due_us,
                expires_us=expires_us,
                attempts=0,
                finished_us=0,
                result=b"",
            )
        )
        return True

    async def find(self, id_: str) -> Job | None:
        return self._jobs.get(id_)

    async def of(self, key: tuple[str, str] | None, before: str, limit: int) -> list[Job]:
        found = [
            replace(job, deposit=_emptied(job.deposit), result=b"")
            for job in self._jobs.values()
            if (key is None or key == (job.tenant, job.key)) and (not before or job.id < before)
        ]
        return sorted(found, key=lambda job: job.id, reverse=True)[:limit]

    async def counts(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for job in self._jobs.values():
            found[job.status] = found.get(job.status, 0) + 1
        return found

    async def remove(self, id_: str) -> bool:
        job = self._jobs.get(id_)
        if job is None or job.status in OPEN:
            return False
        del self._jobs[id_]
        return True

    async def sweep(self, now_us: int, over_before_us: int) -> int:
        jobs = list(self._jobs.values())
        old = [job for job in jobs if job.status not in OPEN and job.finished_us < over_before_us]
        late = [
            job
            for job in jobs
            if job.status in OPEN
            and job.expires_us <= now_us
            and (job.status is Status.QUEUED or job.due_us <= now_us)
        ]
        for job in old:
            del self._jobs[job.id]
        for job in late:
            self._over(job, Status.EXPIRED, job.expires_us, result=job.result, attempts=job.attempts)
        return len(old) + len(late)

    async def close(self) -> None:
        self._jobs.clear()

    def _due(self, now_us: int) -> list[Job]:
        jobs = self._jobs.values()
        return [job for job in jobs if job.status in OPEN and job.due_us <= now_us < job.expires_us]

    def _put(self, job: Job) -> Job:
        self._jobs[job.id] = job
        return job

    def _held(self, held: Held) -> Job | None:
        job = self._jobs.get(held.id)
        fits = job is not None and job.status is Status.RUNNING and job.claims == held.claims
        return job if fits else None

    def _over(self, job: Job, status: Status, at_us: int, *, result: bytes, attempts: int) -> None:
        keeps = status in (Status.FAILED, Status.EXPIRED)
        self._put(
            replace(
                job,
                status=status,
                finished_us=at_us,
                result=result,
                attempts=attempts,
                deposit=job.deposit if keeps else _emptied(job.deposit),
            )
        )


def _emptied(deposit: Deposit) -> Deposit:
    """What of it is told; not what was said."""
    return replace(deposit, body=b"")
