"""Jobs, as their callers see them, who were told of one with 202 and ask for it by its id.

A job is its key's: nobody else learns that there is one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response

from headgate.core.call import Caller
from headgate.core.entry import clean
from headgate.core.errors import Overloaded
from headgate.core.job import Job, Status, document, seen
from headgate.ports.jobs import Jobs, JobsGone
from headgate.server.front import House

AGAIN_S = 5.0
MAX_PAGE = 100

T = TypeVar("T")
Page = Annotated[int, Query(ge=1, le=MAX_PAGE)]


class Desk:
    """Where callers ask for their jobs."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def listed(self, caller: Caller, after: str, limit: int) -> dict[str, Any]:
        found = await _asked(self._jobs.of((caller.tenant, caller.key), clean(after), limit))
        now_us = self._now_us()
        more = found[-1].id if len(found) == limit else None
        return {"data": [document(job, now_us, brief=True) for job in found], "next": more}

    async def told(self, caller: Caller, id_: str) -> dict[str, Any]:
        return document(await self._own(caller, id_), self._now_us())

    async def deleted(self, caller: Caller, id_: str) -> dict[str, Any]:
        """One that is open is cancelled; of one that is over, the answer too is forgotten."""
        now_us = self._now_us()
        job = await self._own(caller, id_)
        if not seen(job, now_us).status.over and await _asked(self._jobs.cancel(id_, now_us)):
            gone = msgspec.structs.replace(job, status=Status.CANCELLED, finished_us=now_us, result=b"")
            return document(gone, now_us)
        await _asked(self._jobs.cancel(id_, now_us))
        await _asked(self._jobs.remove(id_))
        return {"id": id_, "object": "job", "deleted": True}

    async def _own(self, caller: Caller, id_: str) -> Job:
        job = await _asked(self._jobs.find(clean(id_)))
        if job is None or (job.tenant, job.key) != (caller.tenant, caller.key):
            raise HTTPException(404, "There is no such job of this key.")
        return job

    @property
    def _jobs(self) -> Jobs:
        if self._house.jobs is None:
            raise HTTPException(404, "No jobs are kept here.")
        return self._house.jobs

    def _now_us(self) -> int:
        return int(self._house.wall() * 1e6)


def describe_jobs(app: FastAPI, house: House, caller: Callable[[Request], Awaitable[Caller]]) -> None:
    """Adds the paths of jobs to `app`."""
    here, desk = Depends(caller), Desk(house)

    @app.get("/v1/jobs", tags=["jobs"], summary="Jobs of this key, the youngest first, without answers.")
    async def listed(after: str = "", limit: Page = 20, caller: Caller = here) -> Response:
        return _json(await desk.listed(caller, after, limit))

    @app.get("/v1/jobs/{job_id}", tags=["jobs"], summary="A job, with its answer once there is one.")
    async def one(job_id: str, caller: Caller = here) -> Response:
        return _json(await desk.told(caller, job_id))

    @app.delete("/v1/jobs/{job_id}", tags=["jobs"], summary="Cancels a job, or forgets one that is over.")
    async def delete(job_id: str, caller: Caller = here) -> Response:
        return _json(await desk.deleted(caller, job_id))


def _json(content: dict[str, Any]) -> Response:
    """An answer's document is handed on as it was told."""
    return Response(msgspec.json.encode(content), media_type="application/json")


async def _asked(work: Awaitable[T]) -> T:
    """What the store answers; 503 where it is away."""
    try:
        return await work
    except JobsGone as error:
        raise Overloaded(
            "Jobs cannot be read now.", code="jobs_unavailable", retry_after_s=AGAIN_S
        ) from error
