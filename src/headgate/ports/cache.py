"""Answers that are kept, by the identity of the request they answer."""

from __future__ import annotations

from typing import Protocol

from headgate.core.reuse import Stored


class Cache(Protocol):
    """A bounded store of answers. Nothing on the request's way waits for it: both verbs return at once.

    An identity already contains the partition (`core.reuse.identity`): whoever has one may have the answer.
    """

    def get(self, identity: bytes, now: float) -> Stored | None:
        """The answer, if it is there and has not expired at `now` (seconds since the epoch)."""
        ...

    def put(self, identity: bytes, answer: Stored) -> None:
        """Keeps the answer, in the place of an older one; others may have to go for it. An answer that would
        take too much of the room is not kept."""
        ...

    def clear(self) -> int:
        """Forgets everything. How many answers that was."""
        ...
