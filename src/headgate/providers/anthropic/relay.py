"""Anthropic's dialect on both sides: bytes are relayed and only observed.

A request goes out with its model replaced and the provider's rules applied. A stream's events pass as they
came; the decoder reads along for the books. `message_stop`, the last, is held to carry the metadata.
"""

from __future__ import annotations

import msgspec

from headgate.core.call import Operation, Payload, Seen
from headgate.core.errors import UpstreamUnavailable
from headgate.ports.codec import Codec, Exchange
from headgate.ports.transport import Outgoing
from headgate.providers.exchange import Relay, observe
from headgate.providers.spec import Rules
from headgate.providers.splice import Rewrite, with_metadata
from headgate.providers.sse import Framer, Oversize, data_of, frame

PATH = "/v1/messages"
HEADERS = {"anthropic-version": "2023-06-01"}

_STOP = b"message_stop"


class _Event(msgspec.Struct, gc=False):
    type: str = ""


_event = msgspec.json.Decoder(_Event).decode


def relay(codec: Codec, *, model: str, rules: Rules) -> Relay:
    rewrite = Rewrite(model=model, rules=rules)

    def open_(payload: Payload) -> Exchange:
        betas = getattr(payload, "betas", "")
        headers = {**HEADERS, "anthropic-beta": betas} if betas else HEADERS
        outgoing = Outgoing(PATH, rewrite(payload.raw, put=False), headers)
        return (StreamRelay if payload.stream else DocumentRelay)(payload, codec, outgoing)

    return open_


class _Relay:
    """What streamed and whole answers share: the request, and a decoder that reads along."""

    def __init__(self, payload: Payload, codec: Codec, outgoing: Outgoing) -> None:
        self.outgoing = outgoing
        self.seen = Seen(prompt_chars=len(payload.raw))
        self._decoder = codec.decoder(Operation.CHAT, stream=payload.stream)

    def close(self) -> bytes:
        observe(self.seen, self._decoder.close())
        return b""


class StreamRelay(_Relay):
    """A streamed answer, relayed."""

    stream = True

    def __init__(self, payload: Payload, codec: Codec, outgoing: Outgoing) -> None:
        super().__init__(payload, codec, outgoing)
        self._framer = Framer()
        self._stop = b""

    def feed(self, chunk: bytes) -> bytes:
        try:
            events = self._framer.feed(chunk)
        except Oversize as error:
            raise UpstreamUnavailable("The upstream's answer is not of its dialect.") from error
        return b"".join([self._pass(event) for event in events])

    def close(self) -> bytes:
        out = b"".join([self._pass(event) for event in self._framer.close()])
        super().close()
        return out

    def tail(self, metadata: bytes | None) -> bytes:
        data = data_of(self._stop) or b'{"type":"message_stop"}'
        return frame(with_metadata(data, metadata), "message_stop")

    def _pass(self, event: bytes) -> bytes:
        observe(self.seen, self._decoder.feed(event))
        if _STOP in event and _event(data_of(event) or b"{}").type == "message_stop":
            self._stop = event
            self.seen.complete = True
            return b""
        return event


class DocumentRelay(_Relay):
    """A non-streamed answer, relayed."""

    stream = False

    def __init__(self, payload: Payload, codec: Codec, outgoing: Outgoing) -> None:
        super().__init__(payload, codec, outgoing)
        self._document = b""

    def feed(self, chunk: bytes) -> bytes:
        self._document = self._document + chunk if self._document else chunk
        observe(self.seen, self._decoder.feed(chunk))
        return b""

    def tail(self, metadata: bytes | None) -> bytes:
        return with_metadata(self._document, metadata)
