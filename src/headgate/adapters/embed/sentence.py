"""Vectors from a model of sentence-transformers in this process.

Known weakness: milliseconds a text on a CPU, hundreds of megabytes of memory. It satisfies the port, so the
hot path can be given it; what that costs is in `docs/routing.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from headgate.core.asked import sampled

if TYPE_CHECKING:
    from headgate.ports.embedder import Vectors


class Model(Protocol):
    """As much of `sentence_transformers.SentenceTransformer` as is used."""

    def encode(self, sentences: list[str], /, *, show_progress_bar: bool) -> Any:
        """An array of shape (n, dimension)."""
        ...

    def get_sentence_embedding_dimension(self) -> int | None: ...


class Sentence:
    """`ports.Embedder` over a model that is loaded."""

    def __init__(self, model: Model, name: str) -> None:
        self._model = model
        self.dimension = int(model.get_sentence_embedding_dimension() or 0)
        self.id = f"sentence-{name}:{self.dimension}"

    def embed(self, texts: Sequence[str], /) -> Vectors:
        found: Vectors = np.zeros((len(texts), self.dimension), np.float32)
        wanted = [index for index, text in enumerate(texts) if text.strip()]
        if wanted:
            sent = [sampled(texts[index]).encode("utf-8", "replace").decode() for index in wanted]
            rows = np.asarray(self._model.encode(sent, show_progress_bar=False), np.float32)
            norms = np.linalg.norm(rows, axis=1, keepdims=True)
            found[wanted] = rows / np.where(norms > 0, norms, 1)
        return found

    def __repr__(self) -> str:
        return f"<Sentence {self.id}>"


def load(name: str) -> Sentence:
    """A model by its name or folder. Raises `ImportError` where sentence-transformers is not installed."""
    library = import_module("sentence_transformers")
    return Sentence(library.SentenceTransformer(name), name)
