"""The hub for embeddings: texts in, vectors out."""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.core.usage import Usage


class Embeddings(msgspec.Struct, frozen=True, kw_only=True):
    """A request: `inputs` are texts, or token arrays where the caller tokenised (only OpenAI takes those)."""

    model: str
    inputs: tuple[str | tuple[int, ...], ...]
    dimensions: int | None = None
    user: str | None = None
    extra: dict[str, Any] = {}


class Embedded(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: one vector per input, in order. An event like any other; it is the whole answer."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage
    model: str | None = None
