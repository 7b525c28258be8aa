"""What is asked most: counts that fade, of a bounded number of questions."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")

ROOM = 8
"""Questions that are counted, for each of those that are wanted."""

HALF_LIFE_S = 43_200.0
"""After a day a question counts a quarter: one that was asked once is forgotten then."""

_LEAST = 0.3


class Popular(Generic[T]):
    """Keeps with each question how it was last asked. Where there are too many, the lesser half goes."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._asked: dict[bytes, tuple[float, T]] = {}
        self._faded_at: float | None = None

    def note(self, question: bytes, asked: T) -> None:
        known = self._asked.get(question)
        self._asked[question] = (1.0 if known is None else known[0] + 1.0, asked)
        if len(self._asked) > self.most * ROOM:
            self._asked = dict(self._ordered()[: self.most * ROOM // 2])

    def top(self, now: float) -> list[tuple[bytes, T]]:
        """The most asked of about the last day, those that came more than once, most asked first."""
        self._fade(now)
        best = self._ordered()[: self.most]
        return [(question, asked) for question, (count, asked) in best if count > 1.0]

    def _ordered(self) -> list[tuple[bytes, tuple[float, T]]]:
        return sorted(self._asked.items(), key=lambda one: -one[1][0])

    def _fade(self, now: float) -> None:
        if self._faded_at is None:
            self._faded_at = now
        if now - self._faded_at < HALF_LIFE_S / 12:
            return
        share = 0.5 ** ((now - self._faded_at) / HALF_LIFE_S)
        faded = ((question, (count * share, asked)) for question, (count, asked) in self._asked.items())
        self._asked = {question: one for question, one in faded if one[0] >= _LEAST}
        self._faded_at = now
