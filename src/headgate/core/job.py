"""A job: a request that nobody could answer, whose caller takes the answer later.

    queued ⇄ running → succeeded | failed | expired | cancelled

A job is `running` for as long as whoever runs it holds a lease on it. A lease that has run out makes it due
again, so that what a dead process had begun another takes over; `claims`, which grows with each lease, is how
a store tells the living from those who were believed dead. Times are microseconds since the epoch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from math import inf
from random import Random
from typing import Any

import msgspec

from headgate.core.call import Call, Later, Operation
from headgate.core.decision import Decision
from headgate.core.errors import (
    AllUpstreamsFailed,
    DeadlineExceeded,
    GatewayError,
    Overloaded,
    RateLimited,
    UpstreamInterrupted,
    UpstreamUnavailable,
)
from headgate.core.retry import Backoff
from headgate.core.reuse import Freshness

PREFERENCE = "respond-async"
NOBODY_BEGAN = "no_answer_in_time"
"""The code of an error that an upstream had part in, though it looks like a refusal of ours."""
PASSES = (
    UpstreamUnavailable,
    AllUpstreamsFailed,
    UpstreamInterrupted,
    Overloaded,
    RateLimited,
    DeadlineExceeded,
)
"""What may be over by the next attempt."""

_PART = re.compile(r"\s*([\w!#$%&'*+.^`|~-]+)\s*(?:=\s*(\"[^\"]*\"|[^\s;,]*))?")
MAX_WAIT_DIGITS = 9


class Status(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        return self not in OPEN


OPEN = (Status.QUEUED, Status.RUNNING)


class Deposit(msgspec.Struct, frozen=True, kw_only=True):
    """What of a request is kept to make it again: its body as it came, and what its headers said. Whose it
    is stands in the job; what he may do is looked up when it is made again."""

    dialect: str
    operation: Operation
    model: str
    body: bytes
    request_id: str
    headers: tuple[tuple[bytes, bytes], ...] = ()
    tags: tuple[str, ...] = ()
    session: str | None = None
    wants: Freshness = Freshness()


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """`due_us`: when it may be run; of a running one, when its lease ends. `attempts` counts those in which a
    provider was asked, the one under way included. `result` is the answer's document, or the error's."""

    id: str
    tenant: str
    key: str
    deposit: Deposit
    created_us: int
    expires_us: int
    due_us: int
    status: Status = Status.QUEUED
    attempts: int = 0
    claims: int = 0
    finished_us: int = 0
    result: bytes = b""

    @property
    def size(self) -> int:
        return len(self.deposit.body)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How jobs are run: so many attempts, waits between them, how long a job may wait in all (`expires_s`)
    and how long its answer is there to be fetched (`keep_s`); how long a lease lasts, and how many of them
    (`workers`) one process has at once."""

    workers: int = 4
    attempts: int = 20
    backoff: Backoff = Backoff(base_s=5.0, cap_s=300.0)
    expires_s: float = 86_400.0
    keep_s: float = 86_400.0
    lease_s: float = 30.0


class Deferred(Exception):
    """Not a failure: the request has become a job. `because` is what would have been told otherwise."""

    def __init__(self, job: Job, because: GatewayError, *, durable: bool) -> None:
        super().__init__(job.id)
        self.job = job
        self.durable = durable
        self.decision: Decision | None = because.decision
        self.retry_after_s = because.retry_after_s


def preferred(prefer: str) -> Later | None:
    """What `Prefer` says (RFC 7240): whether the caller takes an answer later, and how many seconds it would
    rather wait. Of a preference that is named twice the first counts; what is malformed is not heeded."""
    found: dict[str, str] = {}
    for part in prefer.split(","):
        if match := _PART.match(part):
            found.setdefault(match[1].lower(), (match[2] or "").strip('"'))
    if PREFERENCE not in found:
        return None
    wait = found.get("wait", "")
    known = wait.isascii() and wait.isdigit() and len(wait) <= MAX_WAIT_DIGITS
    return Later(wait_s=float(wait) if known else None)


def may_rest(call: Call) -> bool:
    """Whether what it says may be kept on a disk until it can be answered: not where its key's privacy
    forbids to keep content, nor where the request itself does (`Cache-Control: no-store`)."""
    return call.caller.privacy == "standard" and not call.wants.no_store


def deposited(call: Call, id_: str, now_us: int, plan: Plan, because: GatewayError, chance: Random) -> Job:
    """The job that this request becomes; its first attempt is a wait away."""
    payload, caller = call.payload, call.caller
    later = call.later or Later()
    wait_s = max(because.retry_after_s or 0.0, plan.backoff.wait_s(1, chance))
    return Job(
        id=id_,
        tenant=caller.tenant,
        key=caller.key,
        created_us=now_us,
        expires_us=now_us + int(plan.expires_s * 1e6),
        due_us=now_us + int(min(wait_s, plan.backoff.cap_s) * 1e6),
        deposit=Deposit(
            dialect=payload.dialect,
            operation=payload.operation,
            model=payload.model,
            body=payload.raw,
            request_id=call.request_id,
            headers=later.headers,
            tags=call.tags,
            session=call.session,
            wants=call.wants,
        ),
    )


class Verdict(msgspec.Struct, frozen=True):
    """What becomes of a job whose attempt failed: again in `wait_s`, or never (`None`). `counts`: it was one
    of the attempts that it is allowed."""

    wait_s: float | None
    counts: bool = True


def judged(error: GatewayError, job: Job, plan: Plan, chance: Random) -> Verdict:
    """What is wrong with the request stays wrong. What we refused ourselves, before a provider was asked, is
    no attempt; it is only put off."""
    if not isinstance(error, PASSES):
        return Verdict(None)
    counts = not isinstance(error, Overloaded | RateLimited) or error.code == NOBODY_BEGAN
    if counts and job.attempts >= plan.attempts:
        return Verdict(None)
    wait_s = plan.backoff.wait_s(max(1, job.attempts), chance)
    return Verdict(max(wait_s, min(error.retry_after_s or 0.0, plan.backoff.cap_s)), counts)


def seen(job: Job, now_us: int) -> Job:
    """As it stands now: one that nobody will run any more has expired, whether a store has been told or
    not."""
    if (
        job.status in OPEN
        and job.expires_us <= now_us
        and (job.status is Status.QUEUED or job.due_us <= now_us)
    ):
        return msgspec.structs.replace(job, status=Status.EXPIRED, finished_us=job.expires_us)
    return job


def whole(deposit: Deposit) -> bytes:
    """The body to ask with: nobody is there to hear a stream, so the answer is wanted whole."""
    members = msgspec.json.decode(deposit.body, type=dict[str, msgspec.Raw])
    if "stream" not in members:
        return deposit.body
    del members["stream"]
    members.pop("stream_options", None)
    return msgspec.json.encode(members)


def document(job: Job, now_us: int, *, brief: bool = False) -> dict[str, Any]:
    """As its caller is told; `brief`: without the answer. Times are whole seconds since the epoch, as in
    OpenAI's API."""
    job = seen(job, now_us)
    told: dict[str, Any] = {
        "id": job.id,
        "object": "job",
        "status": job.status,
        "model": job.deposit.model,
        "request_id": job.deposit.request_id,
        "attempts": job.attempts,
        "created_at": job.created_us // 1_000_000,
        "expires_at": job.expires_us // 1_000_000,
        "next_attempt_at": job.due_us // 1_000_000 if job.status is Status.QUEUED else None,
        "finished_at": job.finished_us // 1_000_000 if job.status.over else None,
    }
    if brief:
        return told
    result = msgspec.Raw(job.result) if job.result else None
    fine = job.status is Status.SUCCEEDED
    error = _member(job.result, "error") if result is not None and not fine else None
    return told | {"response": result if fine else None, "error": error}


def _member(result: bytes, name: str) -> msgspec.Raw | None:
    found: Mapping[str, msgspec.Raw] = msgspec.json.decode(result, type=dict[str, msgspec.Raw])
    return found.get(name)


def patience_until(call: Call, later: Later) -> float:
    """Until when, by the gateway's clock, somebody may begin to answer before it becomes a job: as long as
    the caller would rather wait, and always so much before its deadline that it can still be told."""
    given_s = call.deadline_at - call.started_at
    last = call.deadline_at - min(1.0, 0.1 * given_s)
    return min(last, call.started_at + (inf if later.wait_s is None else later.wait_s))
