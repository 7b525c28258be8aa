"""Answers that are used again: what makes two requests the same, what is kept, what a caller allows."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, StrEnum
from hashlib import blake2b
from math import inf
from zlib import crc32

import msgspec

from headgate.core.price import Price
from headgate.core.usage import Usage

FREE = Price(input=0, output=0)
"""What an answer costs that nobody was asked for."""

PROBE = b'{"headgate":"here"}'
"""Stands where an answer's metadata will: a JSON object no metadata of ours is."""

ENTRY_BYTES = 512
"""What an entry weighs beside its answer, the few bytes behind the metadata included: about right, and never
nothing."""


class Reuse(StrEnum):
    """Where an answer came from: `bypass` and `miss` from an upstream, the others from here."""

    BYPASS = "bypass"
    MISS = "miss"
    EXACT = "exact"
    SEMANTIC = "semantic"
    COALESCED = "coalesced"
    STALE = "stale"
    TEMPLATE = "template"

    @property
    def hit(self) -> bool:
        return self is not Reuse.BYPASS and self is not Reuse.MISS


BYPASS, MISS = Reuse.BYPASS, Reuse.MISS
"""To ask an enum for its member, or a property of it, costs as much as three calls."""


class Form(IntEnum):
    """In which an answer is told: whole, as a stream, or as a stream that says at its end what was used."""

    WHOLE = 0
    STREAM = 1
    COUNTED = 2


FORMS = tuple(bytes((form,)) for form in Form)


class Rung(StrEnum):
    """Of the ladder that a request climbs down when nobody who should answer does."""

    LOCAL = "local"
    STALE = "stale"
    TEMPLATE = "template"
    JOB = "job"


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """What a request's `Cache-Control` allows (RFC 9111 § 5.2.1, RFC 5861), in seconds. `max_age_s`: no older
    answer will do; `min_fresh_s`: it must stay fresh for so long; `max_stale_s`: it may have been stale for
    so long; `stale_if_error_s`: the same, where nobody answers."""

    no_cache: bool = False
    no_store: bool = False
    only_if_cached: bool = False
    max_age_s: float | None = None
    min_fresh_s: float = 0.0
    max_stale_s: float | None = None
    stale_if_error_s: float | None = None

    def takes(self, age_s: float, left_s: float = inf) -> bool:
        """An answer of that age, that stays fresh for `left_s`: where that is negative it has been stale."""
        if self.no_cache or (self.max_age_s is not None and age_s > self.max_age_s):
            return False
        if left_s > 0.0:
            return left_s >= self.min_fresh_s
        return self.max_stale_s is not None and not self.min_fresh_s and -left_s <= self.max_stale_s

    def bears(self, age_s: float, left_s: float) -> bool:
        """A stale answer, where there is a reason for one. Who says for how long it may have been stale says
        so of his own `max-age` too."""
        if self.no_cache or self.min_fresh_s:
            return False
        stale_s = -left_s if self.max_age_s is None else max(-left_s, age_s - self.max_age_s)
        if self.stale_if_error_s is None:
            return self.max_age_s is None or age_s <= self.max_age_s
        return stale_s <= self.stale_if_error_s


ANY = Freshness()
"""Of a request that says nothing."""


class Partition(msgspec.Struct, frozen=True):
    """Who may share answers with whom. No entry is ever seen from another partition.

    `scope`: the tenant, or `None` where all share. `name`: what the caller asked for by that name, a route
    or a model. `candidates`: the models that may serve this caller, with what stands behind each, in any
    order: who may use fewer never gets the answer of one that is forbidden, nor anybody that of one that is
    gone.
    `form`: how answers are written (the place of the metadata).
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

    def tell(self, metadata: bytes | None) -> bytes:
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


def ending_of(tail: Callable[[bytes | None], bytes], *, marked: bool) -> Ending:
    """The one that tells by that tail, if there is one already: so that no end is cut twice."""
    found = getattr(tail, "__self__", None)
    return found if isinstance(found, Ending) and found.marked == marked else Ending(tail, marked)


def told(end: End, metadata: bytes | None) -> bytes:
    """An end with metadata in its place, if it has one."""
    before, after = end
    return before if after is None else b"".join((before, metadata or b"{}", after))


def length(end: End) -> int:
    """In bytes, without metadata."""
    before, after = end
    return len(before) + len(after) if after else len(before)


class Said(msgspec.Struct, frozen=True):
    """What an answer's own `Cache-Control` says of how long it may be kept (RFC 9111 § 5.2.2, RFC 5861), in
    seconds; `None` where it says nothing. `strict`: never when it is stale."""

    fresh_s: float | None = None
    revalidate_s: float | None = None
    if_error_s: float | None = None
    strict: bool = False


class Life(msgspec.Struct, frozen=True, gc=False):
    """For how long an answer is fresh, and after that may be told while a newer one is fetched, or where
    nobody answers; in seconds. Shared by all that nobody has said otherwise of."""

    fresh_s: float
    revalidate_s: float = 0.0
    if_error_s: float = 0.0


class Stored(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An answer as it was told, ready to be told again in the same dialect and form.

    `body` is the stream up to its `end`. `stored_at` is in seconds since the epoch; `life` begins then.
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
    life: Life

    @property
    def expires_at(self) -> float:
        """When it is gone."""
        life = self.life
        return self.stored_at + life.fresh_s + max(life.revalidate_s, life.if_error_s)

    def left_s(self, wall: float) -> float:
        """For how long it stays fresh; negative where it is stale."""
        return self.stored_at + self.life.fresh_s - wall

    def packed(self) -> bytes:
        """For a store outside: with a checksum, because such stores are damaged now and then."""
        plain = _encode(self)
        return crc32(plain).to_bytes(4) + plain

    def weight(self) -> int:
        """Bytes it takes in memory, about."""
        return ENTRY_BYTES + len(self.body) + len(self.end[0])


def unpacked(packed: bytes) -> Stored | None:
    """The answer again; `None` of what is damaged, or of another version's making."""
    plain = packed[4:]
    if packed[:4] != crc32(plain).to_bytes(4):
        return None
    try:
        return _decode(plain)
    except msgspec.DecodeError:
        return None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Stored).decode
