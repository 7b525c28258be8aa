"""What embedders share for which a text is the sum of its words: words once met are a lookup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from headgate.core.asked import sampled

if TYPE_CHECKING:
    from headgate.ports.embedder import Vectors

KEPT_BYTES = 8 << 20
"""For vectors of words: 8,192 words of 256 dimensions. Once so many have been met, keeping begins anew."""

LONGEST_KEPT = 32
"""Characters. Longer ones are addresses, keys, or sentences of a script without spaces: never met again."""


class WordSums:
    """`ports.Embedder` without the words: `rows_of` gives them.

    Known weakness: the order of words is lost.
    """

    def __init__(self, identity: str, dimension: int) -> None:
        self.id = identity
        self.dimension = dimension
        self._most = KEPT_BYTES // (4 * dimension)
        self._slots: dict[str, int] = {}
        self._rows = np.zeros((self._most, dimension), np.float32)

    def rows_of(self, words: list[str]) -> Vectors:
        """A row for each of these words, none of which has white space in it; float32, of any length."""
        raise NotImplementedError

    def embed(self, texts: Sequence[str], /) -> Vectors:
        found = np.empty((len(texts), self.dimension), np.float32)
        for index, text in enumerate(texts):
            self._into(found[index], sampled(text).split())
        return found

    def _into(self, row: Vectors, words: list[str]) -> None:
        """Writes the direction of the words' sum. A sum is as good as a mean: only its direction is kept.

        Whether words were met before makes no difference to the last bit: the same rows are added up in the
        same order.
        """
        slots = [self._slots.get(word, -1) for word in words]
        rows = self._rows.take(slots, axis=0)
        if -1 in slots:
            strangers = [index for index, slot in enumerate(slots) if slot < 0]
            places = {word: at for at, word in enumerate(dict.fromkeys(words[index] for index in strangers))}
            fresh = self.rows_of(list(places))
            rows[strangers] = fresh[[places[words[index]] for index in strangers]]
            for word, at in places.items():
                self._keep(word, fresh[at])
        np.add.reduce(rows, out=row)
        length = float(row.dot(row)) ** 0.5
        if length:
            row /= length

    def _keep(self, word: str, row: Vectors) -> None:
        if len(word) > LONGEST_KEPT or word in self._slots:
            return
        if len(self._slots) == self._most:
            self._slots.clear()
        slot = self._slots[word] = len(self._slots)
        self._rows[slot] = row

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}, {len(self._slots)} words kept>"
