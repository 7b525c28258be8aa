"""Answers kept in this process alone: gone with it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from headgate.core.identity import Identity
from headgate.core.reuse import ENTRY_BYTES, Form, Stored

SPARE = 128
"""Where there is no room any more, one part in so many is made free at once."""
LARGEST = 1 / 8
"""The share of the whole room that one answer may take."""


class _Entry(msgspec.Struct, eq=False, gc=False):
    """An answer, and the next to the same request: each in another form."""

    identity: Identity
    answer: Stored
    weight: int
    next: _Entry | None = None


class MemoryCache:
    """`ports.Cache`, bounded in bytes: the least recently used goes first.

    Who comes first by a mark is kept under it, others of the same mark under their keys: while they are asked
    for he counts as used too, so that they are found.

    Known weakness: weights are estimates; Python's own overhead comes on top, some tenth of it. A request's
    words, where they are kept, take the room of answers.
    """

    deep = False

    def __init__(self, *, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._largest = int(max_bytes * LARGEST)
        self.bytes = 0
        self._answers: OrderedDict[int | bytes, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(_chained(first)) for first in self._answers.values())

    def knows(self, identity: Identity) -> bool:
        return identity.name in self._answers

    def get(self, identity: Identity, now: float) -> Stored | None:
        first = self._answers.get(identity.name)
        if first is None:
            return None
        if first.identity.form is identity.form and first.identity.means(identity):
            self._answers.move_to_end(identity.name)
            answer = first.answer
            fresh = now < answer.stored_at + answer.life.fresh_s  # as mostly
            return answer if fresh or now < answer.expires_at else None
        for entry in self._found(identity):
            if entry.identity.form is identity.form:
                return entry.answer if now < entry.answer.expires_at else None
        return None

    def others(self, identity: Identity, now: float) -> Iterable[Stored]:
        if identity.name not in self._answers:
            return ()
        found = (entry for entry in self._found(identity) if entry.identity.form != identity.form)
        return [entry.answer for entry in found if now < entry.answer.expires_at]

    def put(self, identity: Identity, answer: Stored) -> None:
        answers, name, others = self._answers, identity.name, None
        if name in answers:
            name = self._name(identity)
            others = self._taken(name, identity.form)
        weight = ENTRY_BYTES + len(answer.body) + len(answer.end[0]) + len(identity.words)
        if weight <= self._largest:
            answers[name] = _Entry(identity, answer, weight, others)
            self.bytes = held = self.bytes + weight
            if held > self.max_bytes:
                self._shrink()
        elif others is not None:
            answers[name] = others

    async def seek(self, identity: Identity, now: float) -> Stored | None:
        return self.get(identity, now)

    def clear(self) -> int:
        count = len(self)
        self._answers.clear()
        self.bytes = 0
        return count

    def resize(self, max_bytes: int) -> None:
        """More or less room from now on."""
        self.max_bytes = max_bytes
        self._largest = int(max_bytes * LARGEST)
        self._shrink()

    def _name(self, identity: Identity) -> int | bytes:
        """Under which what it means is, or would be."""
        name = identity.name
        if self._answers[name].identity.means(identity):
            return name
        self._answers.move_to_end(name)
        return identity.key()

    def _found(self, identity: Identity) -> list[_Entry]:
        name = self._name(identity)
        first = self._answers.get(name)
        if first is None:
            return []
        self._answers.move_to_end(name)
        return _chained(first)

    def _taken(self, name: int | bytes, form: Form) -> _Entry | None:
        """What is there is taken out; what of it is in another form is given back."""
        others = None
        for entry in _chained(self._answers.pop(name, None)):
            if entry.identity.form == form:
                self.bytes -= entry.weight
            else:
                others = _Entry(entry.identity, entry.answer, entry.weight, others)
        return others

    def _shrink(self) -> None:
        """The least recently used go, until the others have room, and some who come next."""
        answers, held, aim = self._answers, self.bytes, self.max_bytes - self.max_bytes // SPARE
        while held > aim:
            _, gone = answers.popitem(last=False)
            held -= gone.weight if gone.next is None else sum(one.weight for one in _chained(gone))
        self.bytes = held


def _chained(first: _Entry | None) -> list[_Entry]:
    found = []
    while first is not None:
        found.append(first)
        first = first.next
    return found
