"""Answers that are kept, by the identity of the request they answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from headgate.core.identity import Identity
from headgate.core.reuse import Stored


class Cache(Protocol):
    """A bounded store of answers. Nothing on the request's way waits for it, unless it is `deep`: the three
    verbs return at once.

    An identity already contains the partition (`core.identity`): whoever has one may have the answer.
    """

    @property
    def deep(self) -> bool:
        """Whether there may be answers that `get` does not know and `seek` does."""
        ...

    def knows(self, identity: Identity) -> bool:
        """Whether anything of the kind may be at hand, in whatever form. No is certain, and costs little."""
        ...

    def get(self, identity: Identity, now: float) -> Stored | None:
        """The answer, if it is at hand and has not expired at `now` (seconds since the epoch)."""
        ...

    def others(self, identity: Identity, now: float) -> Iterable[Stored]:
        """The same in other forms, as far as they are at hand."""
        ...

    def put(self, identity: Identity, answer: Stored) -> None:
        """Keeps the answer, in the place of an older one; others may have to go for it. An answer that would
        take too much of the room is not kept."""
        ...

    def clear(self) -> int:
        """Forgets everything. How many answers that was, as far as it is known at once."""
        ...

    async def seek(self, identity: Identity, now: float) -> Stored | None:
        """The answer, also where looking for it takes a moment. Never raises: a store that does not answer
        has nothing."""
        ...


class ShelfGone(Exception):
    """The shelf gave no answer."""


class Extent(msgspec.Struct, frozen=True):
    """How much there is."""

    answers: int
    bytes: int


class Shelf(Protocol):
    """A bounded store of answers outside of this process's memory, where everything takes a moment.

    The least recently used go when its bytes are full; an answer that would take too much of the room is not
    kept. Several processes may share one. Every verb raises `ShelfGone` where nobody answers. What is found
    damaged is set aside, or forgotten, with a warning.
    """

    async def find(self, identity: bytes, now: float) -> Stored | None:
        """The answer, if it is there and has not expired at `now` (seconds since the epoch)."""
        ...

    async def keep(self, answers: Sequence[tuple[bytes, Stored]], now: float) -> None:
        """Keeps them all, each in the place of an older one."""
        ...

    async def clear(self) -> int:
        """Forgets everything, and begins another epoch. How many answers that was."""
        ...

    async def epoch(self) -> str:
        """Another after every `clear`, whoever said it: what was in memory before is forgotten too."""
        ...

    async def extent(self) -> Extent: ...

    async def close(self) -> None: ...
