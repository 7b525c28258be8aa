"""What the stores of jobs have in common: one schema, one set of statements, one order of columns.

A statement's values stand in it by number: `?1` in SQLite, `$1` in PostgreSQL.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from headgate.core.job import Deposit, Job, Status
from headgate.ports.jobs import Ended, Held

COLUMNS = (
    "id",
    "tenant",
    "key_name",
    "status",
    "created_us",
    "expires_us",
    "due_us",
    "attempts",
    "claims",
    "finished_us",
    "bytes",
    "about",
    "body",
    "result",
)
_NAMES = ", ".join(COLUMNS)
_BRIEF = _NAMES.replace("body, result", "'', ''")
SCHEMA = Path(__file__).with_name("jobs.sql").read_text()

_OPEN = "status IN ('queued', 'running')"
_HELD = "id = ?1 AND claims = ?2 AND status = 'running'"
_LATE = "expires_us <= ?1 AND (status = 'queued' OR (status = 'running' AND due_us <= ?1))"
ROOM = f"SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM jobs WHERE {_OPEN}"  # noqa: S608 - words of ours
ADD = f"INSERT INTO jobs ({_NAMES}) VALUES ({', '.join(f'?{n + 1}' for n in range(len(COLUMNS)))})"  # noqa: S608 - words of ours
DUE = f"SELECT id FROM jobs WHERE {_OPEN} AND due_us <= ?1 AND expires_us > ?1 ORDER BY due_us, id LIMIT ?2"  # noqa: S608 - words of ours
_TAKEN = "status = 'running', due_us = ?2, claims = claims + 1, attempts = attempts + 1"
CLAIM = f"UPDATE jobs SET {_TAKEN} WHERE id = ?1 RETURNING {_NAMES}"  # noqa: S608 - words of ours
EXTEND = f"UPDATE jobs SET due_us = ?3 WHERE {_HELD}"  # noqa: S608 - words of ours
PUT_BACK = f"UPDATE jobs SET status = 'queued', due_us = ?3, attempts = ?4, result = ?5 WHERE {_HELD}"  # noqa: S608 - words of ours
END = f"UPDATE jobs SET status = ?3, attempts = ?4, result = ?5, finished_us = ?6 WHERE {_HELD}"  # noqa: S608 - words of ours
END_ANSWERED = END.replace("SET ", "SET body = '', bytes = 0, ")
CANCEL = (
    "UPDATE jobs SET status = 'cancelled', finished_us = ?2, body = '', bytes = 0, result = ''"  # noqa: S608 - words of ours
    f" WHERE id = ?1 AND {_OPEN}"
)
AGAIN = (
    "UPDATE jobs SET status = 'queued', due_us = ?2, expires_us = ?3, attempts = 0, finished_us = 0,"
    " result = '' WHERE id = ?1 AND status IN ('failed', 'expired')"
)
FIND = f"SELECT {_NAMES} FROM jobs WHERE id = ?1"  # noqa: S608 - words of ours
OF = (
    f"SELECT {_BRIEF} FROM jobs WHERE tenant = ?1 AND key_name = ?2 AND (?3 = '' OR id < ?3)"  # noqa: S608 - words of ours
    " ORDER BY id DESC LIMIT ?4"
)
ALL = f"SELECT {_BRIEF} FROM jobs WHERE (?1 = '' OR id < ?1) ORDER BY id DESC LIMIT ?2"  # noqa: S608 - words of ours
COUNTS = "SELECT status, COUNT(*) FROM jobs GROUP BY status"
REMOVE = f"DELETE FROM jobs WHERE id = ?1 AND NOT {_OPEN}"  # noqa: S608 - words of ours
EXPIRE = f"UPDATE jobs SET status = 'expired', finished_us = expires_us WHERE {_LATE}"  # noqa: S608 - words of ours
FORGET = f"DELETE FROM jobs WHERE finished_us < ?1 AND NOT {_OPEN}"  # noqa: S608 - words of ours

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Deposit).decode


def row(job: Job) -> tuple[Any, ...]:
    """In the order of `COLUMNS`."""
    about = _encode(msgspec.structs.replace(job.deposit, body=b""))
    return (
        job.id,
        job.tenant,
        job.key,
        str(job.status),
        job.created_us,
        job.expires_us,
        job.due_us,
        job.attempts,
        job.claims,
        job.finished_us,
        job.size,
        about,
        job.deposit.body,
        job.result,
    )


def job(values: Sequence[Any]) -> Job:
    """Of a row in that order."""
    found = dict(zip(COLUMNS, values, strict=True))
    deposit = msgspec.structs.replace(_decode(found["about"]), body=bytes(found["body"] or b""))
    return Job(
        id=found["id"],
        tenant=found["tenant"],
        key=found["key_name"],
        deposit=deposit,
        created_us=found["created_us"],
        expires_us=found["expires_us"],
        due_us=found["due_us"],
        status=Status(found["status"]),
        attempts=found["attempts"],
        claims=found["claims"],
        finished_us=found["finished_us"],
        result=bytes(found["result"] or b""),
    )


class Changes(ABC):
    """The verbs of `ports.Jobs` that are one statement, and tell whether it has changed anything."""

    @abstractmethod
    async def _changes(self, text: str, *values: object) -> bool: ...

    async def put_back(self, held: Held, due_us: int, attempts: int, result: bytes) -> bool:
        return await self._changes(PUT_BACK, held.id, held.claims, due_us, attempts, result)

    async def end(self, held: Held, ended: Ended) -> bool:
        text = END_ANSWERED if ended.status is Status.SUCCEEDED else END
        values = str(ended.status), ended.attempts, ended.result, ended.at_us
        return await self._changes(text, held.id, held.claims, *values)

    async def cancel(self, id_: str, at_us: int) -> bool:
        return await self._changes(CANCEL, id_, at_us)

    async def again(self, id_: str, due_us: int, expires_us: int) -> bool:
        return await self._changes(AGAIN, id_, due_us, expires_us)

    async def remove(self, id_: str) -> bool:
        return await self._changes(REMOVE, id_)
