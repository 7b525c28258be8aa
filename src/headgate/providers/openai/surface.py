"""The dialect's server end: chat, text completions and embeddings as OpenAI's clients know them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from headgate.core.asked import Asked
from headgate.core.call import Emitter, Operation
from headgate.core.chat import Chat
from headgate.core.embeddings import Embeddings
from headgate.core.errors import GatewayError, Unsupported
from headgate.core.identity import Glance
from headgate.core.reuse import Form
from headgate.core.shape import Shape
from headgate.ports.codec import NO_HEADERS
from headgate.providers.openai import asked, errors, gist, shaping, wire
from headgate.providers.openai.codec import DIALECT
from headgate.providers.openai.document import ChatDocument, CompletionDocument, EmbeddingsEmitter
from headgate.providers.openai.emit import Answering, ChatStream, CompletionStream
from headgate.providers.splice import canonical
from headgate.providers.sse import frame

_chat = msgspec.json.Decoder(wire.ChatRequest)
_completion = msgspec.json.Decoder(wire.CompletionRequest)
_embeddings = msgspec.json.Decoder(wire.EmbeddingsRequest)
_CHAT = Operation.CHAT
_WHOLE = Form.WHOLE

Request = TypeVar("Request")


IMMATERIAL = frozenset(
    (
        "model",
        "user",
        "metadata",
        "store",
        "service_tier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "stream",
        "stream_options",
    )
)
"""Members that say who asks, in which form it is to be told, and how it is to be billed and kept, but not
what is asked."""


class _Origin:
    """Where answers get their dates and ids from."""

    __slots__ = ("new_id", "wall")

    def __init__(self, wall: Callable[[], float], new_id: Callable[[], str]) -> None:
        self.wall = wall
        self.new_id = new_id


class _Payload:
    """What the three kinds of request share (`core.call.Payload`)."""

    __slots__ = ("_hub", "_origin", "_request", "form", "model", "raw", "stream")

    dialect = DIALECT
    PREFIX = ""

    def __init__(self, raw: bytes, request: wire.Sampling | wire.EmbeddingsRequest, origin: _Origin) -> None:
        self.raw = raw
        self.model = request.model
        self.stream = False
        self.form = _WHOLE
        self._origin = origin
        self._request = request
        self._hub: Chat | Embeddings | None = None
        if isinstance(request, wire.Sampling) and request.stream:
            options = request.stream_options
            self.stream = True
            self.form = Form.COUNTED if options is not None and options.include_usage else Form.STREAM

    @staticmethod
    def reading(raw: bytes) -> bytes | None:
        return canonical(raw, IMMATERIAL)

    @property
    def include_usage(self) -> bool:
        return self.form is Form.COUNTED

    def _answering(self) -> Answering:
        return Answering(
            model=self.model,
            created=int(self._origin.wall()),
            new_id=lambda: self.PREFIX + self._origin.new_id(),
            prompt_chars=len(self.raw),
            include_usage=self.include_usage,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.model!r} {len(self.raw)} bytes>"


class ChatPayload(_Payload):
    __slots__ = ()

    operation = Operation.CHAT
    kind = f"{DIALECT}/{operation}"
    PREFIX = "chatcmpl-"

    _request: wire.ChatRequest
    _hub: Chat | None

    def hub(self) -> Chat:
        if self._hub is None:
            self._hub = asked.chat(self._request, self.raw)
        return self._hub

    def asked(self) -> Asked:
        return gist.of_chat(self._request)

    def glance(self) -> Glance:
        messages = self._request.messages
        said = messages[-1].content
        return (len(messages), said) if type(said) is str else _glance(len(messages), said)

    def shaped(self, shape: Shape) -> ChatPayload:
        body = shaping.shaped_chat(self.raw, shape)
        return ChatPayload(body, _decode(_chat, body), self._origin)

    def emitter(self) -> Emitter:
        return ChatStream(self._answering()) if self.stream else ChatDocument(self._answering())


class CompletionPayload(_Payload):
    __slots__ = ()

    operation = Operation.COMPLETION
    kind = f"{DIALECT}/{operation}"
    PREFIX = "cmpl-"

    _request: wire.CompletionRequest
    _hub: Chat | None

    def hub(self) -> Chat:
        if self._hub is None:
            self._hub = asked.completion(self._request, self.raw)
        return self._hub

    def asked(self) -> Asked:
        return gist.of_completion(self._request)

    def glance(self) -> Glance:
        return _glance(0, self._request.prompt)

    def shaped(self, shape: Shape) -> CompletionPayload:
        body = shaping.shaped_completion(self.raw, shape)
        return CompletionPayload(body, _decode(_completion, body), self._origin)

    def emitter(self) -> Emitter:
        return CompletionStream(self._answering()) if self.stream else CompletionDocument(self._answering())


class EmbeddingsPayload(_Payload):
    __slots__ = ("several",)

    operation = Operation.EMBEDDINGS
    kind = f"{DIALECT}/{operation}"

    _request: wire.EmbeddingsRequest
    _hub: Embeddings | None

    def __init__(self, raw: bytes, request: wire.EmbeddingsRequest, origin: _Origin) -> None:
        super().__init__(raw, request, origin)
        self.several = False
        """Whether it asks for several callers, whose batch looks itself at what came."""

    @property
    def vectors(self) -> int | None:
        """How many an answer must have; `None` where that is looked at elsewhere."""
        if self.several:
            return None
        found = self._request.input
        return 1 if isinstance(found, str) or isinstance(found[0], int) else len(found)

    def hub(self) -> Embeddings:
        if self._hub is None:
            self._hub = asked.embeddings(self._request, self.raw)
        return self._hub

    def asked(self) -> None:
        return None

    def glance(self) -> Glance:
        return _glance(0, self._request.input)

    def shaped(self, shape: Shape) -> EmbeddingsPayload:
        raise Unsupported("Embeddings have no prompt that something could be put around.", param="model")

    def emitter(self) -> Emitter:
        return EmbeddingsEmitter(self._answering(), as_base64=self._request.encoding_format == "base64")


class OpenAISurface:
    """How a caller of the OpenAI API asks and is told (`ports.codec.Surface`).

    `clock_wall` gives seconds since the epoch, for `created`; `new_id` the bare part of the id of an
    answer whose provider gave none.
    """

    dialect = DIALECT
    heeds: frozenset[bytes] = frozenset()

    def __init__(self, clock_wall: Callable[[], float], new_id: Callable[[], str]) -> None:
        self._origin = _Origin(clock_wall, new_id)

    def parse(
        self, operation: Operation, body: bytes, headers: Mapping[bytes, bytes] = NO_HEADERS, /
    ) -> ChatPayload | CompletionPayload | EmbeddingsPayload:
        """One typed decoding of the body: what is sent on to an upstream of this dialect is not looked at
        further. Raises `InvalidRequest` for any bytes that are not such a request."""
        if operation is _CHAT:
            return ChatPayload(body, _decode(_chat, body), self._origin)
        if operation is Operation.COMPLETION:
            return CompletionPayload(body, _decode(_completion, body), self._origin)
        return EmbeddingsPayload(body, _decode(_embeddings, body), self._origin)

    def error(self, error: GatewayError, status: int, request_id: str) -> bytes:
        return errors.document(error, status)

    def error_event(self, error: GatewayError, status: int, request_id: str) -> bytes:
        return frame(errors.document(error, status))


def _glance(before: int, said: str | Sequence[object] | None) -> Glance:
    """How much was said, and the last of it."""
    if not said:
        return before, ""
    if isinstance(said, str):
        return before, said
    last = said[-1].text if isinstance(said[-1], wire.Part) else said[-1]
    return before + len(said), last if isinstance(last, str) else ""


def _decode(decoder: msgspec.json.Decoder[Request], body: bytes) -> Request:
    """Text that no member is decoded from is checked for UTF-8 too: an upstream would choke on it."""
    try:
        if not body.isascii():
            str(body, "utf-8")
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise asked.invalid(error) from None
