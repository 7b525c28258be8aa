"""What admins have done and who was refused, each act chained to the one before by a hash: who takes one out,
changes one or puts one in breaks the chain from there on.

What is past its time is taken off the beginning; an act says so, and names the hash that the rest hangs on.

Known weakness: whoever can write to the store can write the whole chain anew; keep an export, or its last
hash, elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

START = "0" * 64
"""What the first act is chained to."""
FORGOTTEN = "retention.delete"
"""The action of an act that says what was deleted, and is the proof of it."""
AUDIT = "audit"


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """`who` did what (`action`) to whom (`target`), at `at_us` microseconds since the epoch."""

    at_us: int
    who: str
    action: str
    target: str
    detail: str = ""


class Noted(Act, frozen=True, kw_only=True):
    """An act in its place in the chain. The first is number 1."""

    number: int
    hash: str


class Noting(msgspec.Struct, frozen=True, tag="act"):
    """An act on its way to the store, as a journal has it."""

    act: Act


def chained(act: Act, number: int, before: str) -> Noted:
    """The act behind the one whose hash is `before`."""
    fields = (before, number, act.at_us, act.who, act.action, act.target, act.detail)
    digest = blake2b(msgspec.json.encode(fields), digest_size=32, person=b"headgate-audit").hexdigest()
    return Noted(
        number=number,
        hash=digest,
        at_us=act.at_us,
        who=act.who,
        action=act.action,
        target=act.target,
        detail=act.detail,
    )


def forgotten(table: str, rows: int, last: str, digest: str, at_us: int) -> Act:
    """The act that says: so many `rows` of a table are gone, the `last` of them, and their hash. Of the chain
    itself that is the hash of its last act that is gone."""
    detail = f"rows={rows} last={last} hash={digest}"
    return Act(at_us=at_us, who="retention", action=FORGOTTEN, target=table, detail=detail)


def broken_at(acts: Iterable[Noted]) -> int | None:
    """The number of the first act that is not as it was written, or is missing; `None` where all is well. A
    chain may begin later than with number 1 where one of its acts says that, and why."""
    first: Noted | None = None
    broken: int | None = None
    claims: set[str] = set()
    before, number = START, 0
    for act in acts:
        if first is None:
            first, number = act, max(1, act.number)
            rightly = number > 1 or act == chained(act, 1, START)
        else:
            number += 1
            rightly = act == chained(act, number, before)
        if not rightly and broken is None:
            broken = number
        before = act.hash
        if act.action == FORGOTTEN and act.target == AUDIT:
            claims.add(act.detail)
    if first is None or first.number == 1 or any(_begins(first, claim) for claim in claims):
        return broken
    return 1


def _begins(first: Noted, claim: str) -> bool:
    """Whether what is said to be gone is what stood before this act."""
    said = dict(part.partition("=")[::2] for part in claim.split())
    return said.get("last") == str(first.number - 1) and first == chained(
        first, first.number, said.get("hash", "")
    )
