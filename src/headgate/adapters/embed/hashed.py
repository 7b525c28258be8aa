"""The embedder that needs no model: words and their trigrams of characters, hashed into signed buckets.

Source: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning" (2009); trigrams as in
fastText (Bojanowski et al., 2017), so that forms of a word lie close together. Hashes are CRC-32: the same
in every process.

Known weakness: it knows spelling, not meaning. "Car" and "automobile" have nothing in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from headgate.adapters.embed.words import WordSums

if TYPE_CHECKING:
    from headgate.ports.embedder import Vectors

DIMENSION = 512
BUCKETS = DIMENSION - 1
"""A mask: the dimension is a power of two."""

TRIGRAMS = 0.5
"""Weight of all trigrams of a word together, beside the word itself."""

SHORT, SHORT_WEIGHT = 3, 0.4
"""Words of so few characters are mostly the grammar's."""

LONGEST = 64
"""Characters of a word that are looked at."""


class Hashed(WordSums):
    """`ports.Embedder` without a model, in 512 dimensions."""

    def __init__(self) -> None:
        super().__init__(f"hashed-ngrams/1:{DIMENSION}", DIMENSION)

    def rows_of(self, words: list[str]) -> Vectors:
        rows = np.zeros((len(words), DIMENSION), np.float32)
        for row, word in zip(rows, words, strict=True):
            self._write(row, word.lower().strip(".,;:!?()[]{}\"'")[:LONGEST] or word[:LONGEST])
        return rows

    def _write(self, row: Vectors, word: str) -> None:
        weight = SHORT_WEIGHT if len(word) <= SHORT and word.isascii() else 1.0
        _add(row, word, weight)
        edged = f"<{word}>"
        count = len(edged) - 2
        for start in range(count):
            _add(row, edged[start : start + 3], weight * TRIGRAMS / count)


def _add(row: Vectors, gram: str, weight: float) -> None:
    """To the bucket of the low bits, with the sign of the highest one."""
    hashed = crc32(gram.encode("utf-8", "surrogatepass"))
    row[hashed & BUCKETS] += weight if hashed >> 31 else -weight
