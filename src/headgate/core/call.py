"""One request on its way down the stack, and the answer on its way up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from enum import StrEnum
from typing import Protocol

import msgspec

from headgate.core.asked import Asked
from headgate.core.attempt import Attempt
from headgate.core.chat import Chat, Event, FinishReason
from headgate.core.decision import Decision
from headgate.core.embeddings import Embedded, Embeddings
from headgate.core.identity import Glance, Identity, Reading
from headgate.core.pace import Haste
from headgate.core.price import Price
from headgate.core.quota import Allowed
from headgate.core.reuse import ANY, Form, Freshness, Reuse, Rung, Said
from headgate.core.shape import Shape
from headgate.core.standing import Standing
from headgate.core.tier import NO_TIER, Tier
from headgate.core.tokens import Measured
from headgate.core.usage import Usage, at_least, estimate


class Operation(StrEnum):
    """What is asked for: each is a separate endpoint upstream."""

    CHAT = "chat"
    COMPLETION = "completion"
    EMBEDDINGS = "embeddings"


class Outcome(StrEnum):
    """How a request ended. Every request ends as exactly one of these."""

    FINISHED = "finished"
    REFUSED = "refused"
    REJECTED = "rejected"
    FAILED = "failed"
    UPSTREAM_CUT = "upstream_cut"
    CLIENT_GONE = "client_gone"
    CANCELLED = "cancelled"
    DEFERRED = "deferred"
    DEADLINE = "deadline"


class Emitter(Protocol):
    """Writes one answer in the caller's dialect. Sans-I/O, used once."""

    def feed(self, events: Iterable[Event | Embedded], /) -> bytes:
        """Frames that may leave now. Always empty for a non-streamed answer: it is gathered."""
        ...

    def tail(self, metadata: bytes | None, /) -> bytes:
        """What is left: the last data event and the terminator of a stream, or the whole document.

        `metadata`, a JSON object as bytes, becomes its member `x-routing-metadata`.
        """
        ...


class Payload(Protocol):
    """What the caller asked, in the caller's dialect, already validated; and how to answer in kind."""

    @property
    def dialect(self) -> str: ...
    @property
    def operation(self) -> Operation: ...
    @property
    def raw(self) -> bytes:
        """The body as it came."""
        ...

    @property
    def model(self) -> str: ...
    @property
    def stream(self) -> bool: ...

    @property
    def kind(self) -> str:
        """What beside the body decides the answer: dialect, operation, and what its headers opt into."""
        ...

    @property
    def reading(self) -> Reading | None:
        """How bodies like this are read for what decides the answer; without the model's name and the form of
        the answer. `None` where no two requests are the same."""
        ...

    def glance(self) -> Glance:
        """Cheap to have, the same for all bodies that are read the same, and mostly another for others."""
        ...

    @property
    def form(self) -> Form:
        """In which form the answer is to be told."""
        ...

    def hub(self) -> Chat | Embeddings:
        """The same in the hub's words. Computed on first use: a relayed request never needs it."""
        ...

    def asked(self) -> Asked | None:
        """What is asked, read off the request as it was decoded: cheap, and no translation. `None` where
        there is nothing to classify: embeddings."""
        ...

    def shaped(self, shape: Shape, /) -> Payload:
        """The same request with something put around its prompt. Raises `Unsupported` where it has none."""
        ...

    def emitter(self) -> Emitter: ...


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: a key of the configuration, by name.

    `models` are the names it may use, `regions` those of providers that may serve it; `None` means all.
    `privacy` is `standard`, `no_content` (nothing it says is kept) or `local_only` (nor does it leave the
    house)."""

    key: str
    tenant: str
    models: frozenset[str] | None = None
    tier: Tier = NO_TIER
    regions: frozenset[str] | None = None
    privacy: str = "standard"

    @property
    def is_kept(self) -> bool:
        """Whether anything of what it says, or is told, may be kept."""
        return self.privacy == "standard"


class Later(msgspec.Struct, frozen=True):
    """The caller takes an answer later, if nobody gives one now: after `wait_s` seconds, where it says so.
    `headers` are those that say more of the request, for whoever makes it again."""

    wait_s: float | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Line(msgspec.Struct, eq=False):
    """What all copies of one call share. The caller's end of the line: `gone` is set before a hang-up cancels
    the request, since the message of a cancellation does not survive every library it passes through. What
    the request has been `measured` to be, by the first who needed to know. What its place among those who
    wait lets it do. The upstream calls for it that `failed`, where somebody writes them down; and answers
    `discarded` where no reply was left to say so. `may_hedge`: whether a second call may be made for it while
    the first is under way; not when there has been one, when something has failed, or where nobody waits for
    the answer; `None` until somebody has asked. `allowed` says what is left of the caller's own limits at a
    time of the clock's."""

    gone: bool = False
    measured: Measured | None = None
    haste: Haste = Haste.EARLY
    failed: tuple[Attempt, ...] = ()
    discarded: tuple[Discarded, ...] = ()
    may_hedge: bool | None = None
    allowed: Callable[[float], Allowed] | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request on its way down. Immutable: a layer that changes it passes on a copy.

    Times are seconds of the gateway's `Clock`. `chain` holds the ids of the pools to try, best first;
    it is empty until routing has decided; `decision` says why, where there was something to decide. `session`
    is the caller's word for the conversation that this request belongs to. `wants` is what the caller says of
    answers that are kept, `identity` what requests have in common that one answer will do for; `later`
    whether it would take an answer later than now. `hedge`: this is the second of two calls for the request.
    """

    payload: Payload
    caller: Caller
    request_id: str
    started_at: float
    deadline_at: float
    chain: tuple[str, ...] = ()
    traceparent: str | None = None
    tags: tuple[str, ...] = ()
    wants: Freshness = ANY
    identity: Identity | None = None
    session: str | None = None
    later: Later | None = None
    decision: Decision | None = None
    line: Line = msgspec.field(default_factory=Line)
    hedge: bool = False


class Tape:
    """The pieces of an answer's body as they were handed out; `full`, and empty, once they were too many."""

    __slots__ = ("_left", "full", "pieces")

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes
        self.full = False
        self.pieces: list[bytes] = []

    def append(self, piece: bytes) -> None:
        self._left -= len(piece)
        if self._left >= 0:
            self.pieces.append(piece)
        elif not self.full:
            self.full = True
            self.pieces.clear()


class Seen(msgspec.Struct, eq=False):
    """What has been observed of an answer so far; complete once its body is exhausted.

    Written by the exchange that decodes (or watches) the upstream's bytes, read by everybody above.
    `started` becomes true with the first event that decodes; `output_chars` counts text, thoughts and
    arguments, for estimating the usage of a provider that reports none. `waiting_since`, in the clock's
    seconds, is set while the body waits for its upstream and not for its reader; `complete` once the answer
    is, by its dialect's own last word; `over` once the upstream will say no more. On a `tape`, if somebody
    has put one in, the body's pieces are noted as they are handed out; `keepable` is false where the upstream
    forbids to keep its answer, or declines to give one, `said` what else it has said of keeping it.
    `standing` is how our key there stood with its limits when the answer began, where it told.
    """

    prompt_chars: int = 0
    started: bool = False
    model: str | None = None
    finish: FinishReason | str | None = None
    usage: Usage | None = None
    output_chars: int = 0
    waiting_since: float | None = None
    complete: bool = False
    over: bool = False
    tape: Tape | None = None
    keepable: bool = True
    said: Said | None = None
    standing: Standing | None = None


class Source(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Where answers of one upstream come from. Built once per upstream, shared by all its replies; compared
    by identity.

    `model_id` is the configuration's name, `model_name` the provider's, `key` the label of our key there;
    `region` is where it works, if that is known.
    """

    provider: str
    model_id: str
    model_name: str
    key: str = ""
    price: Price | None = None
    region: str = ""

    @property
    def label(self) -> str:
        """For logs and metrics: `provider/model_id` and, where there are several keys, `#key`."""
        return f"{self.provider}/{self.model_id}" + (f"#{self.key}" if self.key else "")


class Discarded(msgspec.Struct, frozen=True, gc=False):
    """An answer that was asked for, and is not the one the caller got: whose it was, what it took, and what
    it cost in nano-dollars, where that is known. `hedge`: of two calls at once, the other was quicker."""

    source: Source
    usage: Usage
    cost_nano: int | None
    hedge: bool = False


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    """How a request waited for room, in seconds; the place it was given when it came, 1 being the next to go,
    and how long that was expected to take."""

    waited_s: float
    place: int
    estimate_s: float


class Reply(msgspec.Struct, eq=False, kw_only=True):
    """An opened answer: what is known at the first byte, then the body.

    `body` yields bytes of the caller's dialect, ready to leave; `tail(metadata)`, once the body is
    exhausted, gives the rest. For a non-streamed answer the body is empty and the tail is the document.
    `asked_at` is when this upstream was asked, `opened_at` when its first byte arrived.
    `attempts` counts upstream calls, this one included; `fallback_from` names the first choice, where
    another model served; `queued`, where it had to wait for room, how; `decision` is why these models were
    tried, where there was something to decide. `judged` says what became of a cascade's first answer:
    `accepted`, `escalated` to the strong model, or `kept` because that one had none; `discarded` are answers
    that were paid for and not told. `reuse` says whether an answer was kept somewhere, `age_s` for
    how long, `left_s` how long it stays fresh, and `saved_nano` what it would have cost; `sure`, from 0 to 1,
    that it fits, where it was kept for other words.
    `degraded`: nobody answered who should have, and this is what came instead. `batched`: so many requests
    were answered by one upstream call. `seal`, where
    there is one, is awaited before the last of the answer leaves; it may raise. `sealed`: its row has been
    made.
    """

    source: Source
    seen: Seen
    body: AsyncIterator[bytes]
    tail: Callable[[bytes | None], bytes]
    stream: bool
    asked_at: float
    opened_at: float
    attempts: int = 1
    fallback_from: str | None = None
    reuse: Reuse = Reuse.BYPASS
    age_s: float = 0.0
    left_s: float | None = None
    saved_nano: int = 0
    sure: float | None = None
    degraded: Rung | None = None
    batched: int = 1
    decision: Decision | None = None
    queued: Queued | None = None
    judged: str | None = None
    discarded: tuple[Discarded, ...] = ()
    seal: Callable[[], Awaitable[None]] | None = None
    sealed: bool = False
    _priced: Usage | None = None
    _cost: int | None = None

    def usage(self) -> Usage:
        """The provider's count; where it gave none, or none of the end, our estimate of what has passed."""
        seen = self.seen
        if (usage := seen.usage) is None:
            return estimate(prompt_chars=seen.prompt_chars, output_chars=seen.output_chars)
        return usage if seen.finish is not None else at_least(usage, output_chars=seen.output_chars)

    def cost_nano(self) -> int | None:
        """Nano-dollars of all that was asked for this request, or `None` where a price is not known."""
        own = self.own_nano()
        if not self.discarded or own is None:
            return own
        return own + sum(one.cost_nano or 0 for one in self.discarded)

    def own_nano(self) -> int | None:
        """The same of this answer alone."""
        usage = self.seen.usage
        if usage is None or self.seen.finish is None:
            usage = self.usage()
        if usage is not self._priced:  # it is asked several times
            price = self.source.price
            self._priced, self._cost = usage, None if price is None else price.cost_nano(usage)
        return self._cost


def put_aside(reply: Reply, *, hedge: bool = False) -> tuple[Discarded, ...]:
    """What that answer took so far, though its caller gets another or none; and what was put aside for it."""
    return *reply.discarded, Discarded(reply.source, reply.usage(), reply.own_nano(), hedge)


def outrun(source: Source, usage: Usage) -> Discarded:
    """A call there that was let go of before it began to answer, and may have taken as much as that, which
    nobody has counted: what the one that was quicker had taken by then."""
    taken = Usage(input=usage.prompt, output=usage.output, reasoning=usage.reasoning, estimated=True)
    cost = None if source.price is None else source.price.cost_nano(taken)
    return Discarded(source, taken, cost, hedge=True)
