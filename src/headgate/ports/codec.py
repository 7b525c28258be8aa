"""A dialect, from both ends. Everything here is sans-I/O: bytes in, values out, and back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from headgate.core.call import Operation, Payload, Seen
from headgate.core.chat import Chat, Event
from headgate.core.embeddings import Embedded, Embeddings
from headgate.core.errors import GatewayError, UpstreamError
from headgate.core.standing import Standing
from headgate.ports.transport import Outgoing

Header = Callable[[str], str | None]
"""Looks a response header up by its lower-case name."""


NO_HEADERS: Mapping[bytes, bytes] = {}


class Decoder(Protocol):
    """Reads one answer of an upstream. Fed the body in pieces cut anywhere, gives the same events."""

    def feed(self, chunk: bytes, /) -> Sequence[Event | Embedded]:
        """Events completed by this piece. Raises `UpstreamUnavailable` for what is not of the dialect."""
        ...

    def close(self) -> Sequence[Event | Embedded]:
        """The body has ended. Raises `UpstreamInterrupted` where the answer was not complete."""
        ...


class Codec(Protocol):
    """A dialect's upstream end: how to ask, how to read the answer, what a refusal means."""

    @property
    def dialect(self) -> str: ...

    def encode(self, asked: Chat | Embeddings, /, *, model: str, stream: bool) -> Outgoing:
        """The request for `model`. Raises `Unsupported`, naming the parameter, for what the dialect lacks."""
        ...

    def decoder(self, operation: Operation, /, *, stream: bool) -> Decoder: ...

    def refusal(self, status: int, header: Header, body: bytes, wall: float) -> UpstreamError:
        """What a status of 400 or more means: class, scope and `retry_after_s`, from header or body.

        `wall` is the time of day, for providers that give a date. Never echoes a key.
        """
        ...

    def standing(self, header: Header, wall: float) -> Standing | None:
        """How our key stands with its limits, where the headers of an answer tell; of any answer."""
        ...


class Surface(Protocol):
    """A dialect's server end: how a caller asks, and how the caller is told."""

    @property
    def dialect(self) -> str: ...
    @property
    def heeds(self) -> Collection[bytes]:
        """Names of headers that say more of a request than its body."""
        ...

    def parse(
        self, operation: Operation, body: bytes, headers: Mapping[bytes, bytes] = NO_HEADERS, /
    ) -> Payload:
        """A request; `headers` by lower-case name, of which a dialect may have some that say more.

        Raises `InvalidRequest` naming the field, for any bytes whatever.
        """
        ...

    def error(self, error: GatewayError, status: int, request_id: str) -> bytes:
        """The error document."""
        ...

    def error_event(self, error: GatewayError, status: int, request_id: str) -> bytes:
        """The error as the last event of a stream that has begun."""
        ...


class Exchange(Protocol):
    """One upstream call: what to send, and what its answer is in the caller's own dialect.

    `seen` fills while bytes pass through. `feed` returns what may leave now; `close`, at the end of the
    upstream's body, what is still due of it (raises `UpstreamInterrupted` if the answer broke off);
    `tail` is the held-back end of the answer with the metadata in it.
    """

    @property
    def outgoing(self) -> Outgoing: ...
    @property
    def seen(self) -> Seen: ...
    @property
    def stream(self) -> bool: ...

    def feed(self, chunk: bytes, /) -> bytes: ...
    def close(self) -> bytes: ...
    def tail(self, metadata: bytes | None, /) -> bytes: ...


class Link(Protocol):
    """How one upstream meets callers: relays where both speak the same dialect, translates elsewhere.

    What dispatch holds; `providers.exchange` builds it from a codec and the upstream's model name.
    """

    def open(self, payload: Payload, /) -> Exchange: ...
    def refusal(self, status: int, header: Header, body: bytes, wall: float) -> UpstreamError: ...
    def standing(self, header: Header, wall: float) -> Standing | None: ...
