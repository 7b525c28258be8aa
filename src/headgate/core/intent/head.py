"""A fitted head of the classifier, as it is written down. Apart from `vectors`: reading it takes no numpy."""

from __future__ import annotations

import msgspec


class Head(msgspec.Struct, frozen=True):
    """A fitted head. `weights`: a row a feature (vector, then counts, then 1), a column an intent; scales are
    multiplied in. `embedder` is the id of what gave the vectors."""

    embedder: str
    intents: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]
    temperature: float
