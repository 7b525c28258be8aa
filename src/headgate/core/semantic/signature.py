"""A question in 128 bits: enough to find one that says the same, and to tell most that cannot be the same,
without reading them again.

Above, a hash of all other words; then one of what must be the same to the last word; below, a bit for each
word that may be misspelled or left out.
"""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

from headgate.core.semantic.lexicon.table import FIRM, Kind
from headgate.core.semantic.reading import read

BITS, HASHED = 64, 32
APART = 8
"""Bits in which two questions may differ: so many as two slips and two light words can make."""

SLIPPED = 3
_MASK = (1 << BITS) - 1
_LIKE = (1 << BITS + HASHED) - 1
_EXACT = (Kind.NEGATION, Kind.QUANTIFIER, Kind.COMPARATIVE, Kind.SCOPE, Kind.CHOICE)


@lru_cache(maxsize=1024)
def sign(text: str) -> int:
    reading = read(text)
    firm = sorted([token.word for token in reading.tokens if token.kind in FIRM])
    words = sorted({token.word for token in reading.tokens if token.kind not in FIRM})
    marks = [sorted(reading.marks.get(kind, ())) for kind in _EXACT]
    bits = 0
    for word in words:
        bits |= _bit(word)
    return _hash(" ".join(words)) << BITS + HASHED | _hash(repr((firm, marks))) << BITS | bits


def _hash(text: str) -> int:
    return crc32(text.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=8192)
def _bit(word: str) -> int:
    return 1 << (_hash(word) % BITS)


def may_match(one: int, other: int) -> bool:
    """False where nothing could prove these the same. Where what must be the same differs, an unknown word
    beside it may be the slip that explains it."""
    differ = (one ^ other) & _LIKE
    bits = (differ & _MASK).bit_count()
    return bits <= APART if differ <= _MASK else 0 < bits <= SLIPPED


def apart(one: int, other: int) -> int:
    """In how many bits they differ, but for the hash of all words."""
    return ((one ^ other) & _LIKE).bit_count()
