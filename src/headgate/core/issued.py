"""Keys of callers that were made at run time: kept as a keyed hash, known to all by a snapshot."""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Iterator
from hashlib import blake2b
from math import inf

import msgspec

from headgate.core.budget import Per

PREFIX = "hg_"
"""What every such key begins with."""
COPIES = "mirror"
"""Key and tenant of the copies that a mirror is sent: no caller's."""


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """One of them. `digest` is `digested` of the key, `hint` its end. Times are seconds since the epoch;
    `None` is no limit. `budgets`: nano-dollars, and in which period. `former` is the digest of the key that
    it took the place of, good until `former_until`."""

    name: str
    tenant: str
    digest: bytes
    hint: str
    created_at: float
    tier: str = ""
    models: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None
    privacy: str = "standard"
    rpm: int | None = None
    tpm: int | None = None
    budgets: tuple[tuple[int, Per], ...] = ()
    expires_at: float | None = None
    revoked_at: float | None = None
    former: bytes | None = None
    former_until: float = 0.0

    def digests(self) -> Iterator[tuple[bytes, float]]:
        """What opens the door, and until when: the key, and for a while the one that it took the place of.
        What is revoked opens nothing any more, wherever the clock is set."""
        until = inf if self.expires_at is None else self.expires_at
        if self.revoked_at is not None:
            until = -inf
        yield self.digest, until
        if self.former is not None:
            yield self.former, min(until, self.former_until)

    def state(self, wall: float) -> str:
        """For people."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and wall >= self.expires_at else "active"


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed at run time with a `kind` of payer: key, tenant, tier or route, by name. What the
    configuration says of the same wins. `time_zone` is of tenants alone; `None` is no limit."""

    kind: str
    name: str
    budgets: tuple[tuple[int, Per], ...] = ()
    rpm: int | None = None
    tpm: int | None = None
    time_zone: str | None = None

    @property
    def empty(self) -> bool:
        return self == Terms(kind=self.kind, name=self.name)


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Names of the configuration: what a key may ask for, what may be promised to it, and names that are
    taken."""

    models: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    routes: frozenset[str] = frozenset()


class Snapshot(msgspec.Struct, frozen=True):
    """All of them. `generation` grows with every change; `pepper` is what hashes are made with."""

    generation: int
    pepper: bytes
    keys: tuple[Issued, ...]
    terms: tuple[Terms, ...] = ()


NOBODY = Snapshot(0, b"", ())


def digested(key: bytes, pepper: bytes) -> bytes:
    return blake2b(key, key=pepper, digest_size=32, person=b"headgate-issued").digest()


_UNITS_S = {"h": 3600.0, "d": 86400.0}


def ends_at(text: str, wall: float) -> float:
    """`30d`, `12h` or a day such as `2027-01-31`, as seconds since the epoch.

    Raises:
        ValueError: for anything else.
    """
    if found := re.fullmatch(r"([0-9]{1,6})([hd])", text):
        return wall + int(found[1]) * _UNITS_S[found[2]]
    return calendar.timegm(time.strptime(text, "%Y-%m-%d"))
