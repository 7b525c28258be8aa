"""The server's end of the Gemini API: how callers ask, and how they are told.

The simulated provider stands behind it. Model, method and streaming are in the path there, so a server
calls `parse_at`; `parse`, for which a path does not exist, looks for a member `model` in the body.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from headgate.core.call import Emitter, Operation
from headgate.core.chat import Chat
from headgate.core.embeddings import Embeddings
from headgate.core.errors import GatewayError, InvalidRequest
from headgate.ports.codec import NO_HEADERS
from headgate.providers import sse, strict
from headgate.providers.gemini import asked, hub
from headgate.providers.gemini.emit import DocumentEmitter, StreamEmitter, VectorsEmitter
from headgate.providers.gemini.refusal import fault_for
from headgate.providers.gemini.wire import DIALECT
from headgate.providers.hubbed import Hubbed

_PATH = re.compile(r"(?:/v1\w*)?/((?:models|tunedModels)/[^/:?]+):(\w+)(?:\?.*)?")
_METHODS = {
    "generateContent": Operation.CHAT,
    "streamGenerateContent": Operation.CHAT,
    "batchEmbedContents": Operation.EMBEDDINGS,
    "embedContent": Operation.EMBEDDINGS,
}


class GeminiPayload(Hubbed):
    """`core.call.Payload` of a Gemini request; `method` is the word after the colon of its path."""

    dialect = DIALECT

    def __init__(
        self,
        *,
        raw: bytes,
        plain: dict[str, Any],
        said: asked.Generate | asked.EmbedAll | asked.Embed,
        model: str,
        method: str,
        new_id: Callable[[], str],
    ) -> None:
        self.raw = raw
        self.model = model
        self.method = method
        self.operation = _METHODS[method]
        self.stream = method == "streamGenerateContent"
        self._plain = plain
        self._said = said
        self._new_id = new_id

    def _read(self) -> Chat | Embeddings:
        match self._said:
            case asked.Generate():
                return hub.chat(
                    self._said, self._plain, model=self.model, stream=self.stream, new_id=self._new_id
                )
            case asked.EmbedAll(requests=requests):
                return hub.embeddings(requests, self._plain["requests"], model=self.model)
            case asked.Embed():
                return hub.embeddings([self._said], [self._plain], model=self.model)

    def emitter(self) -> Emitter:
        if self.operation is Operation.EMBEDDINGS:
            return VectorsEmitter(single=self.method == "embedContent")
        kind = StreamEmitter if self.stream else DocumentEmitter
        return kind(response_id=self._new_id(), model=self.model)


class GeminiSurface:
    """`ports.codec.Surface`. `new_id` names answers, and calls of a conversation that have no id."""

    dialect = DIALECT
    heeds: frozenset[bytes] = frozenset()

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id

    def parse_at(self, path: str, body: bytes) -> GeminiPayload:
        """A request to e.g. `/v1beta/models/x:streamGenerateContent?alt=sse`. Streams are always SSE.

        Raises:
            InvalidRequest: for any bytes that are no such request, `param` naming the member at fault or
                `path` for a path that is not one of the methods here.
        """
        found = _PATH.fullmatch(path)
        if found is None or found[2] not in _METHODS:
            raise InvalidRequest("There is no such method.", param="path", code="not_found")
        plain, said = strict.request(body, _kind(found[2]))
        return self._payload(body, plain, said, model=found[1].removeprefix("models/"), method=found[2])

    def parse(
        self, operation: Operation, body: bytes, headers: Mapping[bytes, bytes] = NO_HEADERS, /
    ) -> GeminiPayload:
        """A request without a path, not streamed, its model in the body."""
        if operation is Operation.COMPLETION:
            raise InvalidRequest("This API has no text completions.")
        method = "generateContent" if operation is Operation.CHAT else "batchEmbedContents"
        plain, said = strict.request(body, _kind(method))
        model = plain.get("model")
        if not isinstance(model, str) or not model:
            raise InvalidRequest("The body names no model.", param="model")
        return self._payload(body, plain, said, model=model.removeprefix("models/"), method=method)

    def error(self, error: GatewayError, status: int, request_id: str) -> bytes:
        return msgspec.json.encode(fault_for(error, status, request_id))

    def error_event(self, error: GatewayError, status: int, request_id: str) -> bytes:
        return sse.frame(self.error(error, status, request_id))

    def _payload(
        self, body: bytes, plain: dict[str, Any], said: Any, *, model: str, method: str
    ) -> GeminiPayload:
        return GeminiPayload(
            raw=body, plain=plain, said=said, model=model, method=method, new_id=self._new_id
        )


def _kind(method: str) -> type[asked.Generate | asked.EmbedAll | asked.Embed]:
    if _METHODS[method] is Operation.CHAT:
        return asked.Generate
    return asked.Embed if method == "embedContent" else asked.EmbedAll
