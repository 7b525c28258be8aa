"""The server's end of Ollama's API: how callers ask, and how they are told.

The simulated provider stands behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from headgate.core.call import Emitter, Operation
from headgate.core.chat import Chat
from headgate.core.embeddings import Embeddings
from headgate.core.errors import GatewayError, InvalidRequest
from headgate.ports.codec import NO_HEADERS
from headgate.providers import strict
from headgate.providers.hubbed import Hubbed
from headgate.providers.ollama import asked, hub
from headgate.providers.ollama.emit import DocumentEmitter, StreamEmitter, VectorsEmitter, line
from headgate.providers.ollama.wire import DIALECT

_KINDS: dict[Operation, type[asked.Chat | asked.Embed]] = {
    Operation.CHAT: asked.Chat,
    Operation.EMBEDDINGS: asked.Embed,
}


class OllamaPayload(Hubbed):
    """`core.call.Payload` of a request to `/api/chat` or `/api/embed`."""

    dialect = DIALECT

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

    def _read(self) -> Chat | Embeddings:
        if isinstance(self._said, asked.Chat):
            return hub.chat(self._said, self._plain, new_id=self._new_id)
        return hub.embeddings(self._said, self._plain)

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
