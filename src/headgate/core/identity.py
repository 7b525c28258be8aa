"""What makes two requests the same; and how little of them has to be read to see that they are not.

A request's key is sure, and dear: its JSON is decoded, sorted, encoded and hashed. Its mark is cheap, the
same for all that say the same, and mostly another for others. Where nobody else has the mark nobody asked
the same, and the key is not wanted: the words themselves are kept instead, and read when a second comes.

Known weakness: requests that end alike and are of the same length, however they begin, have one mark and are
all read.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

import msgspec

from headgate.core.reuse import FORMS, Form

Reading = Callable[[bytes], bytes | None]
"""The words of a request in one form for all that say the same; `None` of words that cannot be read, or in
two ways: those are the same only as themselves."""

Glance = tuple[int, str]
"""How many turns a request has, and what was said last: all that a mark is made of."""

HEAD, TAIL = slice(None, 64), slice(-64, None)
"""Of what was said last so many characters are looked at."""

LONGEST = 4_096
"""Bytes of a request that are kept with its answer, for want of a key. A longer one is read at once."""

UNREAD = b"\0"
"""Before words that nobody can read: no canonical request begins so."""


class Naming:
    """How requests of one kind are named in one partition. `lazy`: by their marks, where that will do."""

    __slots__ = ("_begun", "_lazy", "_read", "_seed")

    def __init__(self, seed: bytes, read: Reading, *, lazy: bool) -> None:
        self._begun = blake2b(digest_size=20, salt=seed)  # setting it up takes as long as a short request
        self._seed = seed
        self._read = read
        self._lazy = lazy

    def name(self, words: bytes, glance: Glance, form: Form) -> Identity:
        if not self._lazy:
            return known(self.key(words), form)
        turns, said = glance
        mark = hash((self._seed, turns, len(said), said[HEAD], said[TAIL]))
        if len(words) > LONGEST:
            return Identity(mark, form, b"", self, self.key(words))
        return Identity(mark, form, words, self)

    def key(self, words: bytes) -> bytes:
        """20 bytes. Of two requests that differ, in what they say or in their partition, they are the same
        with a probability of 2^-160 (BLAKE2b, RFC 7693)."""
        hashed = self._begun.copy()
        hashed.update(self._read(words) or UNREAD + words)
        return hashed.digest()


class Identity(msgspec.Struct, eq=False, gc=False):
    """What requests have in common that one answer will do for, and in which form that is to be told.

    `name` is the key, or a mark: of two with one mark `means` tells whether they are the same. `kept`: who
    has looked in memory has seen something of that name, or nobody has looked.
    """

    name: int | bytes
    form: Form
    words: bytes = b""
    naming: Naming | None = None
    _key: bytes | None = None
    kept: bool = True

    def key(self) -> bytes:
        """Reads the request, if nobody has."""
        if self._key is None:
            self._key = self.naming.key(self.words)  # type: ignore[union-attr]  # there where no key is
        return self._key

    def told(self) -> bytes:
        """The key and the form, in 21 bytes."""
        return self.key() + FORMS[self.form]

    def means(self, other: Identity) -> bool:
        """Whether the two say the same, in whatever form."""
        if self.words and self.words == other.words and self.naming is other.naming:
            return True
        return self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.form == other.form and self.means(other)


def known(key: bytes, form: Form) -> Identity:
    """Of that key: there is nothing left to read."""
    return Identity(key, form, _key=key)


def told_as(told: bytes) -> Identity:
    """The one that was `told` so."""
    return known(told[:-1], Form(told[-1]))
