"""The dialect's server end: `/v1/messages` as Anthropic's clients know it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

from headgate.core.asked import Asked
from headgate.core.call import Emitter, Operation
from headgate.core.chat import Chat
from headgate.core.errors import GatewayError, InvalidRequest
from headgate.core.identity import Glance
from headgate.core.reuse import Form
from headgate.core.shape import Shape
from headgate.ports.codec import NO_HEADERS
from headgate.providers.anthropic.codec import DIALECT
from headgate.providers.anthropic.emit import DocumentEmitter, StreamEmitter
from headgate.providers.anthropic.errors import type_of
from headgate.providers.anthropic.gist import gist
from headgate.providers.anthropic.inbound import chat_of, decode
from headgate.providers.anthropic.shaping import shaped
from headgate.providers.anthropic.wire import REQUEST, Request
from headgate.providers.splice import canonical
from headgate.providers.sse import frame

IMMATERIAL = frozenset(("model", "metadata", "service_tier", "stream"))
"""Members that say who asks, in which form it is to be told and how it is to be billed, but not what is
asked."""

_KIND = f"{DIALECT}/{Operation.CHAT}"

BETA = b"anthropic-beta"

_BETAS = re.compile(rb"[A-Za-z0-9._:, -]{1,1000}")


class AnthropicPayload:
    """A request of the Messages API, validated (`core.call.Payload`). `betas` are the features it opts into,
    as the header `anthropic-beta` lists them; they mean something to Anthropic's own API alone."""

    __slots__ = ("_chat", "_new_id", "_request", "betas", "model", "raw", "stream")

    dialect = DIALECT
    operation = Operation.CHAT

    def __init__(self, request: Request, raw: bytes, new_id: Callable[[], str]) -> None:
        self.raw = raw
        self.model = request.model
        self.stream = bool(request.stream)
        self.betas = ""
        self._request = request
        self._new_id = new_id
        self._chat: Chat | None = None

    @property
    def kind(self) -> str:
        return f"{_KIND}/{self.betas}" if self.betas else _KIND

    @staticmethod
    def reading(raw: bytes) -> bytes | None:
        return canonical(raw, IMMATERIAL)

    def glance(self) -> Glance:
        turns = self._request.messages
        said = turns[-1].content
        if isinstance(said, str):
            return len(turns), said
        last = said[-1] if said else None
        return len(turns) + len(said), (last.text or last.tool_use_id or "") if last else ""

    @property
    def form(self) -> Form:
        return Form.COUNTED if self.stream else Form.WHOLE

    def hub(self) -> Chat:
        """Raises `Unsupported` for what only Anthropic's own API understands, `InvalidRequest` for a
        block that lacks what its type needs; both name the place."""
        if self._chat is None:
            self._chat = chat_of(self._request, self.raw)
        return self._chat

    def asked(self) -> Asked:
        return gist(self._request)

    def shaped(self, shape: Shape) -> AnthropicPayload:
        body = shaped(self.raw, shape)
        twin = AnthropicPayload(decode(REQUEST, body), body, self._new_id)
        twin.betas = self.betas
        return twin

    def emitter(self) -> Emitter:
        kind = StreamEmitter if self.stream else DocumentEmitter
        return kind(model=self.model, new_id=self._new_id, prompt_chars=len(self.raw))

    def __repr__(self) -> str:
        return f"<{self.dialect} {self.operation} {self.model!r} {len(self.raw)} bytes>"


class AnthropicSurface:
    """How an Anthropic client asks and is told (`ports.codec.Surface`). `new_id` gives the bare part of
    a message's id, for answers whose provider gave none."""

    dialect = DIALECT
    heeds: frozenset[bytes] = frozenset({BETA})

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id

    def parse(
        self, operation: Operation, body: bytes, headers: Mapping[bytes, bytes] = NO_HEADERS, /
    ) -> AnthropicPayload:
        if operation is not Operation.CHAT:
            raise InvalidRequest("The Anthropic API chats, and nothing else.", code="unsupported_operation")
        try:
            str(body, "utf-8")
        except UnicodeDecodeError as error:
            raise InvalidRequest("The body is not valid UTF-8.") from error
        payload = AnthropicPayload(decode(REQUEST, body), body, self._new_id)
        if BETA in headers:
            payload.betas = _betas(headers[BETA])
        return payload

    def error(self, error: GatewayError, status: int, request_id: str) -> bytes:
        """`{"type": "error", "error": {"type", "message"}, "request_id"}`; the type goes by the status."""
        return msgspec.json.encode(
            {
                "type": "error",
                "error": {"type": type_of(status), "message": error.message},
                "request_id": request_id,
            }
        )

    def error_event(self, error: GatewayError, status: int, request_id: str) -> bytes:
        return frame(self.error(error, status, request_id), "error")


def _betas(header: bytes) -> str:
    if not _BETAS.fullmatch(header):
        raise InvalidRequest("A list of names, separated by commas, is expected.", param="anthropic-beta")
    return header.decode()
