"""The second front door: jobs are taken from their store and go through the same Service as any request.

A job is run under a lease that is renewed while it runs, so that no two processes run it at once, and another
takes over what a dead one had begun. Its caller's rights and limits are those of now: a key that is gone has
no jobs, and a privacy that has become stricter holds. While no provider is well nothing is taken; an attempt
that was refused before a provider was asked is none. When the process stops, what it runs is put back.

Known weakness: a process that stands still for longer than its lease, and then goes on, may have asked a
provider twice; only one of the answers is kept.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from random import Random

import msgspec

from headgate.core.call import Call, Caller, Line
from headgate.core.errors import Forbidden, GatewayError, InternalError
from headgate.core.job import Job, Plan, Status, judged, may_rest, whole
from headgate.ports.clock import Alarm, Clock
from headgate.ports.codec import Surface
from headgate.ports.jobs import Ended, Held, Jobs, JobsGone
from headgate.server.errors import status_of
from headgate.server.front import Front, House
from headgate.server.head import cost_of, metadata

LOOK_S = 1.0
"""Between two looks for jobs that are due, unless there is room before that."""
SWEEP_S = 60.0
COUNT_S = 10.0
AWAY_S = 5.0
"""How long a store is left alone that does not answer."""
TAG = "job"
"""What is written down with every request that is made here, beside the caller's own tags."""
GONE = "The key that made this request may not make requests any more."

log = logging.getLogger("headgate")


class _Run(msgspec.Struct, eq=False):
    """A job under way: its lease, and the alarm for when that ends without having been renewed."""

    job: Job
    held: Held
    task: asyncio.Task[None]
    alarm: Alarm


def _end(task: asyncio.Task[None]) -> None:
    task.cancel()


class Worker:
    """Build it inside the loop it runs in."""

    def __init__(
        self, house: House, jobs: Jobs, *, surfaces: Mapping[str, Surface], clock: Clock, chance: Random
    ) -> None:
        """`surfaces` by their dialect."""
        self._house = house
        self._jobs = jobs
        self._surfaces = surfaces
        self._clock = clock
        self._chance = chance
        self._runs: dict[Held, _Run] = {}
        self._due = asyncio.Event()
        self._sweep_at = self._extend_at = self._count_at = clock.now()
        self.counts: Mapping[str, int] | None = None
        """Jobs by status, of a little while ago; `None` while nobody knows."""

    async def run(self) -> None:
        """Ends by being cancelled; `stop` puts back what is under way."""
        while True:
            self._due.clear()
            try:
                await self.look()
            except JobsGone as error:
                self.counts = None
                log.warning("jobs wait: their store is away (%s)", error)
                await self._clock.sleep(AWAY_S)
            alarm = self._clock.at(self._clock.now() + LOOK_S, self._due.set)
            await self._due.wait()
            alarm.cancel()

    async def look(self) -> None:
        """Renews what is held, and takes what is due. Raises `JobsGone`."""
        plan, now = self._plan, self._clock.now()
        if self._runs and now >= self._extend_at:
            await self._extend(plan)
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_S
            now_us = self._now_us()
            await self._jobs.sweep(now_us, now_us - int(plan.keep_s * 1e6))
        if now >= self._count_at:
            self._count_at = now + COUNT_S
            self.counts = await self._jobs.counts()
        room = plan.workers - len(self._runs)
        # how things stand is a document as long as the list of models: not for nothing, every second
        if room > 0 and await self._jobs.due(self._now_us()) and self._well():
            now_us, until = self._now_us(), self._clock.now() + plan.lease_s
            for job in await self._jobs.claim(now_us, now_us + int(plan.lease_s * 1e6), room):
                self._begin(job, until)

    def _well(self) -> bool:
        return bool(self._house.front.health()["status"] != "down")

    async def stop(self) -> None:
        """Ends what is under way, and puts it back for whoever runs next: that was no attempt."""
        runs = list(self._runs.values())
        for one in runs:
            one.task.cancel()
        await asyncio.gather(*(one.task for one in runs), return_exceptions=True)
        for one in runs:
            await self._put_back(one.held, self._now_us(), one.job.attempts - 1, one.job.result)

    @property
    def _plan(self) -> Plan:
        return self._house.front.plan

    def _now_us(self) -> int:
        return int(self._clock.wall() * 1e6)

    def _begin(self, job: Job, until: float) -> None:
        """Under a lease that lasts until then; without one it does not run on."""
        if not self._runs:
            self._extend_at = self._clock.now() + self._plan.lease_s / 3
        held = Held(job.id, job.claims)
        task = asyncio.get_running_loop().create_task(self._run(job, held))
        self._runs[held] = _Run(job, held, task, self._clock.at(until, partial(_end, task)))
        task.add_done_callback(lambda _: self._over(held))

    def _over(self, held: Held) -> None:
        """There is room for another."""
        self._runs.pop(held).alarm.cancel()
        self._due.set()

    async def _extend(self, plan: Plan) -> None:
        """Those whose lease does not hold any more are another's now, or cancelled: they are let go of."""
        until = self._clock.now() + plan.lease_s
        self._extend_at = until - plan.lease_s * 2 / 3
        runs = list(self._runs.values())
        still = await self._jobs.extend([one.held for one in runs], self._now_us() + int(plan.lease_s * 1e6))
        for one in runs:
            one.alarm.cancel()
            if one.held.id not in still:
                one.task.cancel()
            elif not one.task.done():
                one.alarm = self._clock.at(until, partial(_end, one.task))

    async def _run(self, job: Job, held: Held) -> None:
        front = self._house.front
        try:
            answer = await self._answered(front, job)
        except Exception as error:  # noqa: BLE001  # whatever it is, the job must end or be put back
            await self._failed(job, held, front.plan, error)
        else:
            await self._ended(held, Ended(Status.SUCCEEDED, job.attempts, answer, self._now_us()))

    async def _answered(self, front: Front, job: Job) -> bytes:
        """The whole answer's document. Raises what went wrong."""
        call = self._call(front, job)
        async with front.service(call) as reply:
            async for _ in reply.body:
                pass
            if reply.seal is not None:
                await reply.seal()
            now, cost = self._clock.now(), cost_of(reply)
            return reply.tail(metadata(call, reply, now, cost) if front.metadata_in_body else None)

    def _call(self, front: Front, job: Job) -> Call:
        deposit, now = job.deposit, self._clock.now()
        caller: Caller | None = front.door.caller(job.key)
        if caller is None or caller.tenant != job.tenant:
            raise Forbidden(GONE)
        payload = self._surfaces[deposit.dialect].parse(
            deposit.operation, whole(deposit), dict(deposit.headers)
        )
        left_s = max(0.0, (job.expires_us - self._now_us()) / 1e6)
        call = Call(
            payload=payload,
            caller=caller,
            request_id=f"{job.id}.{job.claims}",
            started_at=now,
            deadline_at=now + min(left_s, front.deadlines.get(payload.model, front.deadline_s)),
            tags=(*deposit.tags, TAG),
            session=deposit.session,
            wants=deposit.wants,
            line=Line(may_hedge=False),
        )
        if not may_rest(call):
            raise Forbidden(GONE)
        return call

    async def _failed(self, job: Job, held: Held, plan: Plan, error: Exception) -> None:
        if not isinstance(error, GatewayError):
            log.error("job %s failed", job.id, exc_info=error)
            error = InternalError(f"The gateway failed. Its log has more under {job.id}.")
        status = status_of(error)
        result = self._surfaces[job.deposit.dialect].error(error, status, job.id)
        verdict, now_us = judged(error, job, plan, self._chance), self._now_us()
        if verdict.wait_s is None:
            await self._ended(held, Ended(Status.FAILED, job.attempts, result, now_us))
        else:
            due_us = now_us + int(verdict.wait_s * 1e6)
            await self._put_back(held, due_us, job.attempts - (not verdict.counts), result)

    async def _ended(self, held: Held, ended: Ended) -> None:
        """Where the store is away it is told as soon as it is back, or as long as the lease lasts; a job of
        which nobody is told is run again."""
        while True:
            try:
                if not await self._jobs.end(held, ended):
                    log.warning("job %s had been cancelled, or taken over, when it ended", held.id)
                return
            except JobsGone:
                await self._clock.sleep(LOOK_S)

    async def _put_back(self, held: Held, due_us: int, attempts: int, result: bytes) -> None:
        try:
            await self._jobs.put_back(held, due_us, attempts, result)
        except JobsGone:
            return  # its lease will run out
