"""Answers kept in this process alone: gone with it."""

from __future__ import annotations

from collections import OrderedDict

from headgate.core.reuse import Stored

LARGEST = 1 / 8
"""The share of the whole room that one answer may take."""


class MemoryCache:
    """`ports.Cache`, bounded in bytes: the least recently used goes first.

    Known weakness: weights are estimates; Python's own overhead comes on top, some tenth of it.
    """

    deep = False

    def __init__(self, *, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._largest = int(max_bytes * LARGEST)
        self.bytes = 0
        self.evicted = 0
        self._answers: OrderedDict[bytes, Stored] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, identity: bytes, now: float) -> Stored | None:
        found = self._answers.get(identity)
        if found is None:
            return None
        if now >= found.expires_at:
            self._drop(identity)
            return None
        self._answers.move_to_end(identity)
        return found

    def put(self, identity: bytes, answer: Stored) -> None:
        answers, weight = self._answers, answer.weight()
        if identity in answers:
            self._drop(identity)
        if weight > self._largest:
            return
        answers[identity] = answer
        self.bytes += weight
        if self.bytes > self.max_bytes:
            self._shrink()

    async def seek(self, identity: bytes, now: float) -> Stored | None:
        return self.get(identity, now)

    def clear(self) -> int:
        count = len(self._answers)
        self._answers.clear()
        self.bytes = 0
        return count

    def resize(self, max_bytes: int) -> None:
        """More or less room from now on."""
        self.max_bytes = max_bytes
        self._largest = int(max_bytes * LARGEST)
        self._shrink()

    def _shrink(self) -> None:
        """The least recently used go, until the others have room."""
        while self.bytes > self.max_bytes:
            _, gone = self._answers.popitem(last=False)
            self.bytes -= gone.weight()
            self.evicted += 1

    def _drop(self, identity: bytes) -> None:
        self.bytes -= self._answers.pop(identity).weight()
