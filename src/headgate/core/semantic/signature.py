"""A question in 128 bits: enough to find one that says the same, and to tell most that cannot be the same,
without reading them again.

Above, a hash of all words that may be misspelled or left out; then one of what must be the same to the last
word, unless a slip explains it; then one of what nothing explains: figures, quantifiers, comparatives.
Below, a bit for each word of the first kind.
"""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

from headgate.core.semantic.lexicon.table import FIRM, LITERAL, Kind
from headgate.core.semantic.reading import Reading, read

BITS, HALF = 64, 16
HASHED = 2 * HALF
APART = 8
"""Bits in which two questions may differ: so many as two slips and two light words can make."""

SLIPPED = 5
_MASK = (1 << BITS) - 1
_LIKE = (1 << BITS + HASHED) - 1
_HALF = (1 << HALF) - 1
_HARD = _HALF << BITS
_DENIED = (Kind.NEGATION,)
_EXACT = (Kind.QUANTIFIER, Kind.COMPARATIVE, Kind.SCOPE, Kind.CHOICE)


@lru_cache(maxsize=1024)
def sign(text: str) -> int:
    reading = read(text)
    soft, hard, firm = set[str](), list[str](), list[str]()
    for token in reading.tokens:
        if token.kind not in FIRM:
            soft.add(token.word)
        else:
            (hard if token.kind in LITERAL else firm).append(token.word)
    words = sorted(soft)
    bits = 0
    for word in words:
        bits |= _bit(word)
    halves = _half(firm, reading, _DENIED) << HALF | _half(hard, reading, _EXACT)
    return _hash(" ".join(words)) << BITS + HASHED | halves << BITS | bits


def _half(words: list[str], reading: Reading, kinds: tuple[Kind, ...]) -> int:
    """A hash of these words, and of what is said by grammar of these kinds."""
    said = [
        f"{kind}:{word}" for kind in kinds if kind in reading.marks for word in sorted(reading.marks[kind])
    ]
    return _hash(" ".join(sorted(words) + said)) & _HALF if words or said else 0


def _hash(text: str) -> int:
    return crc32(text.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=8192)
def _bit(word: str) -> int:
    return 1 << (_hash(word) % BITS)


def may_match(one: int, other: int) -> bool:
    """False where nothing could prove these the same. Where what must be the same differs, an unknown word
    beside it may be the slip that explains it."""
    differ = (one ^ other) & _LIKE
    if differ & _HARD:
        return False
    bits = (differ & _MASK).bit_count()
    return bits <= APART if differ <= _MASK else 0 < bits <= SLIPPED


def apart(one: int, other: int) -> int:
    """In how many bits they differ, but for the hash of all words."""
    return ((one ^ other) & _LIKE).bit_count()
