"""Hedging: when a second call is worth it, where it may go, and how it ended.

A request that has had no first byte for longer than nearly all of its kind is asked a second time elsewhere;
who begins first serves (Dean and Barroso, *The Tail at Scale*, Communications of the ACM 2013). The delay is
fixed, or a quantile of the model's own recent times to the first byte.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from enum import StrEnum
from math import ceil
from typing import Literal

import msgspec

RECENT = 256
"""Times of a model that its quantiles are taken from."""
LEAST = 20
"""Of fewer nothing is known; nor where less than one of them lies beyond the quantile."""
MORE = 1.1
"""So many times as long as the quantile is the delay: where all take equally long nobody is slow."""
BURST = 10.0
"""So many hedges may be made in a row, where none was made for long."""

Where = Literal["either", "key", "model"]


class Bet(StrEnum):
    """How a hedge ended: it served, the first call did, it failed, or nobody waited for either any more."""

    WON = "won"
    LOST = "lost"
    FAILED = "failed"
    GONE = "gone"


class Times:
    """Seconds to the first byte of the last `RECENT` calls to one model. O(log n), but for a short `memmove`.

    Of a call that was given up its time so far belongs here too: it is one of the long ones, and where those
    are left out the quantile of what remains is shorter each time.

    Known weakness: the last calls, whenever they were: of a model that is seldom asked they are old.
    """

    __slots__ = ("_inorder", "_known")

    def __init__(self) -> None:
        self._inorder: deque[float] = deque()
        self._known: list[float] = []

    def observe(self, seconds: float) -> None:
        self._inorder.append(seconds)
        insort(self._known, seconds)
        if len(self._inorder) > RECENT:
            del self._known[bisect_left(self._known, self._inorder.popleft())]

    def quantile(self, share: float) -> float | None:
        """The shortest time that so many of them did not exceed, by rank; `None` while that is not known."""
        count = len(self._known)
        if count < LEAST or count * (1.0 - share) < 1.0 - 1e-9:
            return None
        return self._known[ceil(count * share - 1e-9) - 1]


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a route says of hedges. `after_s`: the delay in seconds, where it is fixed; else it is a little
    more than the `quantile` of the model's times, and `floor_s` at least. `max_share`: hedges as a share of
    requests."""

    after_s: float | None = None
    quantile: float = 0.95
    floor_s: float = 0.1
    max_share: float = 0.05
    at: Where = "either"

    def delay_s(self, times: Times) -> float | None:
        """How long to wait for a first byte; `None` while that is not known."""
        if self.after_s is not None:
            return self.after_s
        learnt = times.quantile(self.quantile)
        return None if learnt is None else max(learnt * MORE, self.floor_s)

    def another_key(self, chain: Sequence[str], attempts: int) -> bool:
        """Whether the same model may be asked under another key: that takes an attempt which none of the
        other models is owed."""
        return self.at != "model" and attempts > len(chain)

    def other_models(self, chain: Sequence[str], model: str) -> tuple[str, ...]:
        """Who may be asked in that one's place, best first: with an attempt that they are owed anyway."""
        return () if self.at == "key" else tuple(other for other in chain if other != model)
