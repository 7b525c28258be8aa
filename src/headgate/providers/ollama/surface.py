"""The server's end of Ollama's API: how callers ask, and how they are told.

The simulated provider stands behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from functools import cached_property
from typing import Any

import msgspec

from headgate.core.asked import Asked
from headgate.core.asked import asked as asked_of
from headgate.core.call import Emitter, Operation
from headgate.core.chat import Chat
from headgate.core.embeddings import Embeddings
from headgate.core.errors import GatewayError, InvalidRequest, Unsupported
from headgate.core.identity import Glance
from headgate.core.reuse import Form
from headgate.core.shape import Shape
from headgate.ports.codec import NO_HEADERS
from headgate.providers import strict
from headgate.providers.ollama import asked, hub
from headgate.providers.ollama.emit import DocumentEmitter, StreamEmitter, VectorsEmitter, line
from headgate.providers.ollama.wire import DIALECT

_KINDS: dict[Operation, type[asked.Chat | asked.Embed]] = {
    Operation.CHAT: asked.Chat,
    Operation.EMBEDDINGS: asked.Embed,
}


class OllamaPayload:
    """`core.call.Payload` of a request to `/api/chat` or `/api/embed`."""

    dialect = DIALECT
    reading = None
    """Nobody keeps the answers of a simulated provider's end."""

    def __init__(
        self,
        *,
        raw: bytes,
        plain: dict[str, Any],
        said: asked.Chat | asked.Embed,
        wall: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self.raw = raw
        self.model = said.model
        self.operation = Operation.CHAT if isinstance(said, asked.Chat) else Operation.EMBEDDINGS
        self.stream = isinstance(said, asked.Chat) and said.stream is not False
        self._plain = plain
        self._said = said
        self._wall = wall
        self._new_id = new_id

    @property
    def kind(self) -> str:
        return f"{DIALECT}/{self.operation}"

    def glance(self) -> Glance:
        return 0, ""

    @property
    def form(self) -> Form:
        return Form.COUNTED if self.stream else Form.WHOLE

    def hub(self) -> Chat | Embeddings:
        return self._hub

    @cached_property
    def _hub(self) -> Chat | Embeddings:
        if isinstance(self._said, asked.Chat):
            return hub.chat(self._said, self._plain, new_id=self._new_id)
        return hub.embeddings(self._said, self._plain)

    def asked(self) -> Asked | None:
        return asked_of(self._hub) if isinstance(self._hub, Chat) else None

    def shaped(self, shape: Shape) -> OllamaPayload:
        """Nobody relays this dialect: what counts is what the hub says."""
        if not isinstance(self._hub, Chat):
            raise Unsupported("Embeddings have no prompt that something could be put around.", param="model")
        other = copy(self)
        other.__dict__["_hub"] = shape.chat(self._hub)
        return other

    def emitter(self) -> Emitter:
        if self.operation is Operation.EMBEDDINGS:
            return VectorsEmitter(wall=self._wall, model=self.model)
        kind = StreamEmitter if self.stream else DocumentEmitter
        return kind(wall=self._wall, model=self.model)


class OllamaSurface:
    """`ports.codec.Surface`. `clock_wall` dates the answers, in seconds since the epoch; `new_id` names the
    calls of a conversation that have no id."""

    dialect = DIALECT
    heeds: frozenset[bytes] = frozenset()

    def __init__(self, clock_wall: Callable[[], float], new_id: Callable[[], str]) -> None:
        self._wall = clock_wall
        self._new_id = new_id

    def parse(
        self, operation: Operation, body: bytes, headers: Mapping[bytes, bytes] = NO_HEADERS, /
    ) -> OllamaPayload:
        if operation not in _KINDS:
            raise InvalidRequest("This API's text completions are not served here.")
        plain, said = strict.request(body, _KINDS[operation])
        return OllamaPayload(raw=body, plain=plain, said=said, wall=self._wall, new_id=self._new_id)

    def error(self, error: GatewayError, status: int, request_id: str) -> bytes:
        return msgspec.json.encode({"error": error.message})

    def error_event(self, error: GatewayError, status: int, request_id: str) -> bytes:
        return line({"error": error.message})
