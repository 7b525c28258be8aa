"""Answers that are used again: what makes two requests the same, what is kept, what a caller allows."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from hashlib import blake2b

import msgspec

from headgate.core.price import Price
from headgate.core.usage import Usage

FREE = Price(input=0, output=0)
"""What an answer costs that nobody was asked for."""

PROBE = b'{"headgate":"here"}'
"""Stands where an answer's metadata will: a JSON object no metadata of ours is."""

ENTRY_BYTES = 512
"""What an entry weighs beside its answer: about right, and never nothing."""


class Reuse(StrEnum):
    """Where an answer came from: `bypass` and `miss` from an upstream, the others from here."""

    BYPASS = "bypass"
    MISS = "miss"
    EXACT = "exact"
    COALESCED = "coalesced"

    @property
    def hit(self) -> bool:
        return self is not Reuse.BYPASS and self is not Reuse.MISS


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """What a request's `Cache-Control` allows (RFC 9111 § 5.2.1). `max_age_s`: no older answer will do."""

    no_cache: bool = False
    no_store: bool = False
    only_if_cached: bool = False
    max_age_s: float | None = None

    def takes(self, age_s: float) -> bool:
        return not self.no_cache and (self.max_age_s is None or age_s <= self.max_age_s)


ANY = Freshness()
"""Of a request that says nothing."""


class Partition(msgspec.Struct, frozen=True):
    """Who may share answers with whom. No entry is ever seen from another partition.

    `scope`: the tenant, or `None` where all share. `name`: what the caller asked for by that name, a route
    or a model. `candidates`: the models that may serve this caller, in any order: who may use fewer never
    gets the answer of one that is forbidden. `form`: how answers are written (the place of the metadata).
    """

    scope: str | None
    name: str
    candidates: frozenset[str]
    form: str = ""

    def seed(self) -> bytes:
        """16 bytes that stand for the partition. Lengths keep one field from running into the next."""
        parts = ["shared" if self.scope is None else f"tenant:{self.scope}", self.name, self.form]
        text = "".join(f"{len(part)}:{part}" for part in (*parts, *sorted(self.candidates)))
        return blake2b(
            text.encode("utf-8", "surrogatepass"), digest_size=16, person=b"headgate.reuse"
        ).digest()


def identity(seed: bytes, canonical: bytes) -> bytes:
    """20 bytes for a canonical request in the partition of that seed. Of two different requests they are the
    same with a probability of 2^-160 (BLAKE2b, RFC 7693)."""
    return identities(seed)(canonical)


def identities(seed: bytes) -> Callable[[bytes], bytes]:
    """`identity` in that partition, begun: setting the hash up takes as long as a short request."""
    begun = blake2b(digest_size=20, salt=seed)

    def of(canonical: bytes) -> bytes:
        hashed = begun.copy()
        hashed.update(canonical)
        return hashed.digest()

    return of


End = tuple[bytes, bytes | None]
"""The end of an answer before and after its metadata; `None` where it has none."""


class Ending(msgspec.Struct, eq=False):
    """The end of an answer, which can be told many times, each time with other metadata.

    The original `tail` is asked once, when the end is first wanted, and then let go of. `marked`: answers of
    this gateway carry metadata; where they do and a teller has none, it is an empty object.
    """

    tail: Callable[[bytes | None], bytes] | None
    marked: bool
    end: End = (b"", None)

    def __call__(self, metadata: bytes | None) -> bytes:
        """The first time it is told as it is made, so that an answer nobody else wants costs little more."""
        tail = self.tail
        if tail is None or metadata is None or not self.marked:
            return told(self.known(), metadata)
        self.tail, whole = None, tail(metadata)
        before, mark, after = whole.rpartition(metadata)
        self.end = (before, after) if mark else (whole, None)
        return whole

    def known(self) -> End:
        """The end itself."""
        tail, self.tail = self.tail, None
        if tail is not None:
            whole = tail(PROBE if self.marked else None)
            before, mark, after = whole.rpartition(PROBE)
            self.end = (before, after) if mark else (whole, None)
        return self.end


def told(end: End, metadata: bytes | None) -> bytes:
    """An end with metadata in its place, if it has one."""
    before, after = end
    return before if after is None else b"".join((before, metadata or b"{}", after))


def length(end: End) -> int:
    """In bytes, without metadata."""
    before, after = end
    return len(before) + len(after) if after else len(before)


class Stored(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An answer as it was told, ready to be told again in the same dialect and form.

    `body` is the stream up to its `end`. `stored_at` and `expires_at` are seconds since the epoch.
    `cost_nano` is what it once cost, in nano-dollars, `None` where nobody knows. It holds nothing that could
    hold it, so that a hundred thousand of them cost the garbage collector nothing.
    """

    provider: str
    model_id: str
    model_name: str
    served_model: str | None
    finish: str | None
    usage: Usage
    cost_nano: int | None
    stream: bool
    body: bytes
    end: End
    stored_at: float
    expires_at: float

    def weight(self) -> int:
        """Bytes it takes in memory, about."""
        return ENTRY_BYTES + len(self.body) + length(self.end)
