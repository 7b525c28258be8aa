"""Text as vectors whose angle tells how alike texts are.

Two kinds, because they wait differently. An `Embedder` is local and answers at once: the only kind that the
hot path (intent, agents, the learned router) may ask. A `RemoteEmbedder` waits for a network and may fail:
for caches and for training, never for a decision that every request waits for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # numpy comes with the extra `embed`: what never embeds does not pay for it
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """Local and synchronous. To be used from one thread at a time."""

    @property
    def id(self) -> str:
        """Name, version and dimension, as `wordllama-l2_supercat/1:256`: vectors of different ids are not
        comparable, so whatever is kept with vectors is kept under this id, and refused under another."""
        ...

    @property
    def dimension(self) -> int: ...

    def embed(self, texts: Sequence[str], /) -> Vectors:
        """One row a text, in order: shape (len(texts), dimension), float32, of length 1; all zeros for a text
        that has nothing to embed. The same text gives the same row in every process, whatever else is in the
        batch. Takes any string (lone surrogates too) and never raises; a long text is read at its head and
        its tail, so that time is bounded.
        """
        ...


class RemoteEmbedder(Protocol):
    """Over the network. The rows are as an `Embedder`'s, but for texts that its model does not tell apart."""

    @property
    def id(self) -> str:
        """As `Embedder.id`."""
        ...

    async def embed(self, texts: Sequence[str], /) -> Vectors:
        """As `Embedder.embed`. Raises an `UpstreamError` where the service is down, refuses, or answers with
        anything but one finite vector of one length for each text."""
        ...
