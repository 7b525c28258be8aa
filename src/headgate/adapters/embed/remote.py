"""Vectors from any service whose dialect the gateway speaks: OpenAI's `/v1/embeddings` and all that copy
it, Ollama's `/api/embed`, Gemini's `:batchEmbedContents`. The dialect is a codec, the wire a transport;
both are given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from headgate.core.asked import sampled
from headgate.core.call import Operation
from headgate.core.embeddings import Embedded, Embeddings
from headgate.core.errors import UpstreamUnavailable

if TYPE_CHECKING:
    from headgate.ports.codec import Codec
    from headgate.ports.embedder import Vectors
    from headgate.ports.transport import Transport

BATCH = 64
"""Texts a request: every service that is known takes as many, and a refusal costs no more than these."""

MAX_CHARS = 8_000
"""Of one text. The smallest windows in use are 2,048 tokens; what is longer is read at its head and tail."""


class Remote:
    """`ports.RemoteEmbedder`. `dimension` is what the model is configured to give; another is an error."""

    def __init__(
        self,
        codec: Codec,
        transport: Transport,
        *,
        model: str,
        dimension: int,
        wall: Callable[[], float],
    ) -> None:
        """`model`: the service's name for it. `wall`: the time of day, for refusals that give a date."""
        self.id = f"{codec.dialect}-{model}:{dimension}"
        self._codec, self._transport, self._wall = codec, transport, wall
        self._model, self._dimension = model, dimension

    async def embed(self, texts: Sequence[str], /) -> Vectors:
        found = np.zeros((len(texts), self._dimension), np.float32)
        wanted = [index for index, text in enumerate(texts) if text.strip()]
        for start in range(0, len(wanted), BATCH):
            some = wanted[start : start + BATCH]
            found[some] = await self._batch([_sendable(texts[index]) for index in some])
        return found

    async def _batch(self, texts: list[str]) -> Vectors:
        asked = Embeddings(model=self._model, inputs=tuple(texts))
        outgoing = self._codec.encode(asked, model=self._model, stream=False)
        async with self._transport(outgoing, stream=False) as response:
            body = await response.read()
            if response.status >= 400:
                raise self._codec.refusal(response.status, response.header, body, self._wall())
        decoder = self._codec.decoder(Operation.EMBEDDINGS, stream=False)
        events = [*decoder.feed(body), *decoder.close()]
        answers = [event for event in events if isinstance(event, Embedded)]
        return self._checked(answers[-1].vectors if answers else (), len(texts))

    def _checked(self, vectors: Sequence[Sequence[float]], count: int) -> Vectors:
        lengths = {len(vector) for vector in vectors}
        if len(vectors) != count or lengths != {self._dimension}:
            raise UpstreamUnavailable(
                f"{self.id} answered {len(vectors)} vectors of {sorted(lengths)} dimensions for {count} texts"
            )
        rows: Vectors = np.asarray(vectors, np.float32)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        if not np.isfinite(norms).all():
            raise UpstreamUnavailable(f"{self.id} answered with numbers that are none")
        rows /= np.where(norms > 0, norms, 1)
        return rows

    def __repr__(self) -> str:
        return f"<Remote embedder {self.id}>"


def _sendable(text: str) -> str:
    """JSON carries no lone surrogates."""
    return sampled(text, MAX_CHARS).encode("utf-8", "replace").decode()
