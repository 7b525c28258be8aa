"""One upstream call between two dialects: relayed where they are the same, translated elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from headgate.core.call import Operation, Payload, Seen
from headgate.core.chat import (
    Event,
    Failed,
    Finish,
    RefusalDelta,
    Spent,
    Start,
    TextDelta,
    ThoughtDelta,
    ToolCallDelta,
)
from headgate.core.embeddings import Embedded
from headgate.core.errors import UpstreamError, UpstreamInterrupted, UpstreamThrottled, UpstreamUnavailable
from headgate.core.standing import Standing
from headgate.core.usage import believable
from headgate.ports.codec import Codec, Exchange, Header

Relay = Callable[[Payload], Exchange | None]
"""Opens a relay for a payload of its own dialect, or says with `None` that this one must be translated."""


def failure(event: Failed, *, begun: bool) -> UpstreamError:
    """An error event as an exception: fatal once the client has bytes, a reason to ask elsewhere before."""
    if begun:
        return UpstreamInterrupted(event.message, status=event.status, kind=event.kind)
    kind = UpstreamThrottled if event.status == 429 else UpstreamUnavailable
    return kind(event.message, status=event.status, kind=event.kind, retry_after_s=event.retry_after_s)


def observe(seen: Seen, events: Iterable[Event | Embedded]) -> None:
    """Keeps the books of an answer as its events pass. Raises what a `Failed` among them means."""
    for event in events:
        match event:
            case TextDelta() | RefusalDelta() | ThoughtDelta():
                seen.output_chars += len(event.text)
                if type(event) is RefusalDelta:
                    seen.keepable = False
            case ToolCallDelta():
                seen.output_chars += len(event.arguments)
            case Failed():
                raise failure(event, begun=seen.started)
            case _:
                _note(seen, event)
        seen.started = True


def wanted(payload: Payload) -> int | None:
    """How many vectors an answer must have, where the payload says so."""
    found: int | None = getattr(payload, "vectors", None)
    return found


def complete_vectors(came: int, wanted: int) -> None:
    """Who asks for a vector for each of his texts cannot tell which of them is missing."""
    if came != wanted:
        raise UpstreamUnavailable(f"The upstream sent {came} vectors for {wanted} texts.")


def _note(seen: Seen, event: Event | Embedded) -> None:
    match event:
        case Start():
            seen.model = event.model or seen.model
        case Finish():
            seen.finish = event.reason
        case Spent(usage):
            seen.usage = believable(usage)
        case Embedded():
            seen.model, seen.finish = event.model, "stop"
            seen.usage = believable(event.usage) if event.usage.total else None


class Translation:
    """An exchange whose two ends speak different dialects; every event passes through the hub."""

    def __init__(self, codec: Codec, payload: Payload, *, model: str) -> None:
        self.outgoing = codec.encode(payload.hub(), model=model, stream=payload.stream)
        self.seen = Seen(prompt_chars=len(payload.raw))
        self.stream = payload.stream
        operation = Operation.CHAT if payload.operation is Operation.COMPLETION else payload.operation
        self._decoder = codec.decoder(operation, stream=payload.stream)
        self._vectors = wanted(payload)
        self._emitter = payload.emitter()

    def feed(self, chunk: bytes) -> bytes:
        events = self._decoder.feed(chunk)
        observe(self.seen, events)
        return self._emitter.feed(events)

    def close(self) -> bytes:
        events = self._decoder.close()
        observe(self.seen, events)
        if self._vectors is not None:
            complete_vectors(
                sum(len(one.vectors) for one in events if isinstance(one, Embedded)), self._vectors
            )
        return self._emitter.feed(events)

    def tail(self, metadata: bytes | None) -> bytes:
        return self._emitter.tail(metadata)


class Link:
    """How one upstream meets its callers (`ports.codec.Link`).

    `relays` maps a caller's dialect to the relay for it: for most upstreams that is their own dialect
    alone. A relay may decline a payload; it is then translated like any other.
    """

    def __init__(self, codec: Codec, *, model: str, relays: dict[str, Relay] | None = None) -> None:
        self._codec = codec
        self._model = model
        self._relays = relays or {}

    def open(self, payload: Payload) -> Exchange:
        relay = self._relays.get(payload.dialect)
        exchange = relay(payload) if relay else None
        return exchange or Translation(self._codec, payload, model=self._model)

    def refusal(self, status: int, header: Header, body: bytes, wall: float) -> UpstreamError:
        return self._codec.refusal(status, header, body, wall)

    def standing(self, header: Header, wall: float) -> Standing | None:
        return self._codec.standing(header, wall)
