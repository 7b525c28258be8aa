"""Embeddings out of nothing but the words: equal texts are equal, texts that share words are near."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from math import sqrt

_WORD = re.compile(r"\w+|[^\w\s]")
_MARKS = 8
"""Dimensions one word touches, each up or down."""


@lru_cache(maxsize=8192)
def _marks(word: str, dimensions: int) -> tuple[tuple[int, float], ...]:
    """Where a word points: read from its hash, four bytes a dimension."""
    digest = blake2b(word.encode(errors="replace"), digest_size=4 * _MARKS).digest()
    places = [int.from_bytes(digest[at : at + 4]) for at in range(0, len(digest), 4)]
    return tuple(((place >> 1) % dimensions, 1.0 if place & 1 else -1.0) for place in places)


def vector(text: str, dimensions: int) -> tuple[float, ...]:
    """A unit vector for `text`, case aside. A text without words has one too."""
    sums = [0.0] * dimensions
    for word in _WORD.findall(text.lower()) or [""]:
        for place, sign in _marks(word, dimensions):
            sums[place] += sign
    length = sqrt(sum(value * value for value in sums))
    if not length:
        sums[len(text) % dimensions] = length = 1.0
    return tuple(value / length for value in sums)
