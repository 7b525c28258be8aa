"""What admins have done, each act chained to the one before by a hash: who takes one out, changes one or puts
one in breaks the chain from there on.

Known weakness: whoever can write to the store can write the whole chain anew; keep an export, or its last
hash, elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

START = "0" * 64
"""What the first act is chained to."""


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


def broken_at(acts: Iterable[Noted]) -> int | None:
    """The number of the first act that is not as it was written, or is missing; `None` where all is well."""
    before = START
    for number, act in enumerate(acts, start=1):
        if act != chained(act, number, before):
            return number
        before = act.hash
    return None
